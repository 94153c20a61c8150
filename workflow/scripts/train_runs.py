"""Train some runs, each under every seed, from a random initialisation or from the end of the run they start from."""

from pathlib import Path

import torch

from transferscope.data import tasks
from transferscope.data.checksum import verified_checksum
from transferscope.data.inputs import Inputs, channel_statistics
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.randomness import seed_for
from transferscope.training.loop import train
from transferscope.training.recipe import END, Kept, Recipe
from transferscope.training.unfinished import publish

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)

    # by dataset: all that is trained on its images is standardised alike
    normalisation, checksums = {}, {}
    for dataset, standard in zip(snakemake.input.datasets, params.standards, strict=True):
        if dataset not in normalisation:
            channels = params.model["channels"]
            # without a standard, images are scaled to 0 to 1
            mean, std = (0.0,) * channels, (1.0,) * channels
            if standard is not None:
                mean, std = channel_statistics(tasks.load(dataset, standard, "train"), channels)
            normalisation[dataset] = {"mean": mean, "std": std}
            checksums[dataset] = verified_checksum(dataset)

    def untrained(classes, seed):
        """A network at its random initialisation: the same for all runs of a seed."""
        torch.manual_seed(seed_for(seed, "initialisation"))
        architecture = zoo.architecture(params.model, classes)
        return zoo.create(architecture), {"architecture": architecture}

    def train_run(run, dataset, output, seed):
        """Train one run under one seed; what it leaves, and where that shall appear."""
        print(f"{run['name']}, seed {seed}", flush=True)
        examples = [tasks.load(dataset, run["task"], part, seed) for part in ("train", "test")]
        start = Path(output).parent / run["start"] / f"seed{seed}/{END}.safetensors" if run.get("start") else None
        module, made = zoo.load(start) if start else untrained(len(examples[0].class_names), seed)
        facts = job.facts(seed=seed, device=str(device), dataset=dataset, run=run["name"], start=str(start))
        facts["architecture"] = made["architecture"]
        facts["normalisation"] = normalisation[dataset]
        recipe, kept = Recipe(**run["recipe"]), Kept(**run.get("checkpoints", {}))
        folder, identity = Path(params.unfinished, run["name"], f"seed{seed}"), [params.code, run, checksums[dataset]]
        how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
        # a run may be drawn, once it has begun, as it is under another seed
        train(module, Inputs.of(facts), *examples, recipe, run.get("drawn_as", seed), kept, folder, **how)
        names = kept.names(recipe.epochs, end=recipe.memorise is not None)
        files = [*(f"{name}.safetensors" for name in names), "history.csv"]
        return {folder / file: Path(output, f"seed{seed}", file) for file in files}

    finished = {}
    for run, dataset, output in zip(params.runs, snakemake.input.datasets, params.folders, strict=True):
        for seed in params.seeds:
            finished |= train_run(run, dataset, output, seed)
    publish(finished, params.unfinished)
