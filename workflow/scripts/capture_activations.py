"""Show a target's probe images to a source model and its fine-tuned selves, and keep what their layers hand on."""

import itertools
from pathlib import Path

import numpy as np

from transferscope import activations
from transferscope.activations.capture import capture
from transferscope.data import tasks
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.landscape.distance import relative_distance
from transferscope.machine.devices import choose_device
from transferscope.models import zoo

with job_log(snakemake) as job:
    params, output, device = snakemake.params, snakemake.output, choose_device(snakemake.params.device)
    # images alone are shown; the seed is that of labels
    test = tasks.load(snakemake.input.dataset, params.task, "test", params.seeds[0])
    # the test set is in balanced order: its first images are a stratified sample
    rows = np.arange(min(params.examples, len(test)))
    images = test.images(rows)
    dumps = {(seed, params.last): path for seed, path in zip(params.seeds, output.last, strict=True)}
    source, _ = zoo.load(snakemake.input.source)

    def dump(checkpoint, path):
        module, facts = zoo.load(checkpoint)
        moved = relative_distance(zoo.body(module), zoo.body(source))
        how = {"device": device, "examples": rows, "precision": params.precision}
        found = capture(module, Inputs.of(facts), images, params.layers, params.reused, **how)
        more = {"epoch": facts.get("epoch"), "step": facts.get("step"), "parameter_change": moved}
        activations.write(path, found, job.facts(checkpoint=checkpoint, device=str(device), **more))
        print(f"{path}: {len(found.layers)} layers, {len(found.grams)} distinct, {len(rows)} images", flush=True)

    dump(snakemake.input.source, output.source)
    runs = itertools.product(params.seeds, [*params.passing, params.last])
    for (seed, name), checkpoint in zip(runs, snakemake.input.checkpoints, strict=True):
        dump(checkpoint, dumps.get((seed, name), Path(output.passing, f"seed{seed}", f"{name}.h5")))
