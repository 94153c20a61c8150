"""Write the config as the workflow understood it."""

import json

import yaml

from transferscope import store
from transferscope.job import job_log

with job_log(snakemake) as job, store.atomic_path(snakemake.output[0]) as temporary:
    understood = yaml.safe_dump(snakemake.params.config, sort_keys=False)
    temporary.write_text(f"# {json.dumps(job.facts())}\n{understood}", encoding="utf-8")
