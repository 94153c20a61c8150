"""Which training runs, or which seeds of theirs, share a job: asked by the rules, and by what tells their cost."""

from collections.abc import Mapping, Sequence
from itertools import cycle

from transferscope.runs.anb import AnbRun, anb_runs
from transferscope.runs.basins import BasinRun, basin_runs
from transferscope.runs.quanta import Sweep, quanta_sweeps
from transferscope.runs.similarity import Run, similarity_runs
from transferscope.terms.basins import PRETRAINED, SCRATCH, TUNED


def seed_batches(config: Mapping, paper: str) -> list[list[int]]:
    """The seeds of a paper in groups that share a job."""
    return split(config[paper]["seeds"], config[paper]["seeds_per_job"])


def similarity_batches(config: Mapping) -> list[list[Run]]:
    """The runs of Goerttler & Obermayer 2022 in groups that share a job, none of them with one that it starts from."""
    runs, size = similarity_runs(config), config["similarity"]["runs_per_job"]
    starts = {run.start for run in runs}
    groups = [[run] for run in runs if run.name in starts]
    for phase in ("pretrain", "finetune"):
        groups += dealt([run for run in runs if run.phase == phase and run.name not in starts], size)
    return groups


def anb_batches(config: Mapping) -> list[list[AnbRun]]:
    """The networks of Yosinski et al. 2014 in groups that share a job, base networks apart from those with copies."""
    runs, size = anb_runs(config), config["anb"]["runs_per_job"]
    base, copied = ([run for run in runs if (run.n == 0) == is_base] for is_base in (True, False))
    return dealt(base, size) + dealt(copied, size)


def quanta_batches(config: Mapping) -> list[tuple[list[Sweep], list[int]]]:
    """The sweeps of Orhand et al. 2021, and the seeds that each is for, in groups that share a job.

    Those that wait for networks of `anb` are apart from the others, each in some of the seeds at a time.
    """
    sweeps, paper = quanta_sweeps(config), config["quanta"]
    own, joint = ([sweep for sweep in sweeps if (sweep.half is None) == is_own] for is_own in (True, False))
    groups = [(group, paper["seeds"]) for group in dealt(own, paper["runs_per_job"])]
    seeds_per_job = paper.get("joint", {}).get("seeds_per_job") or len(paper["seeds"])
    apart = split(paper["seeds"], seeds_per_job)
    return groups + [(group, seeds) for group in dealt(joint, paper["runs_per_job"]) for seeds in apart]


def basin_batches(config: Mapping) -> list[tuple[list[BasinRun], list[int]]]:
    """The networks of Neyshabur et al. 2020, and the seeds that each is for, in groups that share a job.

    P, by far the longest, in some of the seeds at a time; then those that do without it, and then others, in all seeds.
    """
    runs, paper = basin_runs(config), config["basins"]
    pretrained, scratch, tuned = (
        [run for run in runs if run.treatment == each] for each in (PRETRAINED, SCRATCH, TUNED)
    )
    first = [(pretrained, seeds) for seeds in seed_batches(config, "basins")]
    others = dealt(scratch, paper["runs_per_job"]) + dealt(tuned, paper["runs_per_job"])
    return first + [(group, paper["seeds"]) for group in others]


def exploration_batches(config: Mapping) -> list[tuple[list[BasinRun], list[int]]]:
    """The networks of Neyshabur et al. 2020 whose modules are explored, and their seeds, in groups that share a job.

    Those of a group have one target.
    """
    explored = [run for run in basin_runs(config) if run.target and len(run.checkpoints) > 1]
    groups = [
        group
        for target in config["basins"]["landscape"]["targets"]
        for group in dealt([run for run in explored if run.target == target], config["basins"]["runs_per_job"])
    ]
    return [(group, seeds) for seeds in seed_batches(config, "basins") for group in groups]


def split(seeds: Sequence[int], size: int) -> list[list[int]]:
    """Seeds in groups of at most `size`, in order."""
    return [list(seeds[first : first + size]) for first in range(0, len(seeds), size)]


def dealt(runs: Sequence, size: int) -> list[list]:
    """Runs in groups of at most `size` that take about equally long: dealt out like cards, to and fro.

    Neighbours differ least. Dealt out one way alone, as many groups as layers would get all runs with one layer each.
    """
    groups = [[] for _ in range(-(-len(runs) // size))]
    for group, run in zip(cycle([*groups, *reversed(groups)]), runs, strict=False):
        group.append(run)
    return groups
