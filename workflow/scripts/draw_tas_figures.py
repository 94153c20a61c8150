"""Draw the table and the figures of Magai & Soroka 2023."""

import itertools

from transferscope import store
from transferscope.figures import style
from transferscope.figures.tas import figure1, figure2, table1
from transferscope.job import job_log

with job_log(snakemake) as job:
    params, output, facts = snakemake.params, snakemake.output, job.facts()
    scores = store.read_table(snakemake.input.scores)

    rows = table1.rows(scores, params.roles, params.table_target)
    store.write_table(output.numbers, table1.COLUMNS, rows, facts)
    style.save(table1.draw(rows, params.table_dataset, params.scale), output.table1, facts)

    pairs = list(itertools.product(params.roles, params.targets))
    for estimator, paths in (("biased", output.figure1), ("debiased", output.figure1_debiased)):
        changes = {
            pair: figure1.read_changes(path, estimator)
            for pair, path in zip(pairs, snakemake.input.similarity, strict=True)
        }
        style.save(figure1.draw(changes, params.roles, params.targets, estimator, params.scale), paths, facts)

    style.save(figure2.draw(scores, params.roles, params.targets, params.scale), output.figure2, facts)
