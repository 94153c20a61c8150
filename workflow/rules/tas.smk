# Magai & Soroka 2023: how much of a network's similarity structure changes when it is fine-tuned, and the score TAs.

TAS = config["tas"]
TRAINED = [name for name in TAS["models"] if name not in FETCHED]
# names of the checkpoints that a fine-tuning keeps, the last epoch's last
LAST = f"epoch{TAS['recipe']['epochs']}"
PASSING = [name for name in Kept(**TAS["checkpoints"]).names(TAS["recipe"]["epochs"]) if name != LAST]

CHECKPOINT = "results/tas/models/{model}/{target}/seed{seed}/{checkpoint}.safetensors"
HISTORY = "results/tas/models/{model}/{target}/seed{seed}/history.csv"
DUMPS = "results/tas/activations/{model}/{target}"


rule pretrain:
    """A source model, trained from its random initialisation."""
    input:
        dataset=lambda wildcards: dataset_of(MODELS[wildcards.model]["source"]["task"]),
    output:
        checkpoint=source_of("{model}"),
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
        mem_mb=growing(lambda wildcards: memory(4_000, wildcards.model, [source_training(wildcards.model)])),
        runtime=growing(lambda wildcards: minutes(720, wildcards.model, [source_training(wildcards.model)], [0])),
    params:
        model=lookup(within=config, dpath="models/{model}"),
        task=lambda wildcards: config["tasks"][MODELS[wildcards.model]["source"]["task"]],
        unfinished="results/tas/unfinished/pretrain/{model}",
        device=config["device"],
        precision=config["precision"],
        code=code("pretrain.py"),
    script:
        "../scripts/pretrain.py"


rule fetch_source:
    """A source model with published weights, or from a checkpoint on disk, in the workflow's own format."""
    output:
        checkpoint=source_of("{model}"),
    log:
        "results/tas/logs/fetch/{model}.log",
    benchmark:
        "results/tas/cost/fetch/{model}.tsv"
    wildcard_constraints:
        model=one_of(FETCHED),
    # what cannot be had is better missed at once than hours later
    priority: 1
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


# seeds in one job pay for the import of torch once; on a cluster they may run side by side
for seeds in batches.seed_batches(config, "tas"):

    rule:
        """Fine-tuned models, one a seed: the source model with a new head, trained on the target."""
        name:
            batch_name("tas", "finetune", seeds)
        input:
            source=source_of("{model}"),
            dataset=lambda wildcards: dataset_of(wildcards.target),
        output:
            checkpoints=expand(CHECKPOINT, seed=seeds, checkpoint=[*PASSING, LAST], allow_missing=True),
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
            mem_mb=growing(lambda wildcards: memory(8_000, wildcards.model, [fine_tuning(wildcards.target)])),
            runtime=growing(
                lambda wildcards, seeds=seeds: minutes(480, wildcards.model, [fine_tuning(wildcards.target)], seeds)
            ),
        params:
            task=lookup(within=config, dpath="tasks/{target}"),
            recipe=TAS["recipe"],
            checkpoints=TAS["checkpoints"],
            seeds=seeds,
            unfinished=f"results/tas/unfinished/finetune/{{model}}/{{target}}/seeds{seeds[0]}",
            device=config["device"],
            precision=config["precision"],
            code=code("finetune.py"),
        script:
            "../scripts/finetune.py"


rule capture_activations:
    """Gram matrices of every layer, before, during and after fine-tuning, on the target's probe images."""
    input:
        source=source_of("{model}"),
        checkpoints=expand(CHECKPOINT, seed=TAS["seeds"], checkpoint=[*PASSING, LAST], allow_missing=True),
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
        precision=config["precision"],
        code=code("capture_activations.py"),
    script:
        "../scripts/capture_activations.py"


rule compare_layers:
    """M1, M2 and TAs of one model on one target: every seed, checkpoint and estimator."""
    input:
        source=f"{DUMPS}/source.h5",
        last=expand(f"{DUMPS}/seed{{seed}}.h5", seed=TAS["seeds"], allow_missing=True),
        passing=f"{DUMPS}/passing",
        histories=expand(HISTORY, seed=TAS["seeds"], allow_missing=True),
    output:
        similarity="results/tas/similarity/{model}/{target}.h5",
        scores="results/tas/tables/{model}/{target}.csv",
    log:
        "results/tas/logs/similarity/{model}/{target}.log",
    benchmark:
        "results/tas/cost/similarity/{model}/{target}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(12_000),
        runtime=growing(120),
    params:
        seeds=TAS["seeds"],
        passing=PASSING,
        last=LAST,
        minibatch=TAS["minibatch"],
        resamples=TAS["resamples"],
        code=code("compare_layers.py"),
    script:
        "../scripts/compare_layers.py"


rule judge_tas_claims:
    """All scores in one table, and the paper's claims judged by it."""
    input:
        scores=expand("results/tas/tables/{model}/{target}.csv", model=TAS["models"], target=TAS["targets"]),
    output:
        scores="results/tas/tables/scores.csv",
        claims=report("results/tas/claims.csv", **in_report("tas", "claims", "Claims as CSV")),
        page=report("results/tas/claims.html", **in_report("tas", "claims", "Claims")),
    log:
        "results/tas/logs/claims.log",
    benchmark:
        "results/tas/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1_000),
        runtime=growing(10),
    params:
        roles={name: MODELS[name].get("stands_for") for name in TAS["models"]},
        targets=TAS["targets"],
        table_target=TAS["table_target"],
        paper=PAPERS["tas"],
        scale=config["scale"],
        code=code("judge_tas_claims.py"),
    script:
        "../scripts/judge_tas_claims.py"


rule draw_tas_figures:
    """Table 1, Figure 1 and Figure 2 of Magai & Soroka 2023."""
    input:
        scores="results/tas/tables/scores.csv",
        similarity=expand("results/tas/similarity/{model}/{target}.h5", model=TAS["models"], target=TAS["targets"]),
    output:
        table1=figure("tas", "table1", "Table 1: accuracy, layers and TAs"),
        figure1=figure("tas", "figure1", "Figure 1: M' maps"),
        figure1_debiased=figure("tas", "figure1_debiased", "Figure 1, debiased CKA"),
        figure2=figure("tas", "figure2", "Figure 2: TAs and accuracy over epochs"),
        numbers=report("results/tas/figures/table1.csv", **in_report("tas", "table1", "Table 1 as CSV")),
    log:
        "results/tas/logs/figures.log",
    benchmark:
        "results/tas/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        roles={name: MODELS[name].get("stands_for") for name in TAS["models"]},
        targets=TAS["targets"],
        table_target=TAS["table_target"],
        table_dataset=config["tasks"][TAS["table_target"]]["dataset"],
        scale=config["scale"],
        code=code("draw_tas_figures.py"),
    script:
        "../scripts/draw_tas_figures.py"
