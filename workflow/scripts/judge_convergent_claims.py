"""Gather the accuracy of every network, and judge the claims of Li et al. 2016 by the tables about their units."""

from pathlib import Path

from transferscope import claims, store
from transferscope.claims import convergent
from transferscope.claims.page import page
from transferscope.convergence.tables import accuracy_row
from transferscope.job import job_log

with job_log(snakemake) as job:
    params, found = snakemake.params, snakemake.input
    histories = [store.read_table(Path(network, "history.csv")) for network in found.networks]
    accuracies = [accuracy_row(*each) for each in zip(params.seeds, histories, strict=True)]
    store.write_table(snakemake.output.accuracy, list(accuracies[0]), accuracies, job.facts())

    tables = [store.read_table(path) for path in (found.layers, found.matches, found.mapping)]
    verdicts = convergent.evaluate(*tables, params.scale)
    store.write_table(snakemake.output.claims, claims.COLUMNS, verdicts, job.facts())
    networks = convergent.networks([row["top1"] for row in accuracies], params.scale)
    title = f"{params.paper}, {params.scale} scale: {networks}"
    with store.atomic_path(snakemake.output.page) as temporary:
        temporary.write_text(page(verdicts, title, convergent.RESAMPLED), encoding="utf-8")
    for verdict in verdicts:
        print(f"{verdict['claim']}: {verdict['verdict']} ({verdict['statement']})")
