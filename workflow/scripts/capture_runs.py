"""Show the probe images of each run to all its checkpoints, and keep what their layers hand on."""

from pathlib import Path

import numpy as np

from transferscope import activations
from transferscope.activations.capture import capture
from transferscope.data import tasks
from transferscope.data.inputs import Inputs, channel_statistics
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    images, inputs = {}, {}
    datasets = zip(params.tasks.items(), params.standards, snakemake.input.datasets, strict=True)
    for (probe, task), standard, dataset in datasets:
        test = tasks.load(dataset, task, "test")
        # the test set is in balanced order: its first images are a stratified sample
        images[probe] = test.images(np.arange(min(params.examples, len(test))))
        channels, size = params.model["channels"], params.model["image_size"]
        # each domain is standardised by itself, for the pre-trained network as for those fine-tuned to it
        inputs[probe] = Inputs(channels, size, *channel_statistics(tasks.load(dataset, standard, "train"), channels))
    for run in map(Path, snakemake.input.runs):
        for checkpoint in sorted(run.glob("seed*/*.safetensors")):
            module, facts = zoo.load(checkpoint)
            for probe in params.probes[run.name]:
                how = {"device": device, "precision": params.precision}
                found = capture(module, inputs[probe], images[probe], params.layers, **how)
                path = Path(snakemake.output[0], probe, checkpoint.relative_to(run.parent)).with_suffix(".h5")
                more = {"epoch": facts["epoch"], "step": facts["step"]}
                activations.write(path, found, job.facts(checkpoint=str(checkpoint), device=str(device), **more))
        print(run.name, flush=True)
