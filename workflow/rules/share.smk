"""What need not be made again, and which rule makes a file that several could make."""


# An artifact that another run makes with the very same settings: a link, no computation.
rule share:
    input:
        shared_source,
    output:
        "{shared}",
    log:
        "logs/share/{shared}.log",
    wildcard_constraints:
        shared=only(SHARED),
    localrule: True
    conda:
        "../envs/cpu.yaml"
    shell:
        "ln -sr {input:q} {output:q} 2>&1 | tee {log:q}"


ruleorder: share > metrics_development > grade_development > gather_development
ruleorder:
    share
    > metrics
    > grade
    > gather_answers
    > eval
    > sft
    > filter
    > score
    > traces
    > gather
    > sample
    > data_with_development
    > data
