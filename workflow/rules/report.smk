"""What a run comes to: a table of its steps, and its plots."""


# The table of the steps, printed and kept.
rule table:
    input:
        evaluations=of_steps("eval.json"),
        filters=of_steps("filtered.json", 1),
        trainings=of_steps("training.json", 1),
    output:
        "{run}/steps.csv",
    log:
        "{run}/logs/table.log",
    benchmark:
        "{run}/benchmarks/table.jsonl"
    conda:
        "../envs/cpu.yaml"
    shell:
        "table.py --evaluations {input.evaluations:q} --filters {input.filters:q} --trainings {input.trainings:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule plots:
    input:
        evaluations=of_steps("eval.json"),
        trainings=of_steps("training.parquet", 1),
        summaries=of_steps("training.json", 1),
    output:
        report(
            multiext(
                "{run}/plots/",
                "accuracy.png",
                "accuracy.svg",
                "entropy.png",
                "entropy.svg",
            ),
            category="{run}",
        ),
    log:
        "{run}/logs/plots.log",
    benchmark:
        "{run}/benchmarks/plots.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        folder="{run}/plots",
        bar=lambda w: plan.flags({"bar": RUNS[w.run]["bar"]}),
    shell:
        "plots.py --evaluations {input.evaluations:q} --trainings {input.trainings:q} --summaries {input.summaries:q}"
        " {params.bar:q} --output {params.folder:q} 2>&1 | tee {log:q}"
