"""Set the gates of each layer beside the accuracy of frozen copies and the change of CKA, and correlate them."""

from pathlib import Path

import pandas as pd

from transferscope import store
from transferscope.job import job_log
from transferscope.runs.quanta import Sweep, final_rows
from transferscope.tables import joint

with job_log(snakemake) as job:
    params, found = snakemake.params, snakemake.input
    gates, folders = [], iter(found.sweeps)
    for sweep in (Sweep(**fields) for fields in params.sweeps):
        for seed in params.seeds:
            history = store.read_table(Path(next(folders), "history.csv"))
            gates += [row | {"half": sweep.half} for row in final_rows(sweep, seed, history, params.last_epochs)]
    accuracy, change = store.read_table(found.accuracy), store.read_table(found.change)
    rows = joint.rows(pd.DataFrame(gates), accuracy, change, params.split)
    store.write_table(snakemake.output.joint, joint.COLUMNS, rows, job.facts())
    correlations = joint.correlations(pd.DataFrame(rows))
    store.write_table(snakemake.output.correlations, joint.CORRELATION_COLUMNS, correlations, job.facts())
