"""The training runs of Neyshabur et al. 2020: which network, from which weights, on which target; and their pairs."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from transferscope.data.known import size_of
from transferscope.terms.basins import (
    FIRST_INSTANCE,
    MIXED_PAIR,
    PIXELS,
    PRETRAINED,
    SAME_INIT,
    SAME_INIT_INSTANCE,
    SCRATCH,
    SCRATCH_AND_P,
    SCRATCH_PAIR,
    SHARED_HEAD,
    TUNED,
    TUNED_AND_P,
    TUNED_PAIR,
)

if TYPE_CHECKING:
    import pandas as pd

FIRST, SECOND = FIRST_INSTANCE, "2"
# the recipe of each treatment, a key of `basins.recipes`
RECIPES = {TUNED: "pretrained", SCRATCH: "random"}
# what is compared on every target, and beside that on those whose landscape is explored; instances or P
PAIRS = {
    TUNED_PAIR: ((TUNED, FIRST), (TUNED, SECOND)),
    SCRATCH_PAIR: ((SCRATCH, FIRST), (SCRATCH, SECOND)),
    MIXED_PAIR: ((TUNED, FIRST), (SCRATCH, FIRST)),
    TUNED_AND_P: ((TUNED, FIRST), None),
    SCRATCH_AND_P: ((SCRATCH, FIRST), None),
}
LANDSCAPE_PAIRS = {
    SAME_INIT: ((SCRATCH, FIRST), (SCRATCH, SAME_INIT_INSTANCE)),
    SHARED_HEAD: ((TUNED, FIRST), (TUNED, SAME_INIT_INSTANCE)),
}


@dataclass(frozen=True)
class BasinRun:
    """A training run, to be repeated with each seed.

    name:      unique among the runs of the paper, and fit for file names: "P", "rotated-PT1", "rotated-RIT1b",
               "rotated-size7-RIT1", "rotated-from2-PT1".
    treatment: "P", "P-T" (from P, with a new head) or "RI-T" (from a random initialisation).
    target:    name of the task that P-T and RI-T are trained on; None for P.
    instance:  "1" and "2" differ in the order of images and in all that is random at their beginning, the new head of
               P-T, the whole of RI-T; "1b" differs from "1" in the order of images alone. None for P.
    drawn_as:  the instance whose random head, or initialisation, it has. None for P.
    size:      side in pixels of the blocks that change places in its images; the image's own side where none do, 0
               where all values do. None for P.
    start:     epoch of P that P-T starts from; None for others.
    task:      for `data.tasks.load`, with the run's seed.
    recipe:    the fields of a `training.recipe.Recipe`.
    checkpoints: epochs whose checkpoints are of use afterwards, ascending; of a run without any, the history is.
    """

    name: str
    treatment: str
    target: str | None
    instance: str | None
    drawn_as: str | None
    size: int | None
    start: int | None
    task: Mapping
    recipe: Mapping
    checkpoints: Sequence[int]


class Pair(NamedTuple):
    """Two networks that are compared: what they are to each other (see `terms.basins`), and their runs."""

    name: str
    one: str
    other: str


def basin_runs(config: Mapping) -> list[BasinRun]:
    """The runs of Neyshabur et al. 2020, P first, then those on whole images, on shuffled ones, and from checkpoints.

    config: as `configuration.load` returns it, with a section `basins`.
    P-T from the last epoch of P is among those on whole images alone.
    """
    source = config["basins"]["source"]
    task, starts = config["tasks"][source["task"]], _starts(config)
    pretrained = BasinRun(PRETRAINED, PRETRAINED, None, None, None, None, None, task, source["recipe"], starts)
    return [pretrained, *_on_whole_images(config), *_on_shuffled_images(config), *_from_checkpoints(config)]


def _on_whole_images(config: Mapping) -> Iterator[BasinRun]:
    landscape = config["basins"]["landscape"]
    for target in config["basins"]["targets"]:
        explored = target in landscape["targets"]
        for treatment, instance in _members({**PAIRS, **LANDSCAPE_PAIRS} if explored else PAIRS):
            # the modules of the first instances are set back, or moved on the way that training took
            passed = [0, *sorted(landscape["checkpoints"])] if explored and instance == FIRST else []
            yield _run(config, target, treatment, instance, passed=passed, keep=True)


def _on_shuffled_images(config: Mapping) -> Iterator[BasinRun]:
    shuffled = config["basins"]["shuffled"]
    for target, size in itertools.product(shuffled["targets"], shuffled["sizes"]):
        blocks = {"size": size, "per_image": shuffled["per_image"]}
        change = "shuffle_pixels" if size == PIXELS else {"shuffle_blocks": blocks}
        for treatment in (TUNED, SCRATCH):
            yield _run(config, target, treatment, FIRST, size=size, change=change)


def _from_checkpoints(config: Mapping) -> Iterator[BasinRun]:
    for target in config["basins"]["targets"]:
        for start in _starts(config)[:-1]:
            yield _run(config, target, TUNED, FIRST, start=start)


def _starts(config: Mapping) -> list[int]:
    """The epochs of P that networks are fine-tuned from, the last epoch at the end."""
    source = config["basins"]["source"]
    return sorted({*source["checkpoints"], source["recipe"]["epochs"]})


def _members(pairs: Mapping[str, tuple]) -> list[tuple[str, str]]:
    """Treatment and instance of each network of some pairs, but P."""
    return sorted({member for pair in pairs.values() for member in pair if member})


def _run(
    config: Mapping,
    target: str,
    treatment: str,
    instance: str,
    *,
    size: int | None = None,
    change: str | Mapping | None = None,
    start: int | None = None,
    passed: Sequence[int] = (),
    keep: bool = False,
) -> BasinRun:
    """A run on a target.

    size, change: of blocks that change places, and how a task's `images` says that they do; None: whole images.
    passed: epochs before the last whose checkpoints are of use; keep: whether that of the last is.
    """
    task, recipe = config["tasks"][target], config["basins"]["recipes"][RECIPES[treatment]]
    name = f"{treatment.replace('-', '')}{instance}"
    if start is not None:
        name = f"from{start}-{name}"
    elif treatment == TUNED:
        start = _starts(config)[-1]
    if size is None:
        size = size_of(config["datasets"][task["dataset"]])
    else:
        name = f"size{size}-{name}"
        task = {**task, "images": [*task["images"], change]}
    return BasinRun(
        name=f"{target}-{name}",
        treatment=treatment,
        target=target,
        instance=instance,
        drawn_as=FIRST if instance == SAME_INIT_INSTANCE else instance,
        size=size,
        start=start,
        task=task,
        recipe=recipe,
        checkpoints=[*passed, recipe["epochs"]] if keep else [],
    )


def pairs_on(target: str, runs: Mapping[str, BasinRun]) -> list[Pair]:
    """The pairs of networks on the whole images of a target, among these runs by name."""
    names = {
        (run.treatment, run.instance): run.name for run in runs.values() if run.target == target and run.checkpoints
    }
    names[None] = PRETRAINED
    members = {**PAIRS, **LANDSCAPE_PAIRS}
    return [
        Pair(pair, names[one], names[other]) for pair, (one, other) in members.items() if {one, other} <= names.keys()
    ]


def history_rows(run: BasinRun, seed: int, history: "pd.DataFrame") -> list[dict]:
    """A run's lines in history.csv, under one seed; `history` is the table that its training left."""
    return [_described(run, seed) | row for row in history.to_dict("records")]


