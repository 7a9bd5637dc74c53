"""The questions and the base model: what a run starts from."""


# Bring both splits into one form: question, answer, level, subject, question_id.
rule data:
    input:
        source_files,
    output:
        train="{run}/data/train.parquet",
        validation="{run}/data/validation.parquet",
        report="{run}/data/data.json",
    log:
        "{run}/logs/data.log",
    benchmark:
        "{run}/benchmarks/data.jsonl"
    conda:
        "../envs/cpu.yaml"
    params:
        train=source("train"),
        validation=source("validation"),
        folder="{run}/data",
        lineage=lineage("data"),
    shell:
        "data.py --train {params.train:q} --validation {params.validation:q}"
        " --output {params.folder:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


# Fetch the base model from the hub.
rule model:
    output:
        directory("models/{org}--{name}@{revision}"),
    log:
        "models/logs/{org}--{name}@{revision}.log",
    benchmark:
        "models/benchmarks/{org}--{name}@{revision}.jsonl"
    conda:
        "../envs/cpu.yaml"
    shell:
        "fetch_model.py --model {wildcards.org}/{wildcards.name}@{wildcards.revision}"
        " --output {output:q} 2>&1 | tee {log:q}"
