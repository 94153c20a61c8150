"""Train some sweeps of Orhand et al. 2021 under some seeds: networks with gates, side by side, beside one source."""

from pathlib import Path

import torch

from transferscope.data import tasks
from transferscope.data.checksum import verified_checksum
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.models.gate import GatedNetwork
from transferscope.models.side_by_side import SideBySide
from transferscope.randomness import seed_for
from transferscope.training.loop import train
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import HISTORY, publish

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    checksums = {dataset: verified_checksum(dataset) for dataset in set(params.datasets)}

    def target_network(architecture, network, seed):
        """A network at its initialisation, the same for all of a repeat: what sets them apart is the gate."""
        torch.manual_seed(seed_for(seed, "initialisation", "target", network["repeat"]))
        module = zoo.create(architecture)
        return module if network["layer"] is None else GatedNetwork(module, network["layer"], network["initial"])

    def train_sweep(sweep, source, dataset, output, seed):
        """Train the networks of a sweep under one seed; what they leave, and where that shall appear."""
        print(f"{sweep['name']}, seed {seed}, beside {source}", flush=True)
        examples = [tasks.load(dataset, sweep["task"], part, seed) for part in ("train", "test")]
        module, made = zoo.load(source)
        architecture = made["architecture"] | {"classes": len(examples[0].class_names)}
        networks = {each["name"]: target_network(architecture, each, seed) for each in sweep["networks"]}
        how_computed = params.share_source, params.networks_at_once
        together = SideBySide(networks, module, sweep["gate_learning_rate"], *how_computed)
        facts = job.facts(seed=seed, device=str(device), dataset=dataset, sweep=sweep["name"], source=str(source))
        folder, recipe = Path(params.unfinished, sweep["name"], f"seed{seed}"), Recipe(**sweep["recipe"])
        # what is asked of these networks is in the history
        kept = Kept(ends=False)
        identity = [params.code, sweep, *how_computed, checksums[dataset]]
        how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
        train(together, Inputs.of(made), *examples, recipe, seed, kept, folder, **how)
        return {folder / HISTORY: Path(output, HISTORY)}

    finished, outputs = {}, iter(snakemake.output)
    sweeps = zip(params.sweeps, params.sources, params.checkpoints, params.datasets, strict=True)
    for sweep, folder, checkpoint, dataset in sweeps:
        for seed in params.seeds:
            source = Path(folder, f"seed{seed}", checkpoint)
            finished |= train_sweep(sweep, source, dataset, next(outputs), seed)
    publish(finished, params.unfinished)
