"""The questions and the base model: what a run starts from."""


# Bring the splits into one form: question, answer, level, subject, question_id.
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
    wildcard_constraints:
        run=only(run for run in RUNS if not RUNS[run].develops),
    conda:
        "../envs/cpu.yaml"
    params:
        train=source("train"),
        validation=source("validation"),
        development=setting("data", "development"),
        folder="{run}/data",
        lineage=lineage("data"),
    shell:
        "data.py --train {params.train:q} --validation {params.validation:q}"
        " --development {params.development} --output {params.folder:q} --lineage {params.lineage} 2>&1 | tee {log:q}"


# The same where training questions are kept back, to choose the best step by.
use rule data as data_with_development with:
    output:
        train="{run}/data/train.parquet",
        validation="{run}/data/validation.parquet",
        development="{run}/data/development.parquet",
        report="{run}/data/data.json",
    wildcard_constraints:
        run=only(run for run in RUNS if RUNS[run].develops),


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
