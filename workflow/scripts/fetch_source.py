"""Bring published weights, or a checkpoint on disk, into the workflow's own format."""

from transferscope import store
from transferscope.job import job_log
from transferscope.models import weights

with job_log(snakemake) as job:
    model = snakemake.params.model
    if "weights" in model["source"]:
        tensors, facts = weights.published(model, snakemake.params.folder)
    else:
        tensors, facts = weights.local(model)
    store.write_checkpoint(snakemake.output.checkpoint, tensors, job.facts(**facts))
