"""One step of expert iteration. From policy n-1 to policy n:

    sample    draw G rollouts of each of D_b questions from policy n-1
    score     reward each rollout: 1 where its answer is right, else 0
    filter    keep the right ones
    sft       fine-tune policy n-1 on them: policy n

Policy 0 is the base model. After Anthony, Tian and Barber, "Thinking Fast and Slow with Deep Learning
and Tree Search", 2017.
"""

# The policy that a step ends with.
policy = lambda run, step: f"{run}/step{step}/policy" if step else known_model(run)


# Draw rollouts from the policy of the step before, for one shard of the step's questions.
rule sample:
    input:
        policy=lambda w: policy(w.run, int(w.step) - 1),
        data="{run}/data/train.parquet",
        prompt=prompt,
        stale=if_stale("{run}/step{step}/rollouts/{shard}-of-{shards}.parquet"),
    output:
        "{run}/step{step}/rollouts/{shard}-of-{shards}.parquet",
    log:
        "{run}/step{step}/logs/sample-{shard}-of-{shards}.log",
    benchmark:
        "{run}/step{step}/benchmarks/sample-{shard}-of-{shards}.jsonl"
    priority: 10
    conda:
        GPU_ENV
    threads: threads
    resources:
        gpu=gpus(),
        sequences=setting("vllm", "sequences"),
        memory_percent=setting("vllm", "memory_percent"),
    params:
        flags=flags("sample", "extra", "hints", "hint"),
        engine=setting("engine"),
        device=setting("device"),
        seed=setting("seed"),
        skip_too_long=setting("data", "skip_too_long"),
        lineage=lineage("sample"),
    shell:
        "gpurun.py --check .cache/runs/{wildcards.run}.json"
        " --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " sample.py"
        " --policy {input.policy:q}"
        " --data {input.data:q}"
        " --prompt {input.prompt:q}"
        " --shard {wildcards.shard}/{wildcards.shards}"
        " --step {wildcards.step}"
        " --seed {params.seed}"
        " --engine {params.engine}"
        " --device {params.device}"
        " --sequences {resources.sequences}"
        " --memory_percent {resources.memory_percent}"
        " --skip_too_long {params.skip_too_long}"
        " {params.flags:q}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Grade every rollout against the reference answer.
rule score:
    input:
        rollouts="{run}/step{step}/rollouts.parquet",
        memo=verdicts_before,
        stale=if_stale("{run}/step{step}/scored.parquet"),
    output:
        table="{run}/step{step}/scored.parquet",
        report="{run}/step{step}/scored.json",
        pairs="{run}/step{step}/scored.pairs.parquet",
    log:
        "{run}/step{step}/logs/score.log",
    benchmark:
        "{run}/step{step}/benchmarks/score.jsonl"
    priority: 20
    conda:
        CPU_ENV
    threads: threads
    params:
        flags=flags("score"),
        lineage=lineage("score"),
    shell:
        "score.py"
        " --rollouts {input.rollouts:q}"
        " --memo {input.memo:q}"
        " --workers {threads}"
        " {params.flags:q}"
        " --output {output.table:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Keep what the policy should learn from.
rule filter:
    input:
        scored="{run}/step{step}/scored.parquet",
        extra=scored_in("extra"),
        hints=scored_in("hints"),
        stale=if_stale("{run}/step{step}/filtered.parquet"),
    output:
        table="{run}/step{step}/filtered.parquet",
        report="{run}/step{step}/filtered.json",
    log:
        "{run}/step{step}/logs/filter.log",
    benchmark:
        "{run}/step{step}/benchmarks/filter.jsonl"
    priority: 20
    conda:
        CPU_ENV
    params:
        flags=flags("filter"),
        lineage=lineage("filter"),
    shell:
        "filter.py"
        " --scored {input.scored:q}"
        " --extra {input.extra:q}"
        " --hints {input.hints:q}"
        " {params.flags:q}"
        " --output {output.table:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Fine-tune on what was kept. The sampling policy is read for its entropy, the base model for its
