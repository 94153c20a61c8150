# Li et al. 2016: whether networks that differ in their random start learn the same units.

CONVERGENT = config["convergent"]
# the lower seed of a pair comes first
NETWORKS = sorted(CONVERGENT["seeds"])


# networks in one job pay for the import of torch once; on a cluster they may learn side by side
for seeds in batches.seed_batches(config, "convergent"):

    rule:
        """Networks that differ in their seed alone: in their initialisation and, unless it is shared, order of images."""
        name:
            batch_name("convergent", "train_networks", seeds)
        input:
            datasets=[dataset_of(CONVERGENT["task"])],
        output:
            [directory(folder) for folder in network_folders(seeds)],
        log:
            f"results/convergent/logs/training/network-{seeds[0]}.log",
        benchmark:
            f"results/convergent/cost/training/network-{seeds[0]}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(memory(6_000, CONVERGENT["model"], [network_training()])),
            runtime=growing(minutes(1_440, CONVERGENT["model"], [network_training()], seeds)),
        params:
            runs=[asdict(network_training()) | drawn_alike()],
            folders=["results/convergent/models/network"],
            standards=[config["tasks"][CONVERGENT["task"]]],
            model=MODELS[CONVERGENT["model"]],
            seeds=seeds,
            unfinished=f"results/convergent/unfinished/network-{seeds[0]}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_runs.py"),
        script:
            "../scripts/train_runs.py"


rule capture_units:
    """How the units of all networks vary over the test images, alone and together, before training and after."""
    input:
        networks=network_folders(NETWORKS),
        dataset=dataset_of(CONVERGENT["task"]),
    output:
        temp(directory("results/convergent/units")),
    log:
        "results/convergent/logs/units.log",
    benchmark:
        "results/convergent/cost/units.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(24_000),
        runtime=growing(720),
    params:
        checkpoints={"trained": f"epoch{CONVERGENT['recipe']['epochs']}", "untrained": "epoch0"},
        task=config["tasks"][CONVERGENT["task"]],
        patches=CONVERGENT["patches"],
        device=config["device"],
        precision=config["precision"],
        code=code("capture_units.py"),
    script:
        "../scripts/capture_units.py"


rule match_units:
    """Counterparts of every unit in every other network, sparse mappings and clusters, and what pictures show."""
    input:
        units="results/convergent/units",
        dataset=dataset_of(CONVERGENT["task"]),
    output:
        matches="results/convergent/tables/matches.csv",
        layers="results/convergent/tables/layers.csv",
        mapping="results/convergent/tables/mapping.csv",
        clusters="results/convergent/tables/clusters.csv",
        examples="results/convergent/tables/examples.h5",
    log:
        "results/convergent/logs/matching.log",
    benchmark:
        "results/convergent/cost/matching.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(24_000),
        runtime=growing(720),
    params:
        seeds=NETWORKS,
        task=config["tasks"][CONVERGENT["task"]],
        decays=CONVERGENT["decays"],
        clusters=CONVERGENT["clusters"],
        code=code("match_units.py"),
    script:
        "../scripts/match_units.py"


rule judge_convergent_claims:
    """The accuracy of every network, and the paper's claims judged by the counterparts of their units."""
    input:
        networks=network_folders(NETWORKS),
        matches="results/convergent/tables/matches.csv",
        layers="results/convergent/tables/layers.csv",
        mapping="results/convergent/tables/mapping.csv",
    output:
        accuracy="results/convergent/tables/accuracy.csv",
        claims=report("results/convergent/claims.csv", **in_report("convergent", "claims", "Claims as CSV")),
        page=report("results/convergent/claims.html", **in_report("convergent", "claims", "Claims")),
    log:
        "results/convergent/logs/claims.log",
    benchmark:
        "results/convergent/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(30),
    params:
        seeds=NETWORKS,
        paper=PAPERS["convergent"],
        scale=config["scale"],
        code=code("judge_convergent_claims.py"),
    script:
        "../scripts/judge_convergent_claims.py"


rule draw_convergent_figures:
    """Figures of Li et al. 2016 for trained networks, each beside the same for untrained ones."""
    input:
        matches="results/convergent/tables/matches.csv",
        layers="results/convergent/tables/layers.csv",
        mapping="results/convergent/tables/mapping.csv",
        clusters="results/convergent/tables/clusters.csv",
        examples="results/convergent/tables/examples.h5",
    output:
        figure1=figure("convergent", "figure1", "Figure 1: correlations within and between networks"),
        filters=figure("convergent", "filters", "Matched filters"),
        correlations=figure("convergent", "correlations", "Every unit and its counterpart"),
        layers=figure("convergent", "layers", "Layer by layer"),
        patches=figure("convergent", "patches", "What matched units see"),
        mapping=figure("convergent", "mapping", "Table 1: sparse mapping"),
        clusters=figure("convergent", "clusters", "Clusters of units"),
    log:
        "results/convergent/logs/figures.log",
    benchmark:
        "results/convergent/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(30),
    params:
        scale=config["scale"],
        code=code("draw_convergent_figures.py"),
    script:
        "../scripts/draw_convergent_figures.py"
