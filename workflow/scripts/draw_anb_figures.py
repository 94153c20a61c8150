"""Draw the figures of Yosinski et al. 2014 and the table of the paper's numbers beside ours."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.anb import decomposition, figure2, figure3, table1
from transferscope.job import job_log

with job_log(snakemake) as job:
    output, scale, facts = snakemake.output, snakemake.params.scale, job.facts()
    accuracy = store.read_table(snakemake.input.accuracy)

    style.save(figure2.draw(accuracy, scale), output.figure2, facts)
    style.save(figure3.draw(accuracy, scale), output.figure3, facts)
    style.save(decomposition.draw(accuracy, scale), output.decomposition, facts)

    rows = table1.rows(accuracy)
    store.write_table(output.numbers, table1.COLUMNS, rows, facts)
    style.save(table1.draw(rows, scale), output.table1, facts)
