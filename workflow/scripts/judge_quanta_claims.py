"""Gather what every network of Orhand et al. 2021 came to, and judge the paper's claims by it."""

from pathlib import Path

import pandas as pd

from transferscope import store
from transferscope.claims import joint, page, quanta
from transferscope.job import job_log
from transferscope.runs.quanta import Sweep, final_rows, history_rows, source_row

with job_log(snakemake) as job:
    params = snakemake.params

    def history_of(folder):
        return store.read_table(Path(folder, "history.csv"))

    (source,) = snakemake.input.source
    final = [source_row(seed, history_of(f"{source}/seed{seed}"), params.last_epochs) for seed in params.seeds]
    histories, folders = [], iter(snakemake.input.sweeps)
    for sweep in (Sweep(**fields) for fields in params.sweeps):
        for seed in params.seeds:
            history = history_of(next(folders))
            final += final_rows(sweep, seed, history, params.last_epochs)
            histories += history_rows(sweep, seed, history)
    store.write_table(snakemake.output.final, list(final[0]), final, job.facts())
    store.write_table(snakemake.output.history, list(histories[0]), histories, job.facts())

    verdicts = quanta.evaluate(pd.DataFrame(final), pd.DataFrame(histories), params.last_epochs, params.scale)
    if snakemake.input.joint:
        verdicts += joint.evaluate(store.read_table(snakemake.input.joint), params.scale)
    title = f"{params.paper}, {params.scale} scale"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts())
