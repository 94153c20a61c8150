"""Write what a config costs, derived from its runs and the sizes of its networks."""

import functools

from transferscope import store
from transferscope.cost.page import page
from transferscope.cost.sizes import size_of
from transferscope.job import job_log
from transferscope.models import zoo

with job_log(snakemake) as job, store.atomic_path(snakemake.output[0]) as temporary:
    config = snakemake.params.config

    @functools.cache
    def size(model, classes, selection, reused):
        """The size of a model of the config with so many classes."""
        return size_of(zoo.architecture(config["models"][model], classes), selection, reused)

    temporary.write_text(page(config, size, snakemake.params.configfile), encoding="utf-8")
