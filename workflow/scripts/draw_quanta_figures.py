"""Draw the figures of Orhand et al. 2021, two of our own, and the table of the paper's numbers beside ours."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.quanta import controls, figure3, figure4, figure5, sensitivity, table1
from transferscope.job import job_log

with job_log(snakemake) as job:
    output, scale, facts = snakemake.output, snakemake.params.scale, job.facts()
    final, history = store.read_table(snakemake.input.final), store.read_table(snakemake.input.history)
    anb = store.read_table(snakemake.input.accuracy) if snakemake.input.accuracy else None

    style.save(figure3.draw(history, scale), output.figure3, facts)
    style.save(figure4.draw(final, scale, anb, snakemake.params.anb_model), output.figure4, facts)
    style.save(figure5.draw(final, history, scale), output.figure5, facts)
    style.save(controls.draw(final, scale), output.controls, facts)
    if output.sensitivity:
        style.save(sensitivity.draw(final, scale), output.sensitivity, facts)

    rows = table1.rows(final)
    store.write_table(output.numbers, table1.COLUMNS, rows, facts)
    style.save(table1.draw(rows, scale), output.table1, facts)
