"""One step: sample -> gather -> score -> filter -> sft."""

# A rule's own constraints reach no wildcard of a pathvar, so the two rules that have one write their paths in full.
SAMPLING = {run for run in RUNS if RUNS[run].kind == "ei"}


# Draw rollouts from the step's policy for one shard of its questions.
rule sample:
    input:
        policy=policy_before,
        data="{run}/data/train.parquet",
        prompt=lambda w: local(RUNS[w.run].settings["prompt"]),
        known=known_rollouts,
    output:
        "{run}/step{step}/rollouts/{shard}-of-{shards}.parquet",
    log:
        "<step>/logs/sample-{shard}-of-{shards}.log",
    benchmark:
        "<step>/benchmarks/sample-{shard}-of-{shards}.jsonl"
    wildcard_constraints:
        run=only(SAMPLING),
    priority: 10
    conda:
        "../envs/gpu.yaml"
    threads: threads
    resources:
        gpu=gpus(),
        sequences=setting("vllm", "sequences"),
        memory_percent=setting("vllm", "memory_percent"),
    params:
        flags=flags("sample"),
        engine=setting("engine"),
        device=setting("device"),
        seed=setting("seed"),
        skip=setting("data", "skip_too_long"),
        known=lambda w: list(known_to(w).values()),
        lineage=lineage("sample"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " sample.py --policy {input.policy:q} --data {input.data:q} --prompt {input.prompt:q}"
        " --shard {wildcards.shard}/{wildcards.shards} --step {wildcards.step} --seed {params.seed}"
        " --engine {params.engine} --device {params.device} --skip_too_long {params.skip} {params.flags:q}"
        " --sequences {resources.sequences} --memory_percent {resources.memory_percent}"
        " --known {input.known:q} --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


# Join the shards, and what other runs have drawn of the same rollouts.
rule gather:
    input:
        shards=shards_of("rollouts"),
        known=known_rollouts,
        data=lambda w: [f"{w.run}/data/train.parquet"] if known_to(w) else [],
    output:
        "<step>/rollouts.parquet",
    log:
        "<step>/logs/gather.log",
    benchmark:
        "<step>/benchmarks/gather.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        part=taken,
        lineage=lineage("sample"),
    shell:
        "gather.py --shards {input.shards:q} {params.part:q} --output {output:q} --lineage {params.lineage}"
        " 2>&1 | tee {log:q}"


# What an SFT baseline is trained on stands in the place of rollouts.
rule traces:
    input:
        traces=traces_file,
        policy=policy_base,
        data="{run}/data/train.parquet",
        held_out=lambda w: [f"{w.run}/data/validation.parquet", *development(w)],
        prompt=lambda w: local(RUNS[w.run].settings["prompt"]),
    output:
        "{run}/step{step}/rollouts.parquet",
    log:
        "<step>/logs/traces.log",
    benchmark:
        "<step>/benchmarks/traces.jsonl"
    wildcard_constraints:
        run=only(set(RUNS) - SAMPLING),
    conda:
        "../envs/gpu.yaml"
    params:
        traces=lambda w, input: ["--traces", input.traces] if input.traces else [],
        skip=setting("data", "skip_too_long"),
        lineage=lineage("sample"),
    shell:
        "traces.py {params.traces:q} --policy {input.policy:q} --data {input.data:q} --held_out {input.held_out:q}"
        " --prompt {input.prompt:q} --skip_too_long {params.skip} --output {output:q} --lineage {params.lineage}"
        " 2>&1 | tee {log:q}"


# Grade every rollout against the reference answer.
rule score:
    input:
        rollouts="<step>/rollouts.parquet",
    output:
        table="<step>/scored.parquet",
        report="<step>/scored.json",
        pairs="<step>/scored.pairs.parquet",
    log:
        "<step>/logs/score.log",
    benchmark:
        "<step>/benchmarks/score.jsonl"
    priority: 20
    conda:
        "../envs/cpu.yaml"
    threads: threads
    params:
        flags=flags("score"),
        lineage=lineage("score"),
        memo="{run}/.cache/verdicts.parquet",
    shell:
        "score.py --rollouts {input.rollouts:q} --output {output.table:q} --workers {threads} --memo {params.memo:q}"
        " --lineage {params.lineage} {params.flags:q} 2>&1 | tee {log:q}"


# Keep what the policy should learn from.
rule filter:
    input:
        "<step>/scored.parquet",
    output:
        table="<step>/filtered.parquet",
        report="<step>/filtered.json",
    log:
        "<step>/logs/filter.log",
    benchmark:
        "<step>/benchmarks/filter.jsonl"
    priority: 20
    conda:
        "../envs/cpu.yaml"
    params:
        flags=flags("filter"),
        lineage=lineage("filter"),
    shell:
        "filter.py --scored {input:q} --output {output.table:q} --lineage {params.lineage} {params.flags:q}"
        " 2>&1 | tee {log:q}"


# Fine-tune on what was kept.
rule sft:
    input:
        policy=policy_before,
        init=policy_init,
        base=policy_base,
        filtered="<step>/filtered.parquet",
        rollouts="<step>/rollouts.parquet",
    output:
        policy=directory("<step>/policy"),
        training="<step>/training.parquet",
        report="<step>/training.json",
    log:
        "<step>/logs/sft.log",
    benchmark:
        "<step>/benchmarks/sft.jsonl"
    priority: 20
    conda:
        "../envs/gpu.yaml"
    threads: threads
    resources:
        gpu=gpus("sft"),
    params:
        flags=flags("sft", "gpus", "init"),
        device=setting("device"),
        seed=setting("seed"),
        lineage=lineage("policy"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " sft.py --policy {input.policy:q} --init {input.init:q} --base {input.base:q}"
        " --filtered {input.filtered:q} --rollouts {input.rollouts:q}"
        " --step {wildcards.step} --seed {params.seed} --gpus {resources.gpu} {params.flags:q}"
        " --output {output.policy:q} --training {output.training:q} --lineage {params.lineage} 2>&1 | tee {log:q}"
