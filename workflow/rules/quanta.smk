# Orhand et al. 2021 (QUANTA): gates between the layers of a frozen source network and those of one that learns.

QUANTA = config["quanta"]
SOURCES = quanta_sources(config)
SWEEPS = {sweep.name: sweep for sweep in quanta_sweeps(config)}
# those of the paper, its controls and its sensitivity; the others are for the joint figure
OWN_SWEEPS = [sweep for sweep in SWEEPS.values() if sweep.half is None]


rule train_quanta_sources:
    """The source networks under every seed: one that learns its task, and one whose labels say nothing."""
    input:
        datasets=[prepared(run.task["dataset"]) for run in SOURCES],
    output:
        [directory(folder) for folder in quanta_folders(run.name for run in SOURCES)],
    log:
        "results/quanta/logs/training/sources.log",
    benchmark:
        "results/quanta/cost/training/sources.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(memory(6_000, QUANTA["model"], SOURCES)),
        runtime=growing(minutes(1_440, QUANTA["model"], SOURCES, QUANTA["seeds"])),
    params:
        runs=[asdict(run) for run in SOURCES],
        folders=quanta_folders(run.name for run in SOURCES),
        # in this paper images are scaled to 0 to 1, and not standardised
        standards=[None for run in SOURCES],
        model=MODELS[QUANTA["model"]],
        seeds=QUANTA["seeds"],
        unfinished="results/quanta/unfinished/sources",
        device=config["device"],
        precision=config["precision"],
        code=code("train_runs.py"),
    script:
        "../scripts/train_runs.py"


# the networks of a sweep share the source's forward pass, and the sweeps of a job the import of torch
for number, (batch, seeds) in enumerate(batches.quanta_batches(config), start=1):

    rule:
        """Some sweeps under some seeds: networks that learn side by side, each with a gate to one source."""
        name:
            f"train_sweeps_{number}"
        input:
            sources=sorted({source_folder(sweep) for sweep in batch}),
            dataset=sorted({prepared(sweep.task["dataset"]) for sweep in batch}),
        output:
            [directory(folder) for folder in sweep_folders(batch, seeds)],
        log:
            f"results/quanta/logs/training/{batch[0].name}-{seeds[0]}.log",
        benchmark:
            f"results/quanta/cost/training/{batch[0].name}-{seeds[0]}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(memory(8_000, model_of(batch), batch)),
            runtime=growing(minutes(1_440, model_of(batch), batch, seeds)),
        params:
            sweeps=[asdict(sweep) for sweep in batch],
            sources=[source_folder(sweep) for sweep in batch],
            checkpoints=[source_checkpoint(sweep) for sweep in batch],
            datasets=[prepared(sweep.task["dataset"]) for sweep in batch],
            seeds=seeds,
            share_source=QUANTA["share_source"],
            networks_at_once=QUANTA["networks_at_once"],
            unfinished=f"results/quanta/unfinished/{batch[0].name}-{seeds[0]}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_sweeps.py"),
        script:
            "../scripts/train_sweeps.py"


if JOINT:

    include: "joint.smk"


rule judge_quanta_claims:
    """What every network came to and all histories in a table each, and the paper's claims judged by them."""
    input:
        source=quanta_folders(["source"]),
        sweeps=sweep_folders(OWN_SWEEPS, QUANTA["seeds"]),
        joint="results/quanta/tables/joint.csv" if JOINT else [],
    output:
        final="results/quanta/tables/final.csv",
        history="results/quanta/tables/history.csv",
        claims=report("results/quanta/claims.csv", **in_report("quanta", "claims", "Claims as CSV")),
        page=report("results/quanta/claims.html", **in_report("quanta", "claims", "Claims")),
    log:
        "results/quanta/logs/claims.log",
    benchmark:
        "results/quanta/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20),
    params:
        sweeps=[asdict(sweep) for sweep in OWN_SWEEPS],
        seeds=QUANTA["seeds"],
        last_epochs=QUANTA["last_epochs"],
        paper=PAPERS["quanta"],
        scale=config["scale"],
        code=code("judge_quanta_claims.py"),
    script:
        "../scripts/judge_quanta_claims.py"


rule draw_quanta_figures:
    """Figures 3 to 5 of Orhand et al. 2021, other sources and learning rates, and the paper's numbers beside ours."""
    input:
        final="results/quanta/tables/final.csv",
        history="results/quanta/tables/history.csv",
        accuracy="results/anb/tables/accuracy.csv" if "anb" in ASKED else [],
    output:
        figure3=figure("quanta", "figure3", "Figure 3: loss and accuracy"),
        figure4=figure("quanta", "figure4", "Figure 4: λ and accuracy, layer by layer"),
        figure5=figure("quanta", "figure5", "Figure 5: all initial values"),
        controls=figure("quanta", "controls", "Gates to sources that know nothing"),
        sensitivity=figure("quanta", "sensitivity", "Gates that learn slower and faster") if SENSITIVITY else [],
        table1=figure("quanta", "table1", "The paper's numbers beside ours"),
        numbers=report("results/quanta/figures/table1.csv", **in_report("quanta", "table1", "The numbers as CSV")),
    log:
        "results/quanta/logs/figures.log",
    benchmark:
        "results/quanta/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        scale=config["scale"],
        anb_model=config["anb"]["model"] if "anb" in ASKED else "",
        code=code("draw_quanta_figures.py"),
    script:
        "../scripts/draw_quanta_figures.py"
