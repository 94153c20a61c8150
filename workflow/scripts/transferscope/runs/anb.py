"""The training runs of Yosinski et al. 2014: on which half of the classes, with which layers of which network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transferscope.terms.anb import BASE, HALVES, RANDOM, SELFFER, SELFFER_TUNED, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd


# which network a row of accuracy.csv, or of all histories, is of
DESCRIBED = ("run", "treatment", "split", "half", "source", "n", "seed")


@dataclass(frozen=True)
class Treatment:
    """What is done to the first n layers of a network before it is trained; those above are always new.

    origin: whose layers they are: "same" (the base network of the half that is trained on), "other" (that of the
            other half) or "untrained" (of no trained network: they are random).
    frozen: whether they stay as they are in training.
    """

    origin: str
    frozen: bool


TREATMENTS = {
    SELFFER: Treatment("same", frozen=True),
    TRANSFER: Treatment("other", frozen=True),
    SELFFER_TUNED: Treatment("same", frozen=False),
    TRANSFER_TUNED: Treatment("other", frozen=False),
    RANDOM: Treatment("untrained", frozen=True),
}


@dataclass(frozen=True)
class AnbRun:
    """A training run, to be repeated with each seed.

    name:      unique among the runs of the paper, and fit for file names: "similar-baseA", "similar-A3B+".
    treatment: "base", or a key of TREATMENTS.
    split:     name of the class split: "similar" or "dissimilar".
    half:      the half of the classes that it is trained and tested on, "A" or "B".
    n:         number of first layers that are copied, or random; 0 for a base network.
    source:    name of the base run that they are copied from; None: there are none, or they are random.
    task:      for `data.tasks.load`, with the run's seed: an entry under `tasks`, with `labels` that choose the half.
    recipe:    the fields of a `training.recipe.Recipe`.
    frozen:    whether the first n layers stay as they are.
    """

    name: str
    treatment: str
    split: str
    half: str
    n: int
    source: str | None
    task: Mapping
    recipe: Mapping
    frozen: bool


def anb_runs(config: Mapping) -> list[AnbRun]:
    """The runs of Yosinski et al. 2014, in both directions, each after the one whose layers it copies.

    config: as `configuration.load` returns it, with a section `anb`.
    Each split has two base networks and, for each of its treatments and each n, a network a half.
    """
    splits = config["anb"]["splits"]
    return [run for find in (_bases, _treated) for split in splits for run in find(config, split)]


def _bases(config: Mapping, split: str) -> Iterator[AnbRun]:
    for half in HALVES:
        yield _run(config, split, half, BASE, f"{BASE}{half}")


def _treated(config: Mapping, split: str) -> Iterator[AnbRun]:
    for name in config["anb"]["splits"][split]["treatments"]:
        treatment = TREATMENTS[name]
        for n in config["anb"]["layers"]:
            for half, other in (HALVES, HALVES[::-1]):
                origin = {"same": half, "other": other, "untrained": RANDOM}[treatment.origin]
                source = None if treatment.origin == "untrained" else f"{split}-{BASE}{origin}"
                # the paper's names: A3B is layers 1 to 3 of base A, trained on B; + where they are trained on, too
                label = f"{origin}{n}{half}{'' if treatment.frozen else '+'}"
                yield _run(config, split, half, name, label, n=n, source=source, frozen=treatment.frozen)


def _run(
    config: Mapping,
    split: str,
    half: str,
    treatment: str,
    label: str,
    *,
    n: int = 0,
    source: str | None = None,
    frozen: bool = False,
) -> AnbRun:
    entry = config["anb"]["splits"][split]
    labels = {"half": half} if entry["classes"] == "random" else {"classes": entry["classes"][half]}
    task = {**config["tasks"][entry["task"]], "labels": labels}
    return AnbRun(f"{split}-{label}", treatment, split, half, n, source, task, config["anb"]["recipe"], frozen)


def accuracy_row(run: AnbRun, seed: int, history: "pd.DataFrame", facts: Mapping, last_epochs: int) -> dict:
    """A network's line in accuracy.csv, which begins with `DESCRIBED`.

    history: the table that training left. facts: those that it carries. last_epochs: `accuracy` is the mean test top-1
    of so many last epochs, and `best`, the paper's own statistic, of so many best ones; both fractions.
    source: the half whose base network the layers come from, "random", or None for a base network.
    classes: of the half. layers: how many the network has to copy.
    """
    top1 = history[(history["split"] == "test") & (history["epoch"] > 0)].sort_values("step")["top1"]
    source = run.source[-1] if run.source else RANDOM if run.treatment == RANDOM else None
    return {
        **{"run": run.name, "treatment": run.treatment, "split": run.split, "half": run.half, "source": source},
        **{"n": run.n, "seed": seed, "accuracy": float(top1.tail(last_epochs).mean())},
        **{"best": float(top1.nlargest(last_epochs).mean()), "epochs": len(top1)},
        **{"classes": facts["architecture"]["classes"], "layers": facts["layers"]},
    }
