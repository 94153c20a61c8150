"""Draw the figures of Goerttler & Obermayer 2022."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.similarity import controls, estimators, figure1, figure2, figure3, figure4, figure5
from transferscope.job import job_log

with job_log(snakemake) as job:
    output, scale, facts = snakemake.output, snakemake.params.scale, job.facts()
    similarity = store.read_table(snakemake.input.similarity)
    history = store.read_table(snakemake.input.history)

    style.save(figure1.draw(similarity, scale), output.figure1, facts)
    style.save(figure2.draw(history, scale), output.figure2, facts)
    style.save(figure3.draw(similarity, scale), output.figure3, facts)
    style.save(figure4.draw(similarity, scale), output.figure4, facts)
    style.save(figure5.draw(similarity, history, scale), output.figure5, facts)
    style.save(estimators.draw(similarity, scale), output.estimators, facts)
    style.save(controls.draw(similarity, scale), output.controls, facts)
