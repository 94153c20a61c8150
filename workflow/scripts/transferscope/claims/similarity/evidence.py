"""What is measured for claims about similarity during training: orders, trends, gaps and accuracies, one per seed."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transferscope import statistics
from transferscope.claims import Evidence, NotRun
from transferscope.tables.profiles import NOISE, PRETRAINED, cast, degrees, fixed_lengths, layers, profiles, select

if TYPE_CHECKING:
    import pandas as pd

# which layers, of all: the paper's net has conv1 to conv4 and a head
EARLY, FIRST_TWO, PENULTIMATE = slice(0, -2), slice(0, 2), slice(-2, -1)  # conv1 to conv3, conv1 and conv2, conv4
CONVOLUTIONAL, ALL = slice(0, -1), slice(None)

EARLY_SHARE = 0.1  # of the fixed number of epochs, in which training is at an early stage; one epoch at least
CHANCE_TOLERANCE = 0.015  # accuracy, as a fraction, by which that of random labels may differ from chance
LAG = 0.05  # training accuracy, as a fraction, by which random labels may stay behind true ones

Measured = Callable[["Case"], Evidence]


class Similarity(NamedTuple):
    """C(part, reference): of the run that plays a part, to its initialisation (init) or to where it started (pre)."""

    part: str
    reference: str


@dataclass(frozen=True)
class Case:
    """What a claim is tested on, at one stage of training.

    similarity: rows of similarity.csv by one measure, from `profiles.select`. history: history.csv up to this stage.
    runs: the run that plays each part. early: an early epoch of training from scratch.
    """

    similarity: "pd.DataFrame"
    history: "pd.DataFrame"
    runs: Mapping[str, str]
    early: int

    @classmethod
    def at(cls, similarity: "pd.DataFrame", history: "pd.DataFrame", measure: str, stage: str) -> "Case":
        """A case by one measure at one stage, as `profiles.select` has them, from the two tables."""
        lengths = fixed_lengths(similarity)
        reached = history[history["epoch"] <= history["phase"].map(lengths)] if stage == "fixed" else history
        early = max(1, round(EARLY_SHARE * lengths["pretrain"]))
        return cls(select(similarity, measure, stage), reached, cast(similarity), early)

    def run(self, part: str) -> str:
        """The run that plays a part. Raises NotRun if there is none."""
        if part not in self.runs:
            raise NotRun(f"no run plays the part of '{part}'")
        return self.runs[part]

    def compared(self, *comparisons: tuple[str, str]) -> np.ndarray:
        """Similarities of runs to references, (seeds, comparisons, layers). Raises NotRun if no seed has them all."""
        found = profiles(self.similarity, *comparisons)
        if not len(found):
            raise NotRun(f"no seed has all of {', '.join(_written(*one) for one in comparisons)}")
        return found

    def final(self, column: str, split: str, *runs: str) -> np.ndarray:
        """A column of the history at the last epoch of runs, (seeds, runs). Raises NotRun if no seed has them all."""
        rows = self.history[self.history["split"] == split].sort_values("epoch")
        return _complete(rows.groupby(["seed", "run"])[column].last().unstack(), runs)

    def early_loss(self, *runs: str) -> np.ndarray:
        """Training loss in the early epoch, (seeds, runs). Raises NotRun if no seed has them all."""
        rows = self.history[(self.history["split"] == "train") & (self.history["epoch"] == self.early)]
        return _complete(rows.pivot(index="seed", columns="run", values="loss"), runs)


def _complete(by_seed: "pd.DataFrame", runs: Sequence[str]) -> np.ndarray:
    found = by_seed.reindex(columns=list(runs)).dropna().to_numpy()
    if not len(found):
        raise NotRun(f"no seed has the history of all of {', '.join(runs)}")
    return found


def _written(run: str, reference: str) -> str:
    return f"C({run}, {reference})"


def above(which: slice, *pairs: tuple[Similarity, Similarity]) -> Measured:
    """The first similarity of each pair is above the second, in each of these layers."""

    def measured(case: Case) -> Evidence:
        comparisons = [(case.run(one.part), one.reference) for pair in pairs for one in pair]
        found = case.compared(*comparisons)[:, :, which]
        written = [_written(*one) for one in comparisons]
        orders = [f"{larger} > {smaller}" for larger, smaller in zip(written[::2], written[1::2], strict=True)]
        return _in_layers(case, which, found[:, ::2] - found[:, 1::2], orders)

    return measured


def smaller_gap(which: slice, larger: str, *smaller: str) -> Measured:
    """C(part, pre) - C(part, init) of each of these parts is below that of `larger`, in each of these layers."""

    def measured(case: Case) -> Evidence:
        runs = [case.run(part) for part in (larger, *smaller)]
        found = case.compared(*((run, reference) for run in runs for reference in ("pre", "init")))[:, :, which]
        gaps = found[:, ::2] - found[:, 1::2]
        orders = [f"gap({run}) < gap({runs[0]})" for run in runs[1:]]
        return _in_layers(case, which, gaps[:, :1] - gaps[:, 1:], orders)

    return measured


def unmoved(which: slice, one: Similarity, limit: float) -> Measured:
    """A similarity is above a limit in each of these layers."""

    def measured(case: Case) -> Evidence:
        comparison = (case.run(one.part), one.reference)
        found = case.compared(comparison)[:, :, which]
        return _in_layers(case, which, found, [f"{_written(*comparison)} > {limit:g}"], limit)

    return measured


def _in_layers(case: Case, which: slice, values: np.ndarray, orders: Sequence[str], limit: float = 0.0) -> Evidence:
    """Evidence of (seeds, orders, layers): each order in each layer."""
    where = layers(case.similarity)[which]
    names = [f"{order} at {layer}" if len(orders) > 1 else layer for order in orders for layer in where]
    return Evidence(values, f"{' and '.join(orders)} at {', '.join(where)}", limit, names=names)


def falls_with_depth(one: Similarity) -> Measured:
    """A similarity falls from each convolutional layer to the next."""

    def measured(case: Case) -> Evidence:
        comparison = (case.run(one.part), one.reference)
        found = case.compared(comparison)[:, 0, CONVOLUTIONAL]
        where = layers(case.similarity)[CONVOLUTIONAL]
        names = [f"{upper} > {lower}" for upper, lower in itertools.pairwise(where)]
        return Evidence(-np.diff(found), f"{_written(*comparison)}: {' > '.join(where)}", names=names)

    return measured


def similarity_trend(
    levels: Callable[["pd.DataFrame"], Mapping[float, str]], level: str, reference: str, which: slice, falls: bool
) -> Measured:
    """Similarity to a reference rises (or falls) with the level of runs, in each of these layers, by rank correlation.

    levels: finds {level: run}, lowest first, in the rows of similarity.csv. level: what it is, in words.
    """

    def measured(case: Case) -> Evidence:
        runs, where = levels(case.similarity), layers(case.similarity)[which]
        tested = f"C(run, {reference}) {_trend(level, runs, falls)} at {', '.join(where)}"
        found = case.compared(*((run, reference) for run in runs.values()))[:, :, which]
        return Evidence(_rank_correlations(found), tested, below=falls, names=where)

    return measured


def early_loss_rises(case: Case) -> Evidence:
    """Training loss at an early epoch rises with the degree of randomness."""
    runs = degrees(case.history, "pretrain")
    tested = f"training loss at epoch {case.early} {_trend('d', runs, falls=False)}"
    return Evidence(_rank_correlations(case.early_loss(*runs.values())[:, :, None]), tested)


def accuracy_falls(case: Case) -> Evidence:
    """Test accuracy falls with the degree of randomness."""
    runs = degrees(case.history, "pretrain")
    tested = f"test accuracy {_trend('d', runs, falls=True)}"
    return Evidence(_rank_correlations(case.final("top1", "test", *runs.values())[:, :, None]), tested, below=True)


def accuracy_is_chance(case: Case) -> Evidence:
    """Test accuracy on fully random labels is that of a guess, within a tolerance."""
    run = case.run(NOISE)
    chance = 1 / (max(degrees(case.history, "pretrain")) + 1)  # fully random labels have degree D - 1, with D classes
    tested = f"test accuracy of {run} is {chance:.1%} ± {CHANCE_TOLERANCE:.1%}"
    return Evidence(abs(case.final("top1", "test", run) - chance), tested, CHANCE_TOLERANCE, below=True)


def random_labels_are_learned(case: Case) -> Evidence:
    """Training accuracy on fully random labels is that on true labels, or hardly less."""
    runs = case.run(NOISE), case.run(PRETRAINED)
    noise, true = case.final("top1", "train", *runs).T
    return Evidence(noise - true, f"training accuracy of {runs[0]} > that of {runs[1]} - {LAG:.0%}", -LAG)


def _trend(level: str, runs: Mapping[float, str], falls: bool) -> str:
    """What is tested of a trend over {level: run}. Raises NotRun if there is but one level."""
    if len(runs) < 2:
        raise NotRun(f"no two runs differ in {level}")
    # a run on the whole training set has no number of its own
    steps = ", ".join("all" if np.isinf(one) else f"{one:g}" for one in runs)
    return f"has a rank correlation {'<' if falls else '>'} 0 with {level} ({steps})"


def _rank_correlations(values: np.ndarray) -> np.ndarray:
    """Of (seeds, levels, layers) with the levels' order, (seeds, layers); values all alike have none, which is 0."""
    order = np.arange(values.shape[1])
    lines = np.moveaxis(values, 1, -1)
    ranks = [statistics.rank_correlation(order, line) if np.ptp(line) else 0.0 for seed in lines for line in seed]
    return np.reshape(ranks, lines.shape[:-1])
