"""What a run starts from: a machine that can do it, the questions, and the base model."""


# The nodes of a cluster often cannot reach the hub.
localrules:
    data,
    model,


# Stop before anything is downloaded where the run needs a GPU and none is there.
rule machine:
    output:
        "{run}/machine.json",
    log:
        "{run}/logs/machine.log",
    conda:
        CPU_ENV
    resources:
        gpu=gpus(),
    params:
        device=setting("device"),
    shell:
        "gpurun.py --device {params.device} --gpus {resources.gpu} --"
        " machine.py"
        " --output {output:q}"
        " > {log:q} 2>&1"


# Bring the splits into one form: question, answer, level, subject, question_id.
rule data:
    input:
        machine=machine_for_data,
        files=source_files,
        stale=if_stale("{run}/data/train.parquet"),
    output:
        train="{run}/data/train.parquet",
        validation="{run}/data/validation.parquet",
        development="{run}/data/development.parquet",
        report="{run}/data/data.json",
    log:
        "{run}/logs/data.log",
    benchmark:
        "{run}/benchmarks/data.jsonl"
    conda:
        CPU_ENV
    params:
        train=source("train"),
        validation=source("validation"),
        development=setting("data", "development"),
        folder="{run}/data",
        lineage=lineage("data"),
    shell:
        "data.py"
        " --train {params.train:q}"
        " --validation {params.validation:q}"
        " --development {params.development}"
        " --output {params.folder:q}"
        " --lineage {params.lineage}"
        " > {log:q} 2>&1"


# Fetch the base model from the hub.
rule model:
    input:
        machine_for_model,
    output:
        directory("models/{org}--{name}@{revision}"),
    log:
        "models/logs/{org}--{name}@{revision}.log",
    benchmark:
        "models/benchmarks/{org}--{name}@{revision}.jsonl"
    conda:
        CPU_ENV
    shell:
        "fetch_model.py"
        " --model {wildcards.org}/{wildcards.name}@{wildcards.revision}"
        " --output {output:q}"
        " > {log:q} 2>&1"
