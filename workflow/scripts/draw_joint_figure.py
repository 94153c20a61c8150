"""Draw the figure of three measures of how transferable a layer is, on the same layers."""

from transferscope import store
from transferscope.figures import style
from transferscope.figures.quanta import joint
from transferscope.job import job_log

with job_log(snakemake) as job:
    table = store.read_table(snakemake.input[0])
    style.save(joint.draw(table, snakemake.params.scale), snakemake.output, job.facts())
