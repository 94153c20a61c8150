# The source models: trained here, or fetched with published weights.


rule pretrain:
    """A source model, trained from its random initialisation."""
    input:
        dataset=lambda wildcards: dataset_of(source_task(wildcards.model)),
    output:
        checkpoint="results/tas/models/{model}/source.safetensors",
        history="results/tas/models/{model}/source.csv",
    log:
        "results/tas/logs/pretrain/{model}.log",
    benchmark:
        "results/tas/cost/pretrain/{model}.tsv"
    wildcard_constraints:
        model=one_of(TRAINED),
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(4_000),
        runtime=growing(720),
    params:
        model=lookup(within=config, dpath="models/{model}"),
        task=lambda wildcards: config["tasks"][source_task(wildcards.model)],
        unfinished="results/tas/unfinished/pretrain/{model}",
        device=config["device"],
        code=code("pretrain.py"),
    script:
        "../scripts/pretrain.py"


rule fetch_source:
    """A source model with published weights, or from a checkpoint on disk, in the workflow's own format."""
    output:
        checkpoint="results/tas/models/{model}/source.safetensors",
    log:
        "results/tas/logs/fetch/{model}.log",
    benchmark:
        "results/tas/cost/fetch/{model}.tsv"
    wildcard_constraints:
        model=one_of(FETCHED),
    localrule: True
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(60),
    params:
        model=lookup(within=config, dpath="models/{model}"),
        folder="results/downloads/weights/{model}",
        code=code("fetch_source.py"),
    script:
        "../scripts/fetch_source.py"
