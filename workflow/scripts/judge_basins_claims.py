"""Gather what was measured of all networks of Neyshabur et al. 2020, and judge the paper's claims by it."""

import itertools
from pathlib import Path

import pandas as pd

from transferscope import store
from transferscope.claims import basins, page
from transferscope.job import job_log
from transferscope.runs.basins import BasinRun, accuracy_row, history_rows
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import PRETRAINED

with job_log(snakemake) as job:
    params = snakemake.params
    runs = [BasinRun(**fields) for fields in params.runs]

    tables = {"accuracy": [], "history": []}
    trained = itertools.product((run.name for run in runs), params.seeds)
    folders = dict(zip(trained, snakemake.input.runs, strict=True))
    for seed in params.seeds:
        histories = {run.name: store.read_table(Path(folders[run.name, seed], "history.csv")) for run in runs}
        of_source = histories[PRETRAINED]
        for run in runs:
            history = histories[run.name]
            tables["accuracy"].append(accuracy_row(run, seed, history, of_source, params.last_epochs))
            tables["history"] += history_rows(run, seed, history)
    for name in ("mistakes", "similarity", "distance", "path", "barriers", "criticality", "modules"):
        parts = [store.read_table(path) for path in snakemake.input[name]]
        tables[name] = pd.concat(parts, ignore_index=True).to_dict("records")
    for name, rows in tables.items():
        store.write_table(snakemake.output[name], list(rows[0]), rows, job.facts())

    gathered = Tables(**{name: store.read_table(snakemake.output[name]) for name in tables})
    verdicts = basins.evaluate(gathered, params.roles, params.scale)
    title = f"{params.paper}, {params.scale} scale"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts())
