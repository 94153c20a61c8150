"""Compare each layer of base networks of Yosinski et al. 2014 with what it is after fine-tuning on the other half."""

from pathlib import Path

import numpy as np

from transferscope import layer_change, store
from transferscope.data import tasks
from transferscope.data.inputs import Inputs
from transferscope.errors import InputError
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.models.transplant import layers_of
from transferscope.runs.anb import AnbRun

COLUMNS = ("seed", "half", *layer_change.COLUMNS)

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    folders = {Path(folder).name: Path(folder) for folder in snakemake.input.runs}
    rows = []
    for run in (AnbRun(**fields) for fields in params.runs):
        for seed in params.seeds:
            print(f"{run.name}, seed {seed}", flush=True)
            last = Path(f"seed{seed}", f"epoch{run.recipe['epochs']}.safetensors")
            (source, _), (tuned, facts) = (zoo.load(folders[name] / last) for name in (run.source, run.name))
            copied, all_layers = run.n, len(layers_of(tuned))
            if copied < all_layers:
                raise InputError(
                    f"{run.name} started from {copied} layers of {run.source}, expected all {all_layers}: "
                    f"add {all_layers} to anb.layers"
                )
            # the half's test images are in balanced order: the first of them are a stratified sample
            test = tasks.load(snakemake.input.dataset, run.task, "test", seed)
            images = test.images(np.arange(min(params.examples, len(test))))
            found = layer_change.similarity_to_source(source, tuned, Inputs.of(facts), images, device, params.precision)
            rows += [{"seed": seed, "half": run.half} | row for row in found]
    store.write_table(snakemake.output[0], COLUMNS, rows, job.facts(device=str(device)))
