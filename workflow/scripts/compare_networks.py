"""Compare pre-trained, fine-tuned and randomly initialised networks of Neyshabur et al. 2020 with each other."""

import itertools
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.data import tasks
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.landscape import comparison
from transferscope.landscape.probe import Probe
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.runs.basins import BasinRun, pairs_on
from transferscope.terms.basins import MIXED_PAIR, PRETRAINED, SCRATCH_PAIR, TUNED_PAIR

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    runs = {run.name: run for run in (BasinRun(**fields) for fields in params.runs)}
    folders = dict(zip(itertools.product(runs, params.seeds), snakemake.input.runs, strict=True))
    landscape, outputs = params.landscape, dict(snakemake.output.items())
    tables = {name: [] for name in outputs}

    def compare(target, dataset, seed):
        """Rows of every table for one target and seed."""
        print(f"{target}, seed {seed}", flush=True)
        pairs = pairs_on(target, runs)
        networks = {}
        for name in dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other)):
            last = Path(folders[name, seed], f"epoch{runs[name].checkpoints[-1]}.safetensors")
            networks[name], facts = zoo.load(last)
            networks[name].to(device)
            if name != PRETRAINED:
                # the same for all networks of the target, and for P while it is compared with them
                inputs = Inputs.of(facts)
        task = params.tasks[target]
        train, test = (tasks.load(dataset, task, part, seed) for part in ("train", "test"))
        probe, images = Probe(inputs, test, device), test.images(np.arange(min(params.examples, len(test))))

        on_target = [pair for pair in pairs if PRETRAINED not in pair]
        papers = [pair for pair in on_target if pair.name in (TUNED_PAIR, SCRATCH_PAIR, MIXED_PAIR)]
        found = {
            "mistakes": comparison.mistake_rows(networks, papers, probe),
            "similarity": comparison.similarity_rows(networks, pairs, inputs, images, device, params.precision),
            "distance": comparison.distance_rows(networks, pairs),
        }
        if target in landscape["targets"]:
            statistics = Probe(inputs, train, device, landscape["images"]) if landscape["recalibrate"] else None
            points, beyond = landscape["points"], landscape["beyond"]
            found["path"], found["barriers"] = comparison.path_rows(
                networks, on_target, points, beyond, probe, statistics
            )
        for name, rows in found.items():
            tables[name] += [{"target": target, "seed": seed} | row for row in rows]

    for seed in params.seeds:
        for target, dataset in params.datasets.items():
            compare(target, dataset, seed)
    for name, rows in tables.items():
        store.write_table(outputs[name], list(rows[0]), rows, job.facts(seeds=params.seeds, device=str(device)))
