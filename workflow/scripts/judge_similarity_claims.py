"""Gather all similarities and all histories and judge the claims of Goerttler & Obermayer 2022 by them."""

from pathlib import Path

import pandas as pd

from transferscope import claims, store
from transferscope.claims import similarity as paper
from transferscope.claims.page import page
from transferscope.job import job_log
from transferscope.runs.similarity import Run

with job_log(snakemake) as job:
    similarity = pd.concat([store.read_table(path) for path in snakemake.input.similarity], ignore_index=True)
    store.write_table(snakemake.output.similarity, list(similarity), similarity.to_dict("records"), job.facts())

    histories = []
    for run, folder in zip((Run(**fields) for fields in snakemake.params.runs), snakemake.input.runs, strict=True):
        described = {"run": run.name, "phase": run.phase, "condition": run.condition}
        described |= {"randomness": run.randomness, "size": run.size}
        for seed in snakemake.params.seeds:
            passes = store.read_table(Path(folder, f"seed{seed}", "history.csv")).to_dict("records")
            histories += [described | {"seed": seed} | row for row in passes]
    store.write_table(snakemake.output.history, list(histories[0]), histories, job.facts())

    scale, memorised = snakemake.params.scale, snakemake.params.memorised
    verdicts = paper.evaluate(similarity, pd.DataFrame(histories), scale, memorised)
    store.write_table(snakemake.output.claims, claims.COLUMNS, verdicts, job.facts())
    with store.atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(page(verdicts, f"{snakemake.params.paper}, {scale} scale"), encoding="utf-8")
    for verdict in verdicts:
        print(f"{verdict['claim']}: {verdict['verdict']} ({verdict['statement']})")
