"""Gather all scores in one table and judge the claims of Magai & Soroka 2023 by it."""

import pandas as pd

from transferscope import store
from transferscope.claims import page, tas
from transferscope.job import job_log

with job_log(snakemake) as job:
    params = snakemake.params
    scores = pd.concat([store.read_table(path) for path in snakemake.input.scores], ignore_index=True)
    store.write_table(snakemake.output.scores, list(scores), scores.to_dict("records"), job.facts())
    verdicts = tas.evaluate(scores, params.roles, params.targets, params.table_target, params.scale)
    title = f"{params.paper}, {params.scale} scale"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts())
