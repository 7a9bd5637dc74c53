"""Further rounds of a step, which draw again where that teaches most. Both are off by default.

    extra    more rollouts of the questions with at most one correct
    hints    rollouts of those that are still unsolved, with the reference answer in the prompt

Each round lies in a folder of its name, and `filter` takes it as well.
"""


# Draw a round's rollouts from the same policy, of the questions that the rounds before leave to it.
use rule sample as sample_round with:
    input:
        policy=lambda w: policy(w.run, int(w.step) - 1),
        data="{run}/data/train.parquet",
        prompt=prompt,
        scored=rounds_before,
        stale=if_stale("{run}/step{step}/{round}/rollouts/{shard}-of-{shards}.parquet"),
    output:
        "{run}/step{step}/{round}/rollouts/{shard}-of-{shards}.parquet",
    log:
        "{run}/step{step}/logs/sample_{round}-{shard}-of-{shards}.log",
    benchmark:
        "{run}/step{step}/benchmarks/sample_{round}-{shard}-of-{shards}.jsonl"
    params:
        flags=flags_of_round,
        lineage=lineage_of_round,


use rule gather as gather_round with:
    input:
        shards=shards_of("{round}/rollouts"),
        stale=if_stale("{run}/step{step}/{round}/rollouts.parquet"),
    output:
        "{run}/step{step}/{round}/rollouts.parquet",
    log:
        "{run}/step{step}/logs/gather_{round}.log",
    benchmark:
        "{run}/step{step}/benchmarks/gather_{round}.jsonl"
    params:
        lineage=lineage_of_round,


# Grade a round's rollouts; the first round's verdicts are reused.
use rule score as score_round with:
    input:
        rollouts="{run}/step{step}/{round}/rollouts.parquet",
        memo="{run}/step{step}/scored.pairs.parquet",
        stale=if_stale("{run}/step{step}/{round}/scored.parquet"),
    output:
        table="{run}/step{step}/{round}/scored.parquet",
        report="{run}/step{step}/{round}/scored.json",
        pairs="{run}/step{step}/{round}/scored.pairs.parquet",
    log:
        "{run}/step{step}/logs/score_{round}.log",
    benchmark:
        "{run}/step{step}/benchmarks/score_{round}.jsonl"
    params:
        lineage=lineage_of_round,
