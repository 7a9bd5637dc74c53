"""Expert iteration: a policy that learns from its own right answers.

    policy 0 = the base model; evaluate it
    for n = 1 .. steps:
        sample    D_b training questions, G rollouts of each from policy n-1
        score     reward each rollout: right 1, wrong 0
        filter    keep the right ones
        sft       fine-tune policy n-1 on them: policy n
        evaluate  policy n on the validation questions

A step is workflow/rules/step.smk, its evaluation evaluation.smk. The main run lies in results/,
the runs of a sweep in results/sweep/NAME/; config.yaml says which runs there are.
"""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/config.smk"


configfile: CONFIG


include: "workflow/rules/runs.smk"
include: "workflow/rules/terminal.smk"
include: "workflow/rules/lookups.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/step.smk"
include: "workflow/rules/rounds.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/share.smk"


# The main run: config.yaml as it stands.
rule all:
    default_target: True
    input:
        finished("results"),


# SFT on given traces, or on the training set's solutions.
rule baseline:
    input:
        finished(*of_experiment("results", kind="sft")),


# The main run, every run of the sweep, the baseline, and the page that compares them.
rule sweep:
    input:
        finished(*of_experiment("results")),
        "results/report/index.html",


# The page of the main run and of those other runs that are finished.
rule report:
    input:
        "results/report_so_far/index.html",


# The main run's best policy as a folder ready for the hub, with a model card.
rule export:
    input:
        "results/export",


# Each preset is a target: its main run; with `_report`, also its other runs and its page; with
# `_export`, the folder of its best policy.
# `snakemake demo` is five steps on a CPU, in minutes: a tiny policy that learns arithmetic.
for preset in PRESETS:

    rule:
        name:
            preset
        input:
            finished(f"results/{preset}"),

    rule:
        name:
            f"{preset}_report"
        input:
            finished(*of_experiment(f"results/{preset}")),
            f"results/{preset}/report/index.html",

    rule:
        name:
            f"{preset}_export"
        input:
            f"results/{preset}/export",
