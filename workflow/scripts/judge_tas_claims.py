"""Gather all scores in one table and judge the claims of Magai & Soroka 2023 by it."""

import pandas as pd

from transferscope import claims, store
from transferscope.claims import tas
from transferscope.claims.page import page
from transferscope.job import job_log

with job_log(snakemake) as job:
    params = snakemake.params
    scores = pd.concat([store.read_table(path) for path in snakemake.input.scores], ignore_index=True)
    store.write_table(snakemake.output.scores, list(scores), scores.to_dict("records"), job.facts())
    verdicts = tas.evaluate(scores, params.roles, params.targets, params.table_target, params.scale)
    store.write_table(snakemake.output.claims, claims.COLUMNS, verdicts, job.facts())
    with store.atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(page(verdicts, f"{params.paper}, {params.scale} scale"), encoding="utf-8")
    for verdict in verdicts:
        print(f"{verdict['claim']}: {verdict['verdict']} ({verdict['statement']})")