def accuracy_row(
    run: BasinRun, seed: int, history: "pd.DataFrame", of_source: "pd.DataFrame", last_epochs: int
) -> dict:
    """A run's line in accuracy.csv, under one seed.

    history: the table that its training left; of_source: that of P, from whose test `source_accuracy` is.
    last_epochs: `accuracy` is the mean test top-1 of so many last epochs, and `auc`, known with two classes only, the
    mean area under the curve. `best_auc` is the largest of all tests, as the paper's best checkpoints are: chosen on
    the images that it is measured on, it is too high. `speed` is the mean training top-1 of all epochs, which the paper
    calls optimisation speed. All are fractions.
    """
    trained, tested = (history[history["split"] == split].sort_values("step") for split in ("train", "test"))
    source = of_source[(of_source["split"] == "test") & (of_source["epoch"] == run.start)]["top1"]
    return {
        **_described(run, seed),
        "accuracy": float(tested["top1"].tail(last_epochs).mean()),
        "speed": float(trained["top1"].mean()),
        "auc": float(tested["auc"].tail(last_epochs).mean()),
        "best_auc": float(tested["auc"].max()),
        "epochs": len(trained),
        # exactly one test there: item() would not take two, or none
        "source_accuracy": None if run.start is None else float(source.item()),
    }


def _described(run: BasinRun, seed: int) -> dict:
    names = ("target", "treatment", "instance", "size", "start")
    return {"run": run.name, **{name: getattr(run, name) for name in names}, "seed": seed}
