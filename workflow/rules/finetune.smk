# Source models adapted to each target.

# seeds in one job pay for the import of torch and the decoding of images once; on a cluster they may run side by side
for seeds in seed_batches(TAS):

    rule:
        """Fine-tuned models, one a seed: the source model with a new head, trained on the target."""
        name:
            batch_name("finetune", seeds)
        input:
            source="results/tas/models/{model}/source.safetensors",
            dataset=lambda wildcards: dataset_of(wildcards.target),
        output:
            checkpoints=expand(CHECKPOINT, seed=seeds, checkpoint=KEPT, allow_missing=True),
            histories=expand(HISTORY, seed=seeds, allow_missing=True),
        log:
            f"results/tas/logs/finetune/{{model}}/{{target}}-{seeds[0]}.log",
        benchmark:
            f"results/tas/cost/finetune/{{model}}/{{target}}-{seeds[0]}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(6_000),
            runtime=growing(480),
        params:
            task=lookup(within=config, dpath="tasks/{target}"),
            recipe=TAS["recipe"],
            checkpoints=TAS["checkpoints"],
            seeds=seeds,
            unfinished=f"results/tas/unfinished/finetune/{{model}}/{{target}}/seeds{seeds[0]}",
            device=config["device"],
            code=code("finetune.py"),
        script:
            "../scripts/finetune.py"
