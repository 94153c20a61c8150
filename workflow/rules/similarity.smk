# Goerttler & Obermayer 2022: how far each layer moves in pre-training and in fine-tuning, on labels of every kind.

SIMILARITY = config["similarity"]
RUNS = {run.name: run for run in similarity_runs(config)}


# runs in one job pay for the import of torch once; on a cluster each may have a job of its own
for number, batch in enumerate(batches.similarity_batches(config), start=1):

    rule:
        """Some conditions, each under every seed: from a random initialisation, or from the end of another run."""
        name:
            f"{batch[0].phase}_runs_{number}"
        input:
            start=run_folders({run.start for run in batch if run.start}),
            datasets=[prepared(run.task["dataset"]) for run in batch],
        output:
            [directory(folder) for folder in run_folders(run.name for run in batch)],
        log:
            f"results/similarity/logs/training/{batch[0].name}.log",
        benchmark:
            f"results/similarity/cost/training/{batch[0].name}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(memory(6_000, SIMILARITY["model"], batch)),
            runtime=growing(minutes(720, SIMILARITY["model"], batch, SIMILARITY["seeds"])),
        params:
            runs=[asdict(run) for run in batch],
            folders=run_folders(run.name for run in batch),
            model=MODELS[SIMILARITY["model"]],
            standards=[standard_of(run.task) for run in batch],
            seeds=SIMILARITY["seeds"],
            unfinished=f"results/similarity/unfinished/{batch[0].name}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_runs.py"),
        script:
            "../scripts/train_runs.py"


rule capture_runs:
    """Gram matrices of every layer at every checkpoint of a phase, on held-out images that no run was trained on."""
    input:
        runs=lambda wildcards: run_folders(runs_of(wildcards.phase)),
        datasets=lambda wildcards: [prepared(task["dataset"]) for task in probes(wildcards.phase).values()],
    output:
        temp(directory("results/similarity/activations/{phase}")),
    log:
        "results/similarity/logs/activations/{phase}.log",
    benchmark:
        "results/similarity/cost/activations/{phase}.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(8_000),
        runtime=growing(240),
    params:
        probes=lambda wildcards: {run.name: run.probes for run in runs_of(wildcards.phase).values()},
        tasks=lambda wildcards: probes(wildcards.phase),
        standards=lambda wildcards: [standard_of(task) for task in probes(wildcards.phase).values()],
        model=MODELS[SIMILARITY["model"]],
        layers=SIMILARITY["layers"],
        examples=SIMILARITY["examples"],
        device=config["device"],
        precision=config["precision"],
        code=code("capture_runs.py"),
    script:
        "../scripts/capture_runs.py"


rule compare_runs:
    """Similarity of each layer to the initialisation, to the pre-trained weights and to another seed."""
    input:
        "results/similarity/activations/pretrain",
        "results/similarity/activations/{phase}",
    output:
        "results/similarity/tables/{phase}.csv",
    log:
        "results/similarity/logs/similarity/{phase}.log",
    benchmark:
        "results/similarity/cost/similarity/{phase}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(120),
    params:
        runs=lambda wildcards: [asdict(run) for run in runs_of(wildcards.phase).values()],
        seeds=SIMILARITY["seeds"],
        code=code("compare_runs.py"),
    script:
        "../scripts/compare_runs.py"


rule judge_similarity_claims:
    """All similarities and all histories in a table each, and the paper's claims judged by them."""
    input:
        similarity=expand("results/similarity/tables/{phase}.csv", phase=["pretrain", "finetune"]),
        runs=run_folders(RUNS),
    output:
        similarity="results/similarity/tables/similarity.csv",
        history="results/similarity/tables/history.csv",
        claims=report("results/similarity/claims.csv", **in_report("similarity", "claims", "Claims as CSV")),
        page=report("results/similarity/claims.html", **in_report("similarity", "claims", "Claims")),
    log:
        "results/similarity/logs/claims.log",
    benchmark:
        "results/similarity/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        runs=[asdict(run) for run in RUNS.values()],
        seeds=SIMILARITY["seeds"],
        memorised=SIMILARITY["pretraining"]["recipe"]["memorise"]["top1"],
        paper=PAPERS["similarity"],
        scale=config["scale"],
        code=code("judge_similarity_claims.py"),
    script:
        "../scripts/judge_similarity_claims.py"


rule draw_similarity_figures:
    """Figures 1 to 5 of Goerttler & Obermayer 2022, by three measures, and the controls that the paper lacks."""
    input:
        similarity="results/similarity/tables/similarity.csv",
        history="results/similarity/tables/history.csv",
    output:
        figure1=figure("similarity", "figure1", "Figure 1: layers leave their initialisation"),
        figure2=figure("similarity", "figure2", "Figure 2: learning random labels"),
        figure3=figure("similarity", "figure3", "Figure 3: pre-training against initialisation"),
        figure4=figure("similarity", "figure4", "Figure 4: fine-tuning against pre-training"),
        figure5=figure("similarity", "figure5", "Figure 5: against pre-training and initialisation"),
        estimators=figure("similarity", "estimators", "Estimators: biased, debiased, RSA"),
        controls=figure("similarity", "controls", "Controls: untrained networks, other seeds"),
    log:
        "results/similarity/logs/figures.log",
    benchmark:
        "results/similarity/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        scale=config["scale"],
        code=code("draw_similarity_figures.py"),
    script:
        "../scripts/draw_similarity_figures.py"
