"""Draw the figures and tables of Neyshabur et al. 2020, and the paper's numbers beside ours."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.basins import (
    curves,
    distances,
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure7,
    mistakes,
    numbers,
    profile,
    tables,
)
from transferscope.job import job_log
from transferscope.tables.pairs import Tables

with job_log(snakemake) as job:
    output, scale, facts = snakemake.output, snakemake.params.scale, job.facts()
    found = Tables(**{name: store.read_table(path) for name, path in snakemake.input.items()})

    style.save(figure2.draw(found, scale), output.figure2, facts)
    style.save(figure3.draw(found, scale), output.figure3, facts)
    style.save(curves.draw(found, scale), output.curves, facts)
    style.save(figure4.draw(found, scale), output.figure4, facts)
    style.save(figure5.draw(found, scale), output.figure5, facts)
    style.save(figure6.draw(found, scale), output.figure6, facts)
    style.save(figure7.draw(found, scale), output.figure7, facts)
    style.save(mistakes.draw(found, scale), output.mistakes, facts)
    style.save(profile.draw(found, scale), output.profile, facts)

    rows = numbers.rows(found)
    store.write_table(output.numbers, numbers.COLUMNS, rows, facts)
    style.save(tables.draw_similarity(rows, scale), output.table1, facts)
    style.save(tables.draw_distance(rows, scale), output.table2, facts)
    style.save(distances.draw(found, scale), output.distances, facts)
    style.save(tables.draw_others(rows, scale), output.others, facts)
