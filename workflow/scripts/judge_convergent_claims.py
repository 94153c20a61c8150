"""Gather the accuracy of every network, and judge the claims of Li et al. 2016 by the tables about their units."""

from pathlib import Path

from transferscope import store
from transferscope.claims import convergent, page
from transferscope.convergence.tables import accuracy_row
from transferscope.job import job_log

with job_log(snakemake) as job:
    params, found = snakemake.params, snakemake.input
    histories = [store.read_table(Path(network, "history.csv")) for network in found.networks]
    accuracies = [accuracy_row(*each) for each in zip(params.seeds, histories, strict=True)]
    store.write_table(snakemake.output.accuracy, list(accuracies[0]), accuracies, job.facts())

    tables = [store.read_table(path) for path in (found.layers, found.matches, found.mapping)]
    verdicts = convergent.evaluate(*tables, params.scale)
    networks = convergent.networks([row["top1"] for row in accuracies], params.scale)
    title = f"{params.paper}, {params.scale} scale: {networks}"
    page.write(snakemake.output.claims, snakemake.output.page, verdicts, title, job.facts(), convergent.RESAMPLED)
