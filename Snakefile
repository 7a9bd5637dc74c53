"""Expert iteration: a policy that learns from its own right answers.

For each of n steps: sample G rollouts of D_b questions, score them, filter the right ones, fine-tune on them
(sft), evaluate. Step 0 is the evaluation of the untouched base policy.
"""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/paths.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/step.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/report.smk"
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
        "results/report/index.html",


# Each preset is a target: its main run; with `_report`, its other runs and its page as well. `snakemake demo` is five
# steps on a CPU, in minutes: a tiny policy that learns arithmetic.
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
