# Layer by layer, on the same networks: the gates of Orhand et al. 2021, the copies of Yosinski et al. 2014, and CKA.

TUNED = [
    run
    for run in TRANSFERS.values()
    if run.split == JOINT["split"] and run.treatment == "transfer+" and run.n == max(ANB["layers"])
]
JOINT_SWEEPS = [sweep for sweep in SWEEPS.values() if sweep.half is not None]


rule compare_transfer:
    """CKA of every layer of a base network before and after it is fine-tuned on the other half of the classes."""
    input:
        runs=transfer_folders(sorted({name for run in TUNED for name in (run.source, run.name)})),
        dataset=prepared(TUNED[0].task["dataset"]),
    output:
        "results/quanta/tables/layer_change.csv",
    log:
        "results/quanta/logs/layer_change.log",
    benchmark:
        "results/quanta/cost/layer_change.tsv"
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        gpu=gpus(),
        mem_mb=growing(8_000),
        runtime=growing(120),
    params:
        runs=[asdict(run) for run in TUNED],
        seeds=QUANTA["seeds"],
        examples=JOINT["examples"],
        device=config["device"],
        precision=config["precision"],
        code=code("compare_transfer.py"),
    script:
        "../scripts/compare_transfer.py"


rule join_measures:
    """λ, the accuracy of frozen copies and the change of CKA of the same layers in one table, and how they correlate."""
    input:
        sweeps=sweep_folders(JOINT_SWEEPS, QUANTA["seeds"]),
        accuracy="results/anb/tables/accuracy.csv",
        change="results/quanta/tables/layer_change.csv",
    output:
        joint="results/quanta/tables/joint.csv",
        correlations="results/quanta/tables/joint_correlations.csv",
    log:
        "results/quanta/logs/joint.log",
    benchmark:
        "results/quanta/cost/joint.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(20),
    params:
        sweeps=[asdict(sweep) for sweep in JOINT_SWEEPS],
        seeds=QUANTA["seeds"],
        last_epochs=ANB["last_epochs"],
        split=JOINT["split"],
        code=code("join_measures.py"),
    script:
        "../scripts/join_measures.py"


rule draw_joint_figure:
    """The figure that neither paper has: three measures of how transferable a layer is, on the same layers."""
    input:
        "results/quanta/tables/joint.csv",
    output:
        figure("quanta", "joint", "λ, AnB and CKA on the same layers"),
    log:
        "results/quanta/logs/joint_figure.log",
    benchmark:
        "results/quanta/cost/joint_figure.tsv"
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        scale=config["scale"],
        code=code("draw_joint_figure.py"),
    script:
        "../scripts/draw_joint_figure.py"
