"""Gather the accuracy of every network and judge the claims of Yosinski et al. 2014 by it."""

from pathlib import Path

import pandas as pd

from transferscope import store
from transferscope.claims import anb, page
from transferscope.job import job_log
from transferscope.runs.anb import DESCRIBED, AnbRun, accuracy_row

with job_log(snakemake) as job:
    params = snakemake.params
    accuracies, histories = [], []
    for run, folder in zip((AnbRun(**fields) for fields in params.runs), snakemake.input, strict=True):
        for seed in params.seeds:
            path = Path(folder, f"seed{seed}", "history.csv")
            history, facts = store.read_table(path), store.read_table_facts(path, ["architecture", "layers"])
            network = accuracy_row(run, seed, history, facts, params.last_epochs)
            accuracies.append(network)
            described = {column: network[column] for column in DESCRIBED}
            # a split is one of the classes here
            passes = history.rename(columns={"split": "part"}).to_dict("records")
            histories += [described | row for row in passes]
    store.write_table(snakemake.output.accuracy, list(accuracies[0]), accuracies, job.facts())
    store.write_table(snakemake.output.history, list(histories[0]), histories, job.facts())

    verdicts = anb.evaluate(pd.DataFrame(accuracies), params.scale)
    title = f"{params.paper}, {params.scale} scale"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts())