# tokenizer and configs.
rule sft:
    input:
        policy=lambda w: policy(w.run, int(w.step) - 1),
        init=initial_policy,
        base=base_policy,
        filtered="{run}/step{step}/filtered.parquet",
        replayed=replayed,
        rollouts="{run}/step{step}/rollouts.parquet",
        stale=if_stale("{run}/step{step}/policy"),
    output:
        policy=directory("{run}/step{step}/policy"),
        training="{run}/step{step}/training.parquet",
        report="{run}/step{step}/training.json",
        tensorboard=directory("{run}/step{step}/tensorboard"),
    log:
        "{run}/step{step}/logs/sft.log",
    benchmark:
        "{run}/step{step}/benchmarks/sft.jsonl"
    priority: 20
    conda:
        GPU_ENV
    threads: threads
    resources:
        gpu=gpus("sft"),
        keep=setting("sft", "memory"),
    params:
        flags=flags("sft", "gpus", "memory", "init", "replay"),
        device=setting("device"),
        seed=setting("seed"),
        lineage=lineage("sft"),
    shell:
        "gpurun.py --check .cache/runs/{wildcards.run}.json"
        " --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " sft.py"
        " --policy {input.policy:q}"
        " --init {input.init:q}"
        " --base {input.base:q}"
        " --filtered {input.filtered:q}"
        " --replayed {input.replayed:q}"
        " --rollouts {input.rollouts:q}"
        " --step {wildcards.step}"
        " --seed {params.seed}"
        " --gpus {resources.gpu}"
        " --memory {resources.keep}"
        " {params.flags:q}"
        " --output {output.policy:q}"
        " --training {output.training:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Pair a right with a wrong rollout of each question, for preference training elsewhere. Nothing
# here asks for it: `snakemake results/step3/pairs.parquet`.
rule pairs:
    input:
        scored="{run}/step{step}/scored.parquet",
        extra=scored_in("extra"),
        prompt=prompt,
        policy=base_policy,
        stale=if_stale("{run}/step{step}/pairs.parquet"),
    output:
        "{run}/step{step}/pairs.parquet",
    log:
        "{run}/step{step}/logs/pairs.log",
    benchmark:
        "{run}/step{step}/benchmarks/pairs.jsonl"
    conda:
        CPU_ENV
    params:
        min_reward=setting("filter", "min_reward"),
        lineage=lineage("pairs"),
    shell:
        "pairs.py"
        " --scored {input.scored:q} {input.extra:q}"
        " --prompt {input.prompt:q}"
        " --policy {input.policy:q}"
        " --min_reward {params.min_reward}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Join the shards of a step's rollouts.
rule gather:
    input:
        shards=shards_of("rollouts"),
        stale=if_stale("{run}/step{step}/rollouts.parquet"),
    output:
        "{run}/step{step}/rollouts.parquet",
    log:
        "{run}/step{step}/logs/gather.log",
    benchmark:
        "{run}/step{step}/benchmarks/gather.jsonl"
    wildcard_constraints:
        run=only(run for run in RUNS if run not in SFT_BASELINES),
    conda:
        CPU_ENV
    params:
        lineage=lineage("sample"),
    shell:
        "gather.py"
        " --shards {input.shards:q}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# An SFT baseline is trained on given traces, which take the place of rollouts.
rule traces:
    input:
        traces=traces_file,
        policy=base_policy,
        data="{run}/data/train.parquet",
        held_out=["{run}/data/validation.parquet", "{run}/data/development.parquet"],
        prompt=prompt,
        stale=if_stale("{run}/step{step}/rollouts.parquet"),
    output:
        "{run}/step{step}/rollouts.parquet",
    log:
        "{run}/step{step}/logs/traces.log",
    benchmark:
        "{run}/step{step}/benchmarks/traces.jsonl"
    wildcard_constraints:
        run=only(SFT_BASELINES),
    conda:
        GPU_ENV
    params:
        traces=traces_flag,
        skip_too_long=setting("data", "skip_too_long"),
        lineage=lineage("sample"),
    shell:
        "traces.py"
        " {params.traces:q}"
        " --policy {input.policy:q}"
        " --data {input.data:q}"
        " --held_out {input.held_out:q}"
        " --prompt {input.prompt:q}"
        " --skip_too_long {params.skip_too_long}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"
