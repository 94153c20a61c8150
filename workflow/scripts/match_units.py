"""Match, predict and cluster the units of every two networks, layer by layer, and gather what is shown of two."""

from transferscope import store
from transferscope.convergence import examples, pictures, tables
from transferscope.data import tasks
from transferscope.job import job_log

with job_log(snakemake) as job:
    params, found = snakemake.params, snakemake.input
    for name, rows in tables.tabulate(found.units, params.seeds, params.decays, params.clusters).items():
        store.write_table(snakemake.output[name], list(rows[0]), rows, job.facts())
    test = tasks.load(found.dataset, params.task, "test")
    shown = pictures.of_two(found.units, params.seeds[:2], params.clusters, test.images)
    examples.write(snakemake.output.examples, shown, job.facts())
