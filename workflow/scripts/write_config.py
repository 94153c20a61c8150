"""Write the config as the workflow understood it."""

import yaml

from transferscope import store
from transferscope.job import job_log

with job_log(snakemake), store.atomic_path(snakemake.output[0]) as temporary:
    temporary.write_text(yaml.safe_dump(snakemake.params.config, sort_keys=False))
