"""What a run starts from: a machine that can do it, the questions, and the base model."""


# The nodes of a cluster often cannot reach the hub.
localrules:
    data,
    model,


# Stop before anything is downloaded where the machine lacks what the run needs, such as a GPU.
rule machine:
    output:
        "{run}/machine.json",
    log:
        "{run}/logs/machine.log",
    conda:
        GPU_ENV
    resources:
        gpu=gpus("sft"),
        # No params: where this ran again, Snakemake would not look at the jobs after it, whose
        # inputs from here are ancient, and a changed setting would rerun nothing else.
        engine=setting("engine"),
        device=setting("device"),
        sft_gpus=setting("sft", "gpus"),
    shell:
        "gpurun.py --device {resources.device} --gpus {resources.gpu} --"
        " machine.py"
        " --engine {resources.engine}"
        " --device {resources.device}"
        " --gpus {resources.gpu}"
        " --sft_gpus {resources.sft_gpus}"
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
