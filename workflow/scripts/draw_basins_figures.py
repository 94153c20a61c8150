"""Draw the figures and tables of Neyshabur et al. 2020, and the paper's numbers beside ours."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.basins import FIGURES, TABLES, numbers
from transferscope.job import job_log
from transferscope.tables.pairs import Tables

with job_log(snakemake) as job:
    output, scale, facts = snakemake.output, snakemake.params.scale, job.facts()
    found = Tables(**{name: store.read_table(path) for name, path in snakemake.input.items()})
    for name, draw in FIGURES.items():
        style.save(draw(found, scale), output[name], facts)

    rows = numbers.rows(found)
    store.write_table(output.numbers, numbers.COLUMNS, rows, facts)
    for name, draw in TABLES.items():
        style.save(draw(rows, scale), output[name], facts)
