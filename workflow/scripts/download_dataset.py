"""Fetch a dataset's own files and note their checksums."""

import json

from transferscope import store
from transferscope.data import datasets
from transferscope.job import job_log

with job_log(snakemake) as job:
    dataset = snakemake.params.dataset
    manifest = {"root": dataset["root"], "sha256": datasets.download(dataset, dataset["root"]), "facts": job.facts()}
    with store.atomic_path(snakemake.output[0]) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1))
