"""What a run comes to, and what the runs of an experiment say together."""


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


# Name the step with the best policy, and link to it.
rule best:
    input:
        developments=of_steps("development.json"),
        evaluations=of_steps("eval.json"),
    output:
        "{run}/best/best.json",
    log:
        "{run}/logs/best.log",
    benchmark:
        "{run}/benchmarks/best.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        policies=lambda w, input: [policy_of(w.run, step) for step in range(len(input.evaluations))],
        link="{run}/best/policy",
        lineage=lambda w, input: plan.lineage(settings_of(w), "metrics", len(input.evaluations) - 1),
    shell:
        "best.py --developments {input.developments:q} --evaluations {input.evaluations:q} --policies {params.policies:q}"
        " --link {params.link:q} --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


# Sum up the run in one file, for pictures, comparisons and page.
rule summarize:
    input:
        evaluations=of_steps("eval.json"),
        kept=lambda w: kept_by(w.run),
        table="{run}/steps.csv",
    output:
        "{run}/run.json",
    log:
        "{run}/logs/summarize.log",
    benchmark:
        "{run}/benchmarks/summarize.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        name=lambda w: RUNS[w.run].name,
        group=lambda w: RUNS[w.run].group,
        kind=lambda w: RUNS[w.run].kind,
        seed=setting("seed"),
        steps=lambda w, input: len(input.evaluations) - 1,
        settings=lambda w: json.dumps(plan.told(settings_of(w)), sort_keys=True),
        changes=lambda w: json.dumps(RUNS[w.run].changes, sort_keys=True),
    shell:
        "summarize.py --run {wildcards.run:q} --name {params.name} --group {params.group} --kind {params.kind}"
        " --seed {params.seed} --steps {params.steps} --settings {params.settings:q} --changes {params.changes:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


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
        "../envs/cpu.yaml"
    params:
        folder="{run}/plots",
        bar=lambda w: plan.flags({"bar": settings_of(w)["bar"]}),
    shell:
        "plots.py --runs {input:q} {params.bar:q} --names accuracy entropy --output {params.folder:q}"
        " 2>&1 | tee {log:q}"


# Pair the runs' answers question by question.
rule compare:
    input:
        reported,
    output:
        "{experiment}/report/comparisons.json",
    log:
        "{experiment}/logs/compare.log",
    benchmark:
        "{experiment}/benchmarks/compare.jsonl"
    conda:
        "../envs/cpu.yaml"
    shell:
        "compare.py --runs {input:q} --output {output:q} 2>&1 | tee {log:q}"


# Two sentences: how it compares with SFT, and the steps with each other.
rule discuss:
    input:
        runs=reported,
        comparisons="{experiment}/report/comparisons.json",
    output:
        report(
            "{experiment}/report/discussion.md",
            category="{experiment}",
            caption="../report/discussion.rst",
        ),
    log:
        "{experiment}/logs/discuss.log",
    benchmark:
        "{experiment}/benchmarks/discuss.jsonl"
    conda:
        "../envs/cpu.yaml"
    shell:
        "discuss.py --runs {input.runs:q} --comparisons {input.comparisons:q} --output {output:q} 2>&1 | tee {log:q}"


rule report_plots:
    input:
        reported,
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
        "{experiment}/logs/report_plots.log",
    benchmark:
        "{experiment}/benchmarks/report_plots.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        folder="{experiment}/report/plots",
        bar=lambda w: plan.flags({"bar": RUNS[w.experiment].settings["bar"]}),
    shell:
        "plots.py --runs {input:q} {params.bar:q} --output {params.folder:q} 2>&1 | tee {log:q}"


# All of it on one page, with the main run's rollouts to browse.
rule page:
    input:
        runs=reported,
        comparisons="{experiment}/report/comparisons.json",
        discussion="{experiment}/report/discussion.md",
        plots=[f"{{experiment}}/report/plots/{name}.svg" for name in PICTURES],
        rollouts=lambda w: kept_by(w.experiment),
    output:
        report(
            "{experiment}/report/index.html", category="{experiment}", caption="../report/page.rst"
        ),
    log:
        "{experiment}/logs/page.log",
    benchmark:
        "{experiment}/benchmarks/page.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        plots=lambda w, input: os.path.dirname(input.plots[0]),
    shell:
        "page.py --runs {input.runs:q} --comparisons {input.comparisons:q} --discussion {input.discussion:q}"
        " --plots {params.plots:q} --browse {wildcards.experiment:q} --output {output:q} 2>&1 | tee {log:q}"
