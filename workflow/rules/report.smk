# The resolved config, and the report on all results.


rule write_config:
    """The config as it was understood: every default filled in, every number a number."""
    output:
        "results/config.yaml",
    log:
        "results/logs/config.log",
    benchmark:
        "results/cost/config.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        config=config,
        code=code("write_config.py"),
    script:
        "../scripts/write_config.py"


rule cost:
    """What the config costs on GPUs and on disk, before anything runs: `snakemake --cores 1 cost`."""
    output:
        "results/cost.md",
    log:
        "results/logs/cost.log",
    benchmark:
        "results/cost/cost.tsv"
    localrule: True
    conda:
        "../../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        config=config,
        configfile=" ".join(os.path.relpath(file, workflow.basedir) for file in workflow.configfiles),
        code=code("estimate_cost.py"),
    script:
        "../scripts/estimate_cost.py"


rule make_report:
    """One HTML page with every figure, table and claim, their captions, and how they were made."""
    input:
        [results_of(paper) for paper in ASKED],
        config="results/config.yaml",
        captions=[os.path.relpath(caption) for caption in WORKFLOW.glob("report/**/*.rst")],
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    benchmark:
        "results/cost/report.tsv"
    localrule: True
    conda:
        "../../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(10),
    params:
        papers=ASKED,
    shell:
        # a second Snakemake, on the same results: hence no lock, and the config as resolved
        '"$TRANSFERSCOPE_PYTHON" -m snakemake {params.papers} --nolock --snakefile "$TRANSFERSCOPE_SNAKEFILE"'
        " --configfile {input.config} --report {output} > {log} 2>&1"
