# Neyshabur et al. 2020: fine-tuned networks and such from a random initialisation, and the landscape around them.

BASINS = config["basins"]
BASIN_RUNS = basin_runs(config)
# the networks that are compared with each other, and jobs of those whose modules are set back and disturbed
COMPARED = [run for run in BASIN_RUNS if run.checkpoints]
EXPLORED = batches.exploration_batches(config)
# what is found of them
COMPARISONS = ["similarity", "distance", "mistakes", "path", "barriers"]
EXPLORATIONS = ["modules", "criticality"]
BASIN_TABLES = ["history", "accuracy", *COMPARISONS, *EXPLORATIONS]

# networks in one job pay for the import of torch once; on a cluster each may have a job of its own
for number, (batch, seeds) in enumerate(batches.basin_batches(config), start=1):

    rule:
        """Some networks under some seeds: P, or such that start from it or from a random initialisation."""
        name:
            f"train_basins_{number}"
        input:
            source=basin_folders(BASIN_RUNS[:1], seeds) if batch[0].start is not None else [],
            dataset=sorted({prepared(run.task["dataset"]) for run in batch}),
        output:
            [directory(folder) for folder in basin_folders(batch, seeds)],
        log:
            f"results/basins/logs/training/{batch[0].name}-{seeds[0]}.log",
        benchmark:
            f"results/basins/cost/training/{batch[0].name}-{seeds[0]}.tsv"
        # the longest chain of the demo goes first: what other papers have left to do fits beside its end
        priority: 2
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(memory(8_000, BASINS["model"], batch)),
            runtime=growing(minutes(1_440, BASINS["model"], batch, seeds)),
        params:
            runs=[asdict(run) for run in batch],
            datasets=[prepared(run.task["dataset"]) for run in batch],
            model=MODELS[BASINS["model"]],
            seeds=seeds,
            unfinished=f"results/basins/unfinished/{batch[0].name}-{seeds[0]}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_basins.py"),
        script:
            "../scripts/train_basins.py"


for seeds in batches.seed_batches(config, "basins"):

    rule:
        """Networks in pairs: similarity, distance, shared mistakes, and the straight line between two of them."""
        name:
            batch_name("basins", "compare_networks", seeds)
        input:
            runs=basin_folders(COMPARED, seeds),
            datasets=sorted({dataset_of(target) for target in BASINS["targets"]}),
        output:
            **{name: comparison_table(name, seeds) for name in COMPARISONS},
        log:
            f"results/basins/logs/compare_networks-{seeds[0]}.log",
        benchmark:
            f"results/basins/cost/compare_networks-{seeds[0]}.tsv"
        priority: 1
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


for number, (batch, seeds) in enumerate(EXPLORED, start=1):

    rule:
        """Networks module by module: each set back to its initial value, or moved on the way from there and disturbed."""
        name:
            f"explore_modules_{number}"
        input:
            runs=basin_folders(batch, seeds),
            dataset=dataset_of(batch[0].target),
        output:
            **{name: exploration_table(name, batch, seeds) for name in EXPLORATIONS},
        log:
            f"results/basins/logs/explore_modules-{batch[0].name}-{seeds[0]}.log",
        benchmark:
            f"results/basins/cost/explore_modules-{batch[0].name}-{seeds[0]}.tsv"
        priority: 1
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(8_000),
            runtime=growing(exploring_minutes(1_440, config, MODELS[BASINS["model"]], batch, len(seeds))),
        params:
            runs=[asdict(run) for run in batch],
            seeds=seeds,
            landscape=landscape_settings("alphas", "sigmas", "draws", "images", "recalibrate"),
            device=config["device"],
            code=code("explore_modules.py"),
        script:
            "../scripts/explore_modules.py"


rule judge_basins_claims:
    """What was measured of all networks in tables, and the paper's claims judged by them."""
    input:
        **{
            name: [comparison_table(name, seeds) for seeds in batches.seed_batches(config, "basins")]
            for name in COMPARISONS
        },
        **{name: [exploration_table(name, *explored) for explored in EXPLORED] for name in EXPLORATIONS},
        runs=basin_folders(BASIN_RUNS, BASINS["seeds"]),
    output:
        **{name: f"results/basins/tables/{name}.csv" for name in BASIN_TABLES},
        claims=report("results/basins/claims.csv", **in_report("basins", "claims", "Claims as CSV")),
        page=report("results/basins/claims.html", **in_report("basins", "claims", "Claims")),
    log:
        "results/basins/logs/claims.log",
    benchmark:
        "results/basins/cost/claims.tsv"
    priority: 1
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20),
    params:
        runs=[asdict(run) for run in BASIN_RUNS],
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
        figure6_loss=figure("basins", "figure6_loss", "Figure 6: loss around modules"),
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
    priority: 1
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
