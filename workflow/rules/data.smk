# From a dataset's own files to one HDF5 file a dataset.


rule download_dataset:
    """A dataset's own files and their checksums, fetched where there is internet."""
    output:
        "results/downloads/{dataset}.json",
    log:
        "results/logs/download/{dataset}.log",
    benchmark:
        "results/cost/download/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(ROOTED),
    # what cannot be had is better missed at once than hours later
    priority: 1
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(2_000),
        runtime=growing(240),
    params:
        dataset=lookup(within=config, dpath="datasets/{dataset}"),
        code=code("download_dataset.py"),
    script:
        "../scripts/download_dataset.py"


rule prepare_dataset:
    """All images of a dataset as 8-bit arrays, with labels, official splits, source and checksum."""
    input:
        manifest=branch(
            lambda wildcards: wildcards.dataset in ROOTED, then="results/downloads/{dataset}.json", otherwise=[]
        ),
    output:
        "results/data/{dataset}.h5",
    log:
        "results/logs/data/{dataset}.log",
    benchmark:
        "results/cost/data/{dataset}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=growing(4_000),
        runtime=growing(lambda wildcards: preparing_minutes(config["datasets"][wildcards.dataset])),
    params:
        dataset=lookup(within=config, dpath="datasets/{dataset}"),
        code=code("prepare_dataset.py"),
    script:
        "../scripts/prepare_dataset.py"
