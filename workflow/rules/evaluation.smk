"""The measure of the policy that a step ends with: eval -> gather -> grade -> metrics, and which step is best."""


# Draw the policy's responses to one shard of the validation questions, and of those kept back for development.
rule eval:
    input:
        policy=policy_after,
        data="{run}/data/validation.parquet",
        development=development,
        prompt=lambda w: local(RUNS[w.run].settings["prompt"]),
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
        sequences=setting("vllm", "sequences"),
        memory_percent=setting("vllm", "memory_percent"),
    params:
        flags=flags("eval"),
        engine=setting("engine"),
        device=setting("device"),
        seed=setting("seed"),
        skip=setting("data", "skip_too_long"),
        development=lambda w, input: (
            ["--development", input.development] if input.development else []
        ),
        lineage=lineage("eval"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " eval.py --policy {input.policy:q} --data {input.data:q} --prompt {input.prompt:q}"
        " --shard {wildcards.shard}/{wildcards.shards} --step {wildcards.step} --seed {params.seed}"
        " --engine {params.engine} --device {params.device} --skip_too_long {params.skip} {params.flags:q}"
        " --sequences {resources.sequences} --memory_percent {resources.memory_percent}"
        " {params.development:q} --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


use rule gather as gather_answers with:
    input:
        shards=shards_of("answers"),
    output:
        "<step>/answers.parquet",
    log:
        "<step>/logs/gather_answers.log",
    benchmark:
        "<step>/benchmarks/gather_answers.jsonl"
    params:
        part=["--split", "validation"],
        lineage=lineage("eval"),


use rule gather_answers as gather_development with:
    output:
        "<step>/development_answers.parquet",
    log:
        "<step>/logs/gather_development.log",
    benchmark:
        "<step>/benchmarks/gather_development.jsonl"
    params:
        part=["--split", "development"],
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


use rule grade as grade_development with:
    input:
        rollouts="<step>/development_answers.parquet",
    output:
        table="<step>/development_responses.parquet",
        report="<step>/development_responses.json",
        pairs="<step>/development_responses.pairs.parquet",
    log:
        "<step>/logs/grade_development.log",
    benchmark:
        "<step>/benchmarks/grade_development.jsonl"


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


use rule metrics as metrics_development with:
    input:
        "<step>/development_responses.parquet",
    output:
        "<step>/development.json",
    log:
        "<step>/logs/metrics_development.log",
    benchmark:
        "<step>/benchmarks/metrics_development.jsonl"


# Name the best step so far. A run with patience goes on or ends by it, so its steps are only then known.
checkpoint best_so_far:
    input:
        up_to_step("development.json"),
    output:
        "<step>/best.json",
    log:
        "<step>/logs/best_so_far.log",
    conda:
        "../envs/cpu.yaml"
    params:
        lineage=lineage("metrics"),
    shell:
        "best.py --developments {input:q} --output {output:q} --lineage {params.lineage} 2>&1 | tee {log:q}"
