# Neyshabur et al. 2020: fine-tuned networks and such from a random initialisation, and the landscape around them.

BASINS = config["basins"]
BASIN_RUNS = {run.name: run for run in basin_runs(config)}
# the networks that are compared with each other, and those whose modules are set back and disturbed
COMPARED = [run for run in BASIN_RUNS.values() if run.checkpoints]
EXPLORED = {
    target: [run for run in COMPARED if run.target == target and len(run.checkpoints) > 1]
    for target in BASINS["landscape"]["targets"]
}
# what is found of them
COMPARISONS = ["similarity", "distance", "mistakes", "path", "barriers"]
EXPLORATIONS = ["modules", "criticality"]
BASIN_TABLES = ["history", "accuracy", *COMPARISONS, *EXPLORATIONS]

# networks in one job pay for the import of torch once; on a cluster each may have a job of its own
for number, batch in enumerate(basin_batches(), start=1):

    rule:
        """Some networks, each under every seed: P, or such that start from it or from a random initialisation."""
        name:
            f"train_basins_{number}"
        input:
            source=basin_folders({"P" for run in batch if run.start is not None}),
            dataset=sorted({prepared(run.task["dataset"]) for run in batch}),
        output:
            [directory(folder) for folder in basin_folders(run.name for run in batch)],
        log:
            f"results/basins/logs/training/{batch[0].name}.log",
        benchmark:
            f"results/basins/cost/training/{batch[0].name}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(8_000),
            runtime=growing(2_880),
        params:
            runs=[asdict(run) for run in batch],
            datasets=[prepared(run.task["dataset"]) for run in batch],
            model=MODELS[BASINS["model"]],
            seeds=BASINS["seeds"],
            unfinished=f"results/basins/unfinished/{batch[0].name}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_basins.py"),
        script:
            "../scripts/train_basins.py"


for seeds in seed_batches("basins"):

    rule:
        """Networks in pairs: similarity, distance, shared mistakes, and the straight line between two of them."""
        name:
            batch_name("basins", "compare_networks", seeds)
        input:
            runs=basin_folders(run.name for run in COMPARED),
            datasets=sorted({dataset_of(target) for target in BASINS["targets"]}),
        output:
            **{name: landscape_table(name, seeds) for name in COMPARISONS},
        log:
            f"results/basins/logs/compare_networks-{seeds[0]}.log",
        benchmark:
            f"results/basins/cost/compare_networks-{seeds[0]}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            # Gram matrices of all networks on a target at once: at paper scale 7 times 17 layers of 100 MB
            mem_mb=growing(24_000),
            runtime=growing(480),
        params:
            runs=[asdict(run) for run in COMPARED],
            tasks={target: config["tasks"][target] for target in BASINS["targets"]},
            datasets={target: dataset_of(target) for target in BASINS["targets"]},
            seeds=seeds,
            examples=BASINS["examples"],
            landscape=landscape_settings("targets", "points", "beyond", "images", "recalibrate"),
            device=config["device"],
            precision=config["precision"],
            code=code("compare_networks.py"),
        script:
            "../scripts/compare_networks.py"


for seeds, target in product(seed_batches("basins"), BASINS["landscape"]["targets"]):

    rule:
        """Networks module by module: each set back to its initial value, or moved on the way from there and disturbed."""
        name:
            exploration_name(seeds, target)
        input:
            runs=basin_folders(run.name for run in EXPLORED[target]),
            dataset=dataset_of(target),
        output:
            **{name: landscape_table(f"{name}-{target}", seeds) for name in EXPLORATIONS},
        log:
            f"results/basins/logs/explore_modules-{target}-{seeds[0]}.log",
        benchmark:
            f"results/basins/cost/explore_modules-{target}-{seeds[0]}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(8_000),
            runtime=growing(1_440),
        params:
            runs=[asdict(run) for run in EXPLORED[target]],
            seeds=seeds,
            landscape=landscape_settings("alphas", "sigmas", "draws", "images", "recalibrate"),
            device=config["device"],
            code=code("explore_modules.py"),
        script:
            "../scripts/explore_modules.py"


rule judge_basins_claims:
    """What was measured of all networks in tables, and the paper's claims judged by them."""
    input:
        **{name: [landscape_table(name, seeds) for seeds in seed_batches("basins")] for name in COMPARISONS},
        **{
            name: [
                landscape_table(f"{name}-{target}", seeds)
                for seeds, target in product(seed_batches("basins"), BASINS["landscape"]["targets"])
            ]
            for name in EXPLORATIONS
        },
        runs=basin_folders(BASIN_RUNS),
    output:
        **{name: f"results/basins/tables/{name}.csv" for name in BASIN_TABLES},
        claims=report("results/basins/claims.csv", **in_report("basins", "claims", "Claims as CSV")),
        page=report("results/basins/claims.html", **in_report("basins", "claims", "Claims")),
    log:
        "results/basins/logs/claims.log",
    benchmark:
        "results/basins/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20),
    params:
        runs=[asdict(run) for run in BASIN_RUNS.values()],
        seeds=BASINS["seeds"],
        last_epochs=BASINS["last_epochs"],
        roles=BASINS["targets"],
        paper=PAPERS["basins"],
        scale=config["scale"],
        code=code("judge_basins_claims.py"),
    script:
        "../scripts/judge_basins_claims.py"


rule draw_basins_figures:
    """Figures 2 to 7 and both tables of Neyshabur et al. 2020, shared mistakes, and its numbers beside ours."""
    input:
        **{name: f"results/basins/tables/{name}.csv" for name in BASIN_TABLES},
    output:
        figure2=figure("basins", "figure2", "Figure 2: learning curves"),
        figure3=figure("basins", "figure3", "Figure 3: shuffled blocks"),
        curves=figure("basins", "curves", "Learning curves on shuffled images"),
        figure4=figure("basins", "figure4", "Figure 4: between two networks"),
        figure5=figure("basins", "figure5", "Figure 5: modules set back"),
        figure6=figure("basins", "figure6", "Figure 6: valleys around modules"),
        figure7=figure("basins", "figure7", "Figure 7: from checkpoints of P"),
        mistakes=figure("basins", "mistakes", "Common and uncommon mistakes"),
        profile=figure("basins", "profile", "Criticality, module by module"),
        table1=figure("basins", "table1", "Table 1: similarity"),
        table2=figure("basins", "table2", "Table 2: distance"),
        distances=figure("basins", "distances", "Distance, module by module"),
        others=figure("basins", "numbers", "The paper's other numbers beside ours"),
        numbers=report("results/basins/figures/numbers.csv", **in_report("basins", "numbers", "The numbers as CSV")),
    log:
        "results/basins/logs/figures.log",
    benchmark:
        "results/basins/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        scale=config["scale"],
        code=code("draw_basins_figures.py"),
    script:
        "../scripts/draw_basins_figures.py"
