"""Evaluation of the policy that a step ends with: eval -> grade -> metrics, and the best step.

Every evaluation asks two sets of questions: validation, which is reported, and development, training
questions that were held out to choose the best step on. One job answers both: `shards` cuts up
sampling alone.
"""


localrules:
    best_so_far,
    best,
    best_policy,


# Draw the policy's responses to both sets: a single job, shard 0 of 1.
rule eval:
    input:
        policy=lambda w: policy(w.run, int(w.step)),
        data="{run}/data/validation.parquet",
        development="{run}/data/development.parquet",
        prompt=prompt,
        stale=if_stale("{run}/step{step}/answers/{shard}-of-{shards}.parquet"),
    output:
        "{run}/step{step}/answers/{shard}-of-{shards}.parquet",
    log:
        "{run}/step{step}/logs/eval-{shard}-of-{shards}.log",
    benchmark:
        "{run}/step{step}/benchmarks/eval-{shard}-of-{shards}.jsonl"
    priority: priority_of_evaluation
    conda:
        GPU_ENV
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
        skip_too_long=setting("data", "skip_too_long"),
        lineage=lineage("eval"),
    shell:
        "gpurun.py --check .cache/runs/{wildcards.run}.json"
        " --device {params.device} --gpus {resources.gpu} --threads {threads} --"
        " eval.py"
        " --policy {input.policy:q}"
        " --data {input.data:q}"
        " --development {input.development:q}"
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


# Grade them, as rollouts are graded.
rule grade:
    input:
        answers="{run}/step{step}/answers/0-of-1.parquet",
        stale=if_stale("{run}/step{step}/responses.parquet"),
    output:
        validation="{run}/step{step}/responses.parquet",
        development="{run}/step{step}/development_responses.parquet",
        reports=multiext("{run}/step{step}/", "responses.json", "development_responses.json"),
        pairs=multiext(
            "{run}/step{step}/",
            "responses.pairs.parquet",
            "development_responses.pairs.parquet",
        ),
    log:
        "{run}/step{step}/logs/grade.log",
    benchmark:
        "{run}/step{step}/benchmarks/grade.jsonl"
    priority: 30
    conda:
        CPU_ENV
    threads: threads
    params:
        flags=flags("score"),
        lineage=lineage("grade"),
    shell:
        "score.py"
        " --rollouts {input.answers:q}"
        " --workers {threads}"
        " {params.flags:q}"
        " --output {output.validation:q}"
        " --development {output.development:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Sum up both sets.
rule metrics:
    input:
        validation="{run}/step{step}/responses.parquet",
        development="{run}/step{step}/development_responses.parquet",
        stale=if_stale("{run}/step{step}/eval.json"),
    output:
        validation="{run}/step{step}/eval.json",
        development="{run}/step{step}/development.json",
    log:
        "{run}/step{step}/logs/metrics.log",
    benchmark:
        "{run}/step{step}/benchmarks/metrics.jsonl"
    priority: 30
    conda:
        CPU_ENV
    params:
        lineage=lineage("metrics"),
    shell:
        "metrics.py"
        " --responses {input.validation:q}"
        " --development_responses {input.development:q}"
        " --step {wildcards.step}"
        " --output {output.validation:q}"
        " --development {output.development:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Name the best step so far. With early stopping it decides whether there is another step.
checkpoint best_so_far:
    input:
        developments=so_far("development.json"),
        shown=shown_so_far,
        stale=if_stale("{run}/step{step}/best.json"),
    output:
        "{run}/step{step}/best.json",
    log:
        "{run}/step{step}/logs/best_so_far.log",
    conda:
        CPU_ENV
    params:
        lineage=lineage("metrics"),
    shell:
        "best.py"
        " --developments {input.developments:q}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Name the best step of the run, with what it scored on both sets.
rule best:
    input:
        developments=of_steps("development.json"),
        evaluations=of_steps("eval.json"),
        stale=if_stale("{run}/best/best.json"),
    output:
        "{run}/best/best.json",
    log:
        "{run}/logs/best.log",
    benchmark:
        "{run}/benchmarks/best.jsonl"
    conda:
        CPU_ENV
    params:
        lineage=lineage_of_last,
    shell:
        "best.py"
        " --developments {input.developments:q}"
        " --evaluations {input.evaluations:q}"
        " --output {output:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# The best step's policy; of all policies it is the one that a finished run keeps asking for.
rule best_policy:
    input:
        best_policy,
    output:
        directory("{run}/best/policy"),
    log:
        "{run}/logs/best_policy.log",
    conda:
        CPU_ENV
    shell:
        "ln -sr {input:q} {output:q} > {log:q} 2>&1"
