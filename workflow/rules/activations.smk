# What the layers of source and fine-tuned models make of the same held-out images.


rule capture_activations:
    """Gram matrices of every layer, before, during and after fine-tuning, on the target's probe images."""
    input:
        source="results/tas/models/{model}/source.safetensors",
        checkpoints=expand(CHECKPOINT, seed=TAS["seeds"], checkpoint=KEPT, allow_missing=True),
        dataset=lambda wildcards: dataset_of(wildcards.target),
    output:
        source=f"{DUMPS}/source.h5",
        last=expand(f"{DUMPS}/seed{{seed}}.h5", seed=TAS["seeds"], allow_missing=True),
        # the dynamics need these once, and a large net's are large: `--notemp` keeps them
        passing=temp(directory(f"{DUMPS}/passing")),
    log:
        "results/tas/logs/activations/{model}/{target}.log",
    benchmark:
        "results/tas/cost/activations/{model}/{target}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(16_000),
        runtime=growing(240),
    params:
        task=lookup(within=config, dpath="tasks/{target}"),
        seeds=TAS["seeds"],
        passing=PASSING,
        last=LAST,
        examples=TAS["examples"],
        layers=TAS["layers"],
        reused=TAS["reused"],
        device=config["device"],
        code=code("capture_activations.py"),
    script:
        "../scripts/capture_activations.py"
