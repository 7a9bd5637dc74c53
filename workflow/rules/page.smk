"""What a run comes to, and what the runs of an experiment say together."""


# Seconds of one core each: on a cluster, not worth a submission.
localrules:
    progress,
    table,
    summarize,
    plots,
    compare,
    discuss,
    report_plots,
    page,
    export_policy,


# Sum up the run as far as this step, and show that: the table, the plots and the page so far.
# What it shows is no output, since every step makes it again; until the final files are made, links
# in their places lead to it. It takes seconds and no core that another job could have (threads: 0),
# and a page that cannot be made does not end a run.
rule progress:
    input:
        data=["{run}/data/train.parquet", "{run}/data/validation.parquet"],
        evaluations=so_far("eval.json"),
        developments=so_far("development.json"),
        responses=so_far("responses.parquet"),
        scored=so_far("scored.parquet", 1),
        rounds=rounds_so_far,
        filters=so_far("filtered.json", 1),
        trainings=so_far("training.json", 1),
        updates=so_far("training.parquet", 1),
        stale=if_stale("{run}/step{step}/so_far.json"),
    output:
        "{run}/step{step}/so_far.json",
    log:
        "{run}/step{step}/logs/progress.log",
    benchmark:
        "{run}/step{step}/benchmarks/progress.jsonl"
    priority: 30
    conda:
        CPU_ENV
    threads: 0
    params:
        identity=identity,
        benchmarks=records_so_far,
        experiment=lambda w: RUNS[w.run].experiment,
    shell:
        "( summarize.py"
        " --run {wildcards.run:q}"
        " {params.identity:q}"
        " --benchmarks {params.benchmarks:q}"
        " --so_far"
        " --output {output:q}"
        " && ( progress.py"
        " --experiment {params.experiment:q}"
        " || echo 'warning: what is there so far could not be shown' )"
        " ) > {log:q} 2>&1"


# The table of the steps, printed and kept.
rule table:
    input:
        evaluations=of_steps("eval.json"),
        filters=of_steps("filtered.json", 1),
        trainings=of_steps("training.json", 1),
        so_far=of_steps("so_far.json"),
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
        run="{run}/run.json",
        so_far=of_steps("so_far.json"),
        stale=if_stale("{run}/plots/accuracy.png"),
    output:
        report(
            multiext(
                "{run}/plots/",
                *[f"{name}.{kind}" for name in OF_RUN for kind in ("png", "svg")],
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
        names=OF_RUN,
        target=target_accuracy,
    shell:
        "plots.py"
        " --runs {input.run:q}"
        " {params.target:q}"
        " --names {params.names}"
        " --output {params.folder:q}"
        " > {log:q} 2>&1"


# Pair the runs' answers question by question.
rule compare:
    input:
        runs=summaries,
        responses=graded,
    output:
        "{experiment}/report/comparisons.json",
    log:
        "{experiment}/logs/report/compare.log",
    benchmark:
        "{experiment}/benchmarks/report/compare.jsonl"
    conda:
        CPU_ENV
    shell:
        "compare.py" " --runs {input.runs:q}" " --output {output:q}" " > {log:q} 2>&1"


# Two sentences: how expert iteration compares with SFT, and its steps with each other.
rule discuss:
    input:
        runs=summaries,
        comparisons="{experiment}/report/comparisons.json",
    output:
        report(
            "{experiment}/report/discussion.md",
            category="{experiment}",
            caption="../report/discussion.rst",
        ),
    log:
        "{experiment}/logs/report/discuss.log",
    benchmark:
        "{experiment}/benchmarks/report/discuss.jsonl"
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
                f"{{experiment}}/report/plots/{name}.{kind}",
                category="{experiment}",
                caption=f"../report/{name}.rst",
            )
            for name in PICTURES
            for kind in ("png", "svg")
        ],
    log:
        "{experiment}/logs/report/plots.log",
    benchmark:
        "{experiment}/benchmarks/report/plots.jsonl"
    conda:
        CPU_ENV
    params:
        folder="{experiment}/report/plots",
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
        comparisons="{experiment}/report/comparisons.json",
        discussion="{experiment}/report/discussion.md",
        plots=[f"{{experiment}}/report/plots/{name}.svg" for name in PICTURES],
        responses=graded,
        rollouts=browsed,
        so_far=shown_before,
        stale=if_stale("{experiment}/report/index.html"),
    output:
        report(
            "{experiment}/report/index.html",
            category="{experiment}",
            caption="../report/page.rst",
        ),
    log:
        "{experiment}/logs/report/page.log",
    benchmark:
        "{experiment}/benchmarks/report/page.jsonl"
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
