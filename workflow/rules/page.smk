"""What a run comes to, and what the runs of an experiment say together."""


# Seconds of one core each: on a cluster, not worth a submission.
localrules:
    table,
    summarize,
    plots,
    compare,
    discuss,
    report_plots,
    page,
    export_policy,


# The table of the steps, printed and kept.
rule table:
    input:
        evaluations=of_steps("eval.json"),
        filters=of_steps("filtered.json", 1),
        trainings=of_steps("training.json", 1),
        stale=if_stale("{run}/steps.csv"),
    output:
        "{run}/steps.csv",
    log:
        "{run}/logs/table.log",
    benchmark:
        "{run}/benchmarks/table.jsonl"
    conda:
        CPU_ENV
    shell:
        "table.py"
        " --evaluations {input.evaluations:q}"
        " --filters {input.filters:q}"
        " --trainings {input.trainings:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


# Sum up the run in one file, from which pictures, comparisons and page are made.
rule summarize:
    input:
        data=["{run}/data/train.parquet", "{run}/data/validation.parquet"],
        evaluations=of_steps("eval.json"),
        developments=of_steps("development.json"),
        scored=of_steps("scored.parquet", 1),
        rounds=rounds_of_steps,
        filters=of_steps("filtered.json", 1),
        trainings=of_steps("training.json", 1),
        updates=of_steps("training.parquet", 1),
        probes=of_probes("eval.json"),
        records=records_of_jobs,
        stale=if_stale("{run}/run.json"),
    output:
        "{run}/run.json",
    log:
        "{run}/logs/summarize.log",
    benchmark:
        "{run}/benchmarks/summarize.jsonl"
    conda:
        CPU_ENV
    params:
        identity=identity,
    shell:
        "summarize.py"
        " --run {wildcards.run:q}"
        " {params.identity:q}"
        " --probes {input.probes:q}"
        " --benchmarks {input.records:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


# Accuracy and entropy of one run.
rule plots:
    input:
        "{run}/run.json",
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
            caption="../report/run.rst",
        ),
    log:
        "{run}/logs/plots.log",
    benchmark:
        "{run}/benchmarks/plots.jsonl"
    conda:
        CPU_ENV
    params:
        folder="{run}/plots",
        target=target_accuracy,
    shell:
        "plots.py"
        " --runs {input:q}"
        " {params.target:q}"
        " --names accuracy entropy"
        " --output {params.folder:q}"
        " > {log:q} 2>&1"


# Pair the runs' answers question by question.
rule compare:
    input:
        runs=summaries,
        responses=graded,
    output:
        "{experiment}/{report}/comparisons.json",
    log:
        "{experiment}/logs/{report}/compare.log",
    benchmark:
        "{experiment}/benchmarks/{report}/compare.jsonl"
    conda:
        CPU_ENV
    shell:
        "compare.py" " --runs {input.runs:q}" " --output {output:q}" " > {log:q} 2>&1"


# Two sentences: how expert iteration compares with SFT, and its steps with each other.
rule discuss:
    input:
        runs=summaries,
        comparisons="{experiment}/{report}/comparisons.json",
    output:
        report(
            "{experiment}/{report}/discussion.md",
            category="{experiment}",
            caption="../report/discussion.rst",
        ),
    log:
        "{experiment}/logs/{report}/discuss.log",
    benchmark:
        "{experiment}/benchmarks/{report}/discuss.jsonl"
    conda:
        CPU_ENV
    shell:
        "discuss.py"
        " --runs {input.runs:q}"
        " --comparisons {input.comparisons:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


# The pictures that compare runs.
rule report_plots:
    input:
        summaries,
    output:
        [
            report(
                f"{{experiment}}/{{report}}/plots/{name}.{kind}",
                category="{experiment}",
                caption=f"../report/{name}.rst",
            )
            for name in PICTURES
            for kind in ("png", "svg")
        ],
    log:
        "{experiment}/logs/{report}/plots.log",
    benchmark:
        "{experiment}/benchmarks/{report}/plots.jsonl"
    conda:
        CPU_ENV
    params:
        folder="{experiment}/{report}/plots",
        target=target_accuracy,
    shell:
        "plots.py"
        " --runs {input:q}"
        " {params.target:q}"
        " --output {params.folder:q}"
        " > {log:q} 2>&1"


# All of it on one page, with the main run's rollouts to browse.
rule page:
    input:
        runs=summaries,
        comparisons="{experiment}/{report}/comparisons.json",
        discussion="{experiment}/{report}/discussion.md",
        plots=[f"{{experiment}}/{{report}}/plots/{name}.svg" for name in PICTURES],
        responses=graded,
        rollouts=browsed,
    output:
        report(
            "{experiment}/{report}/index.html",
            category="{experiment}",
            caption="../report/page.rst",
        ),
    log:
        "{experiment}/logs/{report}/page.log",
    benchmark:
        "{experiment}/benchmarks/{report}/page.jsonl"
    conda:
        CPU_ENV
    params:
        plots=lambda w, input: os.path.dirname(input.plots[0]),
    shell:
        "page.py"
        " --runs {input.runs:q}"
        " --comparisons {input.comparisons:q}"
        " --discussion {input.discussion:q}"
        " --plots {params.plots:q}"
        " --browse {wildcards.experiment:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"


# The best policy as a folder for the hub, with a model card made from the run. Nothing is uploaded.
rule export_policy:
    input:
        run="{run}/run.json",
        policy=exported_policy,
        base=base_policy,
        prompt=prompt,
    output:
        directory("{run}/export"),
    log:
        "{run}/logs/export.log",
    conda:
        CPU_ENV
    shell:
        "export.py"
        " --run {input.run:q}"
        " --policy {input.policy:q}"
        " --base {input.base:q}"
        " --prompt {input.prompt:q}"
        " --output {output:q}"
        " > {log:q} 2>&1"
