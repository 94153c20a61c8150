# CKA between the layers of source and fine-tuned models, and the scores made of it.


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
        claims=report("results/tas/claims.csv", **in_report("tas", "claims", "Claims")),
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
        scale=config["scale"],
        code=code("judge_tas_claims.py"),
    script:
        "../scripts/judge_tas_claims.py"
