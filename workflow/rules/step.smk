"""One step: sample -> gather -> score -> filter -> sft, then eval -> grade -> metrics of the policy it ends with."""


# Draw rollouts from the step's policy for one shard of its questions.
rule sample:
    input:
        policy=policy_before,
        data="{run}/data/train.parquet",
        prompt=lambda w: local(RUNS[w.run]["prompt"]),
    output:
        "<step>/rollouts/{shard}-of-{shards}.parquet",
    log:
        "<step>/logs/sample-{shard}-of-{shards}.log",
    benchmark:
        "<step>/benchmarks/sample-{shard}-of-{shards}.jsonl"
    priority: 10
    conda:
        "../envs/gpu.yaml"
    threads: threads
    resources:
        gpu=gpus(),
        engines=setting("vllm", "engines"),
        sequences=setting("vllm", "sequences"),
        memory_percent=setting("vllm", "memory_percent"),
    params:
        flags=flags("sample"),
        engine=setting("engine"),
        device=setting("device"),
        seed=setting("seed"),
        lineage=lineage("sample"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " sample.py --policy {input.policy:q} --data {input.data:q} --prompt {input.prompt:q}"
        " --shard {wildcards.shard}/{wildcards.shards} --step {wildcards.step} --seed {params.seed}"
        " --engine {params.engine} --device {params.device} {params.flags:q}"
        " --engines {resources.engines} --sequences {resources.sequences} --memory_percent {resources.memory_percent}"
        " --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


# Join the shards.
rule gather:
    input:
        shards_of("rollouts"),
    output:
        "<step>/rollouts.parquet",
    log:
        "<step>/logs/gather.log",
    benchmark:
        "<step>/benchmarks/gather.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        lineage=lineage("sample"),
    shell:
        "gather.py --shards {input:q} --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


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


# Draw the policy's responses to one shard of the validation questions.
rule eval:
    input:
        policy=policy_after,
        data="{run}/data/validation.parquet",
        prompt=lambda w: local(RUNS[w.run]["prompt"]),
    output:
        "<step>/answers/{shard}-of-{shards}.parquet",
    log:
        "<step>/logs/eval-{shard}-of-{shards}.log",
    benchmark:
        "<step>/benchmarks/eval-{shard}-of-{shards}.jsonl"
    conda:
        "../envs/gpu.yaml"
    threads: threads
    resources:
        gpu=gpus(),
        engines=setting("vllm", "engines"),
        sequences=setting("vllm", "sequences"),
        memory_percent=setting("vllm", "memory_percent"),
    params:
        flags=flags("eval"),
        engine=setting("engine"),
        device=setting("device"),
        seed=setting("seed"),
        lineage=lineage("eval"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " eval.py --policy {input.policy:q} --data {input.data:q} --prompt {input.prompt:q}"
        " --shard {wildcards.shard}/{wildcards.shards} --step {wildcards.step} --seed {params.seed}"
        " --engine {params.engine} --device {params.device} {params.flags:q}"
        " --engines {resources.engines} --sequences {resources.sequences} --memory_percent {resources.memory_percent}"
        " --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


use rule gather as gather_answers with:
    input:
        shards_of("answers"),
    output:
        "<step>/answers.parquet",
    log:
        "<step>/logs/gather_answers.log",
    benchmark:
        "<step>/benchmarks/gather_answers.jsonl"
    params:
        lineage=lineage("eval"),


use rule score as grade with:
    input:
        rollouts="<step>/answers.parquet",
    output:
        table="<step>/responses.parquet",
        report="<step>/responses.json",
        pairs="<step>/responses.pairs.parquet",
    log:
        "<step>/logs/grade.log",
    benchmark:
        "<step>/benchmarks/grade.jsonl"
    priority: 0
    params:
        flags=flags("score"),
        lineage=lineage("grade"),
        memo="{run}/.cache/verdicts.parquet",


# Sum up the evaluation.
rule metrics:
    input:
        "<step>/responses.parquet",
    output:
        "<step>/eval.json",
    log:
        "<step>/logs/metrics.log",
    benchmark:
        "<step>/benchmarks/metrics.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        lineage=lineage("metrics"),
    shell:
        "metrics.py --responses {input:q} --step {wildcards.step} --output {output:q}"
        " --lineage {params.lineage} 2>&1 | tee {log:q}"


# An artifact that another run makes with the very same settings: a link, no computation.
rule share:
    input:
        shared_source,
    output:
        "{shared}",
    log:
        "logs/share/{shared}.log",
    wildcard_constraints:
        shared="|".join(map(re.escape, SHARED)) or "(?!)",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    shell:
        "ln -sr {input:q} {output:q} 2>&1 | tee {log:q}"


ruleorder: share > metrics > grade > gather_answers > eval > sft > filter > score > gather > sample > data
