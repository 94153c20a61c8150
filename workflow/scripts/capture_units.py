"""Show the test images to all networks, trained and untrained, and keep how their units vary, alone and together."""

from itertools import product
from pathlib import Path

import numpy as np

from transferscope.convergence import excitations, files, units
from transferscope.convergence.capture import capture_excitations, capture_units
from transferscope.data import tasks
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.models.units import filters
from transferscope.terms.convergent import ACTIVATIONS, AFTER, POSITIONS, SAMPLES

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    how = device, params.precision
    test = tasks.load(snakemake.input.dataset, params.task, "test")
    rows = np.arange(len(test))
    for state, checkpoint in params.checkpoints.items():
        folder = Path(snakemake.output[0], state)
        loaded = [zoo.load(Path(network, f"{checkpoint}.safetensors")) for network in snakemake.input.networks]
        modules, inputs = [module for module, _ in loaded], Inputs.of(loaded[0][1])
        for activations, samples in product(ACTIVATIONS, SAMPLES):
            # sparse mappings are fitted to one half of the images and validated on the other
            parts = 2 if (activations, samples) == (AFTER, POSITIONS) else 1
            found = capture_units(modules, inputs, test.images, rows, activations, samples, parts, *how)
            units.write(folder / f"{activations}-{samples}.h5", found, job.facts(device=str(device), images=len(rows)))
            print(f"{state}: {activations} the activation function, {samples}", flush=True)
        for network, module in enumerate(modules[:2]):
            excited = capture_excitations(module, inputs, test.images, rows, params.patches, *how)
            excitations.write(folder / f"excitations{network}.h5", excited, job.facts(device=str(device)))
        weights = {f"network{network}": {"filters": filters(module)} for network, module in enumerate(modules[:2])}
        files.write(folder / "filters.h5", "filters", weights, job.facts())
