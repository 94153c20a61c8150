"""Train a source model from its random initialisation."""

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
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import publish

with job_log(snakemake) as job:
    params, dataset = snakemake.params, snakemake.input.dataset
    device, source = choose_device(params.device), params.model["source"]
    examples = [tasks.load(dataset, params.task, part, source["seed"]) for part in ("train", "test")]
    mean, std = channel_statistics(examples[0], params.model["channels"])
    facts = job.facts(seed=source["seed"], device=str(device), dataset=dataset)
    facts["architecture"] = zoo.architecture(params.model, classes=len(examples[0].class_names))
    facts["normalisation"] = {"mean": mean, "std": std}
    torch.manual_seed(seed_for(source["seed"], "initialisation"))
    module = zoo.create(facts["architecture"])
    recipe, identity = Recipe(**source["recipe"]), [params.code, params.task, verified_checksum(dataset)]
    folder, kept = Path(params.unfinished), Kept(after=[recipe.epochs], ends=False)
    how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
    train(module, Inputs.of(facts), *examples, recipe, source["seed"], kept, folder, **how)
    finished = {
        folder / f"epoch{recipe.epochs}.safetensors": snakemake.output.checkpoint,
        folder / "history.csv": snakemake.output.history,
    }
    publish(finished, folder)
