"""Gather all similarities and all histories and judge the claims of Goerttler & Obermayer 2022 by them."""

from pathlib import Path

import pandas as pd

from transferscope import store
from transferscope.claims import page
from transferscope.claims import similarity as paper
from transferscope.job import job_log
from transferscope.runs.similarity import Run, history_rows

with job_log(snakemake) as job:
    params = snakemake.params
    similarity = pd.concat([store.read_table(path) for path in snakemake.input.similarity], ignore_index=True)
    store.write_table(snakemake.output.similarity, list(similarity), similarity.to_dict("records"), job.facts())

    histories = []
    for run, folder in zip((Run(**fields) for fields in params.runs), snakemake.input.runs, strict=True):
        for seed in params.seeds:
            histories += history_rows(run, seed, store.read_table(Path(folder, f"seed{seed}", "history.csv")))
    store.write_table(snakemake.output.history, list(histories[0]), histories, job.facts())

    verdicts = paper.evaluate(similarity, pd.DataFrame(histories), params.scale, params.memorised)
    title = f"{params.paper}, {params.scale} scale"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts())
