"""Expert iteration: a policy that learns from its own right answers.

For each of n steps: sample G rollouts of D_b questions, score them, filter the right ones, fine-tune on them
(sft), evaluate. Step 0 is the evaluation of the untouched base policy.
"""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/step.smk"
include: "workflow/rules/report.smk"


# The main run: config.yaml as it stands.
rule all:
    default_target: True
    input:
        finished("results"),


# Five steps on a CPU, in minutes: a tiny policy that learns arithmetic.
rule demo:
    input:
        finished("results/demo"),


# The main run and every run of the sweep.
rule sweep:
    input:
        finished(*MAIN_AND_SWEEP),
