"""Set back, move and disturb the modules of fine-tuned and randomly initialised networks of Neyshabur et al. 2020."""

from pathlib import Path

from transferscope import store
from transferscope.data import tasks
from transferscope.data.inputs import Inputs
from transferscope.job import job_log
from transferscope.landscape.exploration import explore_modules
from transferscope.landscape.probe import Probe
from transferscope.machine.devices import choose_device
from transferscope.models import zoo
from transferscope.runs.basins import BasinRun

with job_log(snakemake) as job:
    params, device = snakemake.params, choose_device(snakemake.params.device)
    landscape, modules, points = params.landscape, [], []
    folders = iter(snakemake.input.runs)
    for run in (BasinRun(**fields) for fields in params.runs):
        for seed in params.seeds:
            print(f"{run.name}, seed {seed}", flush=True)
            folder = next(folders)
            states = [zoo.load(Path(folder, f"epoch{epoch}.safetensors")) for epoch in run.checkpoints]
            *checkpoints, final = (module for module, _ in states)
            inputs = Inputs.of(states[-1][1])
            train, test = (tasks.load(snakemake.input.dataset, run.task, part, seed) for part in ("train", "test"))
            seen = Probe(inputs, train, device, landscape["images"])
            grid = {name: landscape[name] for name in ("alphas", "sigmas", "draws")}
            statistics = seen if landscape["recalibrate"] else None
            found = explore_modules(
                final, checkpoints, Probe(inputs, test, device), seen, statistics, **grid, seed=seed
            )
            described = {"treatment": run.treatment, "target": run.target, "seed": seed}
            for table, rows in zip((modules, points), found, strict=True):
                table += [described | row for row in rows]
    facts = job.facts(seeds=params.seeds, device=str(device))
    store.write_table(snakemake.output.modules, list(modules[0]), modules, facts)
    store.write_table(snakemake.output.criticality, list(points[0]), points, facts)
