# The papers' tables and figures: one job a paper.


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
