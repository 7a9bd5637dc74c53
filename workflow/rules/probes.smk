"""Probes: further evaluations of a policy, which show what the curve alone does not.

The base policy under other prompts, and several responses to each question before the first step
and after the last (ei.runs.probes). They come after all that the curve waits for.
"""


# A probe: the same evaluation under another prompt, or of several responses to each question. It
# comes after all that the curve waits for.
use rule eval as probe with:
    input:
        policy=lambda w: policy(w.run, int(w.step)),
        data="{run}/data/validation.parquet",
        development=[],
        prompt=probe_prompt,
        stale=if_stale("{run}/step{step}/{probe}/answers/{shard}-of-{shards}.parquet"),
    output:
        "{run}/step{step}/{probe}/answers/{shard}-of-{shards}.parquet",
    log:
        "{run}/step{step}/logs/{probe}/probe-{shard}-of-{shards}.log",
    benchmark:
        "{run}/step{step}/benchmarks/{probe}/probe-{shard}-of-{shards}.jsonl"
    priority: 0
    params:
        flags=probe_flags("eval", "--if_chat"),
        lineage=probe_lineage("probe"),


# Grade its answers, where a box may count as well as the tags.
rule probe_grade:
    input:
        answers="{run}/step{step}/{probe}/answers/0-of-1.parquet",
        stale=if_stale("{run}/step{step}/{probe}/responses.parquet"),
    output:
        table="{run}/step{step}/{probe}/responses.parquet",
        report="{run}/step{step}/{probe}/responses.json",
        pairs="{run}/step{step}/{probe}/responses.pairs.parquet",
    log:
        "{run}/step{step}/logs/{probe}/probe_grade.log",
    benchmark:
        "{run}/step{step}/benchmarks/{probe}/probe_grade.jsonl"
    conda:
        CPU_ENV
    threads: threads
    params:
        flags=probe_flags("score"),
        lineage=probe_lineage("probe_grade"),
    shell:
        "score.py"
        " --rollouts {input.answers:q}"
        " --workers {threads}"
        " {params.flags:q}"
        " --output {output.table:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Sum it up.
rule probe_metrics:
    input:
        responses="{run}/step{step}/{probe}/responses.parquet",
        stale=if_stale("{run}/step{step}/{probe}/eval.json"),
    output:
        "{run}/step{step}/{probe}/eval.json",
    log:
        "{run}/step{step}/logs/{probe}/probe_metrics.log",
    benchmark:
        "{run}/step{step}/benchmarks/{probe}/probe_metrics.jsonl"
    conda:
        CPU_ENV
    params:
        lineage=probe_lineage("probe_metrics"),
    shell:
        "metrics.py"
        " --responses {input.responses:q}"
        " --step {wildcards.step}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"
