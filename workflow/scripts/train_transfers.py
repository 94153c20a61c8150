"""Train some networks of Yosinski et al. 2014, each under every seed: base networks, or such with copied layers."""

from pathlib import Path

import torch

from transferscope.data import tasks
from transferscope.data.checksum import verified_checksum
from transferscope.data.inputs import Inputs, channel_statistics
from transferscope.errors import InputError
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.models.transplant import layers_of, transplant
from transferscope.provenance import digest
from transferscope.randomness import seed_for
from transferscope.training.loop import train
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import publish

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)

    layers = len(layers_of(zoo.create(zoo.architecture(params.model, classes=1))))
    # a base network shall not be trained in vain, nor anew when this changes, as it would be if it were a param
    most = max(snakemake.config["anb"]["layers"])
    if most > layers:
        expected = f"{layers} at most, the layers of {params.model['name']} below its head"
        raise InputError(f"anb.layers: expected {expected}, found {most}: leave it out")

    checksums, normalisations = {dataset: verified_checksum(dataset) for dataset in set(params.datasets)}, {}

    def normalisation(dataset, task):
        """Mean and deviation by which both halves of a task are standardised, whichever jobs they are in."""
        whole = {key: value for key, value in task.items() if key != "labels"}
        key = digest([dataset, whole])
        if key not in normalisations:
            mean, std = channel_statistics(tasks.load(dataset, whole, "train"), params.model["channels"])
            normalisations[key] = {"mean": mean, "std": std}
        return normalisations[key]

    def train_network(run, dataset, output, seed):
        """Train one network under one seed; what it leaves, and where that shall appear."""
        print(f"{run['name']}, seed {seed}", flush=True)
        examples = [tasks.load(dataset, run["task"], part, seed) for part in ("train", "test")]
        recipe = Recipe(**run["recipe"])
        last, kept = f"epoch{recipe.epochs}.safetensors", Kept(after=[recipe.epochs], ends=False)
        torch.manual_seed(seed_for(seed, "initialisation", run["name"]))
        architecture = zoo.architecture(params.model, len(examples[0].class_names))
        module = zoo.create(architecture)
        # random features are layers of no other network: the module's own, as they are
        source = Path(output).parent / run["source"] / f"seed{seed}" / last if run["source"] else None
        transplant(module, zoo.load(source)[0] if source else module, run["n"], run["frozen"])
        facts = job.facts(seed=seed, device=str(device), dataset=dataset, run=run["name"], source=str(source))
        facts |= {"architecture": architecture, "layers": layers}
        facts["normalisation"] = normalisation(dataset, run["task"])
        folder, identity = Path(params.unfinished, run["name"], f"seed{seed}"), [params.code, run, checksums[dataset]]
        how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
        train(module, Inputs.of(facts), *examples, recipe, seed, kept, folder, **how)
        return {folder / file: Path(output, f"seed{seed}", file) for file in (last, "history.csv")}

    finished = {}
    for run, dataset, output in zip(params.runs, params.datasets, snakemake.output, strict=True):
        for seed in params.seeds:
            finished |= train_network(run, dataset, output, seed)
    publish(finished, params.unfinished)
