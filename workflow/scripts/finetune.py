"""Adapt a source model to a target, once for each seed."""

from pathlib import Path

from transferscope.data import tasks
from transferscope.data.checksum import verified_checksum
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.randomness import torch_generator
from transferscope.training.loop import train
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import publish

with job_log(snakemake) as job:
    params, dataset = snakemake.params, snakemake.input.dataset
    device = choose_device(params.device)
    recipe, kept = Recipe(**params.recipe), Kept(**params.checkpoints)
    identity = [params.code, params.task, verified_checksum(dataset)]
    finished = {}
    for seed in params.seeds:
        print(f"seed {seed}", flush=True)
        folder = Path(params.unfinished, f"seed{seed}")
        examples = [tasks.load(dataset, params.task, part, seed) for part in ("train", "test")]
        classes = len(examples[0].class_names)
        module, source = zoo.load(snakemake.input.source)
        zoo.with_new_head(module, classes, torch_generator(seed, "head"))
        facts = job.facts(seed=seed, device=str(device), dataset=dataset, source=snakemake.input.source)
        facts["architecture"] = source["architecture"] | {"classes": classes}
        facts["normalisation"] = source["normalisation"]
        how = {"identity": identity, "facts": facts, "device": device, "precision": params.precision}
        train(module, Inputs.of(facts), *examples, recipe, seed, kept, folder, **how)
        outputs = [Path(output) for output in snakemake.output if Path(output).parent.name == folder.name]
        finished |= {folder / output.name: output for output in outputs}
    publish(finished, params.unfinished)
