# Yosinski et al. 2014: networks whose first n layers come from another one, frozen or trained on.

ANB = config["anb"]
TRANSFERS = {run.name: run for run in anb_runs(config)}


# networks in one job pay for the import of torch once; on a cluster each may have a job of its own
for number, batch in enumerate(batches.anb_batches(config), start=1):

    rule:
        """Some networks, each under every seed: base networks, or such whose first layers come from one."""
        name:
            f"transfer_runs_{number}"
        input:
            sources=transfer_folders({run.source for run in batch if run.source}),
            dataset=sorted({prepared(run.task["dataset"]) for run in batch}),
        output:
            [directory(folder) for folder in transfer_folders(run.name for run in batch)],
        log:
            f"results/anb/logs/training/{batch[0].name}.log",
        benchmark:
            f"results/anb/cost/training/{batch[0].name}.tsv"
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            gpu=gpus(),
            mem_mb=growing(memory(6_000, ANB["model"], batch)),
            runtime=growing(minutes(1_440, ANB["model"], batch, ANB["seeds"])),
        params:
            runs=[asdict(run) for run in batch],
            datasets=[prepared(run.task["dataset"]) for run in batch],
            model=MODELS[ANB["model"]],
            seeds=ANB["seeds"],
            unfinished=f"results/anb/unfinished/{batch[0].name}",
            device=config["device"],
            precision=config["precision"],
            code=code("train_transfers.py"),
        script:
            "../scripts/train_transfers.py"


rule judge_anb_claims:
    """The accuracy of every network and all histories in a table each, and the paper's claims judged by them."""
    input:
        transfer_folders(TRANSFERS),
    output:
        accuracy="results/anb/tables/accuracy.csv",
        history="results/anb/tables/history.csv",
        claims=report("results/anb/claims.csv", **in_report("anb", "claims", "Claims as CSV")),
        page=report("results/anb/claims.html", **in_report("anb", "claims", "Claims")),
    log:
        "results/anb/logs/claims.log",
    benchmark:
        "results/anb/cost/claims.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20),
    params:
        runs=[asdict(run) for run in TRANSFERS.values()],
        seeds=ANB["seeds"],
        last_epochs=ANB["last_epochs"],
        paper=PAPERS["anb"],
        scale=config["scale"],
        code=code("judge_anb_claims.py"),
    script:
        "../scripts/judge_anb_claims.py"


rule draw_anb_figures:
    """Figures 2 and 3 of Yosinski et al. 2014, what their losses are made of, and the paper's numbers beside ours."""
    input:
        accuracy="results/anb/tables/accuracy.csv",
    output:
        figure2=figure("anb", "figure2", "Figure 2: accuracy against the layers copied"),
        figure3=figure("anb", "figure3", "Figure 3: similar, dissimilar and random features"),
        decomposition=figure("anb", "decomposition", "Co-adaptation and specificity"),
        table1=figure("anb", "table1", "The paper's numbers beside ours"),
        numbers=report("results/anb/figures/table1.csv", **in_report("anb", "table1", "The numbers as CSV")),
    log:
        "results/anb/logs/figures.log",
    benchmark:
        "results/anb/cost/figures.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        scale=config["scale"],
        code=code("draw_anb_figures.py"),
    script:
        "../scripts/draw_anb_figures.py"
