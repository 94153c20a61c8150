"""Train some networks of Neyshabur et al. 2020, each under every seed: P, or such from P or from a random start."""

from pathlib import Path

import torch

from transferscope.data import tasks
from transferscope.data.checksum import verified_checksum
from transferscope.data.inputs import Inputs, channel_statistics
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.randomness import seed_for, torch_generator
from transferscope.training.loop import train
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import HISTORY, publish

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    checksums = {dataset: verified_checksum(dataset) for dataset in set(params.datasets)}

    def network(run, classes, seed):
        """The network at the beginning of a run, and its architecture."""
        if run["start"] is None:
            torch.manual_seed(seed_for(seed, "initialisation", run["treatment"], run["drawn_as"]))
            architecture = zoo.architecture(params.model, classes)
            return zoo.create(architecture), architecture
        source = snakemake.input.source[params.seeds.index(seed)]
        module, facts = zoo.load(Path(source, f"epoch{run['start']}.safetensors"))
        zoo.with_new_head(module, classes, torch_generator(seed, "head", run["drawn_as"]))
        return module, facts["architecture"] | {"classes": classes}

    def train_network(run, dataset, output, seed):
        """Train one network under one seed; what it leaves, and where that shall appear."""
        print(f"{run['name']}, seed {seed}", flush=True)
        examples = [tasks.load(dataset, run["task"], part, seed) for part in ("train", "test")]
        module, architecture = network(run, len(examples[0].class_names), seed)
        # a target's images are standardised by themselves: all networks that are compared on them see the same
        mean, std = channel_statistics(examples[0], architecture["channels"])
        facts = job.facts(seed=seed, device=str(device), dataset=dataset, run=run["name"])
        facts |= {"architecture": architecture, "normalisation": {"mean": mean, "std": std}}
        recipe, kept = Recipe(**run["recipe"]), Kept(after=run["checkpoints"], ends=False)
        folder = Path(params.unfinished, run["name"], f"seed{seed}")
        identity, order = [params.code, run, checksums[dataset]], seed_for(seed, "instance", run["instance"])
        how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
        train(module, Inputs.of(facts), *examples, recipe, order, kept, folder, **how)
        files = [*(f"epoch{epoch}.safetensors" for epoch in run["checkpoints"]), HISTORY]
        return {folder / file: Path(output, file) for file in files}

    finished, outputs = {}, iter(snakemake.output)
    for run, dataset in zip(params.runs, params.datasets, strict=True):
        for seed in params.seeds:
            finished |= train_network(run, dataset, next(outputs), seed)
    publish(finished, params.unfinished)
