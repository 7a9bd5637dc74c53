"""Files that need not be made again."""

# Of what can be shared, Snakemake wants to know which are folders.
SHARED_FOLDERS = [path for path in SHARED if Path(path).name in lineages.FOLDERS]


# A file that another run makes with the very same settings is a link to it, and costs nothing.
rule share:
    input:
        shared_from,
    output:
        "{shared}",
    log:
        "logs/share/{shared}.log",
    wildcard_constraints:
        shared=only([path for path in SHARED if path not in SHARED_FOLDERS]),
    localrule: True
    conda:
        CPU_ENV
    shell:
        "ln -sr {input:q} {output:q} > {log:q} 2>&1"


use rule share as share_folder with:
    output:
        directory("{shared}"),
    wildcard_constraints:
        shared=only(SHARED_FOLDERS),


# Where a file can be shared, the rule that would make it stands back.
ruleorder: share > data
ruleorder: share > gather
ruleorder: share > traces
ruleorder: share > gather_round
ruleorder: share > score_round
ruleorder: share > score
ruleorder: share > filter
ruleorder: share > sft
ruleorder: share_folder > sft
ruleorder: share > grade
ruleorder: share > metrics
ruleorder: share > probe_grade
ruleorder: share > probe_metrics
