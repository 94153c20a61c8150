"""Turn a dataset's own files into one HDF5 file."""

from transferscope.data import datasets
from transferscope.job import job_log

with job_log(snakemake) as job:
    dataset = snakemake.params.dataset
    datasets.prepare(dataset, dataset.get("root", "."), snakemake.output[0], job.facts())
