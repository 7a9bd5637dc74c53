"""Further rounds of a step, which draw again where that teaches most. Both are off by default.

    extra    more rollouts of the questions with at most one correct
    hints    rollouts of those that are still unsolved, with the reference answer in the prompt

Each round lies in a folder of its name, and `filter` takes it as well.
"""


def rounds_of_steps(wildcards):
    """The scored rollouts of the further rounds of each step."""
    return [path for name in rounds_of(wildcards) for path in of_steps(name, 1)(wildcards)]


def rounds_before(wildcards):
    """The scored rollouts of the rounds before this one."""
    extra = scored_in("extra")(wildcards) if wildcards.round == "hints" else []
    return [f"{wildcards.run}/step{wildcards.step}/scored.parquet", *extra]


def flags_of_round(wildcards, input):
    """The flags that make sample.py draw a further round."""
    settings = settings_of(wildcards)
    of_round = {"round": wildcards.round, "min_reward": settings["filter"]["min_reward"]}
    return [*setting_rules.flags(settings["sample"] | of_round), "--scored", *input.scored]


def lineage_of_round(wildcards):
    return lineage(wildcards.round)(wildcards)


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
