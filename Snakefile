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
include: "workflow/rules/preflight.smk"
include: "workflow/rules/lookups.smk"
include: "workflow/rules/asides.smk"
include: "workflow/rules/reporting.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/step.smk"
include: "workflow/rules/rounds.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/probes.smk"
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


# The page of what is there, of an unfinished run too; it starts nothing else.
rule report:
    log:
        "results/logs/report.log",
    localrule: True
    conda:
        CPU_ENV
    shell:
        "progress.py --experiment results --anew 2>&1 | tee {log:q}"


# The main run's best policy as a folder ready for the hub, with a model card.
rule export:
    input:
        "results/export",


# Each preset is a target: its main run; with `_report`, also its other runs and its page; with
# `_export`, the folder of its best policy. A study, whose point is to compare its runs, makes all of
# them and the page under either of the first two names.
# `snakemake demo` is five steps on a CPU, in minutes: a tiny policy that learns arithmetic.
for preset in PRESETS:

    rule:
        name:
            preset
        input:
            of_preset(preset),

    rule:
        name:
            f"{preset}_report"
        input:
            of_preset(preset, report=True),

    rule:
        name:
            f"{preset}_export"
        input:
            f"results/{preset}/export",
