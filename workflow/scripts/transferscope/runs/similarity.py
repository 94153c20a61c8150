"""The training runs of Goerttler & Obermayer 2022: on which task, from which weights, compared on which images."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transferscope.data.known import part_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Run:
    """A training run, to be repeated with each seed.

    name:        unique among the runs of a paper, and fit for file names.
    phase:       "pretrain" (from a random initialisation) or "finetune".
    condition:   what is varied: "random" (labels, from true to fully random), "size" (of the training set), "shifted"
                 (labels), "cross" (domain) or "cross random" (labels of the cross domain).
    task:        for `data.tasks.load`: an entry under `tasks`, with `labels` and, where it is varied, `train.size`.
    recipe:      the fields of a `training.recipe.Recipe`.
    probes:      names of the tasks on whose held-out test images the run's layers are compared.
    start:       name of the run whose last weights it starts from; None: a random initialisation.
    randomness:  degree of randomness of the labels; None if they are shifted.
    size:        number of training images, where it is varied; the whole set's, if known, for its fully random labels.
    checkpoints: the fields of a `training.recipe.Kept`: what is kept between the first and the last epoch.
    """

    name: str
    phase: str
    condition: str
    task: Mapping
    recipe: Mapping
    probes: tuple[str, ...]
    start: str | None = None
    randomness: int | None = None
    size: int | None = None
    checkpoints: Mapping = field(default_factory=lambda: {"every_epochs": None})


def similarity_runs(config: Mapping) -> list[Run]:
    """The runs of Goerttler & Obermayer 2022, each after the one that it starts from.

    config: as `configuration.load` returns it, with a section `similarity`.
    The whole training set has no run of its own among the sizes: it is the run with fully random labels.
    """
    paper = config["similarity"]
    pretraining, finetuning = paper["pretraining"], paper["finetuning"]
    domain, cross = finetuning["task"], finetuning["cross"]
    images, fully_random = part_of(config, pretraining["task"], "train").images, max(paper["randomness"])
    whole = images if images < math.inf else None

    def pretrain(name: str, condition: str, degree: int, size: int | None = None, **more: object) -> Run:
        task = _relabelled(config["tasks"][pretraining["task"]], randomness=degree)
        if condition == "size":
            task["train"] = {**task["train"], "size": size}
        fields = {"probes": (domain,), "randomness": degree, "size": size, **more}
        return Run(f"pretrain-{name}", "pretrain", condition, task, pretraining["recipe"], **fields)

    def finetune(name: str, condition: str, task: str, **labels: int) -> Run:
        relabelled = _relabelled(config["tasks"][task], **labels)
        fields = {"probes": (task,), "start": "pretrain-random0", "randomness": labels.get("randomness")}
        return Run(f"finetune-{name}", "finetune", condition, relabelled, finetuning["recipe"], **fields)

    # what fine-tuning starts from is compared wherever its results are, and Figure 1 follows it on its way
    start = pretrain("random0", "random", 0, probes=(domain, cross), checkpoints=pretraining["checkpoints"])
    degrees = [degree for degree in paper["randomness"] if degree != 0]
    sizes = {degree: whole if degree == fully_random else None for degree in degrees}
    parts = [size for size in paper["sizes"] if size != whole]
    return [
        start,
        *(pretrain(f"random{degree}", "random", degree, sizes[degree]) for degree in degrees),
        *(pretrain(f"random{fully_random}-size{size}", "size", fully_random, size) for size in parts),
        *(finetune(f"random{degree}", "random", domain, randomness=degree) for degree in [0, *degrees]),
        finetune(f"shifted{paper['shift']}", "shifted", domain, shift=paper["shift"]),
        finetune("cross", "cross", cross, randomness=0),
        finetune(f"cross-random{fully_random}", "cross random", cross, randomness=fully_random),
    ]


def references(run: Run, seed: int, checkpoint: str, seeds: Sequence[int]) -> dict[str, tuple[str, str, int, str]]:
    """What a checkpoint of a run is compared with, (phase, run, seed, checkpoint) by the name of the reference.

    "init": the random initialisation that this seed's runs all go back to. "pre": the weights that fine-tuning started
    from. "other seed": the same checkpoint under the next of the seeds, the null of every similarity; for networks
    that are not trained at all it is called "untrained".
    """
    found = {"init": ("pretrain", run.start or run.name, seed, "epoch0")}
    if run.start:
        found["pre"] = (run.phase, run.name, seed, "epoch0")
    other = seeds[(seeds.index(seed) + 1) % len(seeds)]
    if other != seed:
        untrained = checkpoint == "epoch0" and not run.start
        found["untrained" if untrained else "other seed"] = (run.phase, run.name, other, checkpoint)
    return found


def history_rows(run: Run, seed: int, history: "pd.DataFrame") -> list[dict]:
    """A run's lines in history.csv, under one seed; `history` is the table that its training left."""
    names = ("phase", "condition", "randomness", "size")
    described = {"run": run.name, **{name: getattr(run, name) for name in names}, "seed": seed}
    return [described | row for row in history.to_dict("records")]


def _relabelled(task: Mapping, **labels: int) -> dict:
    return {**task, "labels": labels}
