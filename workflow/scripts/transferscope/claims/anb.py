"""The claims of Yosinski et al. 2014 about copied layers, YO-1 to YO-12, over the table of accuracies.

The paper's net has seven layers to copy, n = 1 to 7. In a net of another depth, its first layers, 1 to 3, are counted
from the bottom, its last layer from the top, and its layers in the middle, 4 and 5, are found at the same relative
depth. A claim about one of these layers is not judged where it was not run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transferscope import statistics
from transferscope.claims import NOT_RUN, Claim, Evidence, NotRun, judge
from transferscope.tables import treatments
from transferscope.tables.treatments import NOTATION
from transferscope.terms.anb import (
    BASE,
    DISSIMILAR,
    HALVES,
    RANDOM,
    SELFFER,
    SELFFER_TUNED,
    SIMILAR,
    TRANSFER,
    TRANSFER_TUNED,
)

if TYPE_CHECKING:
    import pandas as pd

# accuracies are fractions: 0.01 is one point
HALF_A_POINT, ONE_POINT, TWO_POINTS = 0.005, 0.01, 0.02
GENERAL = 0.016  # the largest loss of YO-9
FINAL_DROPS = {DISSIMILAR: 0.25, SIMILAR: 0.08}  # what AnB costs in the paper at n = 7, by split; within TWO_POINTS
RANDOM_DROPS = {1: 0.08, 2: 0.17}  # what random layers cost in the paper, by n; accepted within TWO_POINTS
NEAR_CHANCE = 0.1  # of base's accuracy above chance: the paper's random layers keep up to 0.085 of it from n = 3 on
RISING = 0.8  # rank correlation
COADAPTATION, SPECIFICITY = (BASE, SELFFER), (SELFFER, TRANSFER)  # what each loss is the difference of

Measured = Callable[["Case"], Evidence]


@dataclass(frozen=True)
class Case:
    """What a claim is tested on.

    accuracy: the table accuracy.csv. statistic: which of its columns a network's accuracy is. scale: of the run.
    """

    accuracy: "pd.DataFrame"
    statistic: str
    scale: str

    @property
    def last(self) -> int:
        """The net's last layer to copy, which need not have been run."""
        return treatments.last_layer(self.accuracy)

    def swept(self, first: int, last: int | None = None) -> list[int]:
        """Every n from `first` to `last` that was run. Raises NotRun if none was."""
        found = [n for n in treatments.layers(self.accuracy) if first <= n and (last is None or n <= last)]
        if not found:
            raise NotRun(f"no n was run that is {first} or more" + ("" if last is None else f", up to {last}"))
        return found

    def depth(self, n: int) -> int:
        """The layer of this net that lies as deep as layer `n` of the paper's."""
        return treatments.at_depth(n, self.last)

    def accuracies(self, split: str, treatment: str, layers: Sequence[int], half: str | None = None) -> np.ndarray:
        """Accuracy of a treatment, (seeds, layers). Raises NotRun if no seed has it at all of them."""
        found = treatments.accuracies(self.accuracy, split, treatment, self.statistic, half)
        return _known(found, layers, NOTATION[treatment], split)

    def chance(self, split: str) -> np.ndarray:
        """Accuracy of a guess, mean over both halves, (seeds, 1)."""
        table = self.accuracy.assign(chance=1 / self.accuracy["classes"])
        return treatments.accuracies(table, split, BASE, "chance").to_numpy()

    def gap(
        self, split: str, minuend: str, subtrahend: str, layers: Sequence[int], half: str | None = None
    ) -> np.ndarray:
        """Accuracy of one treatment minus another's, (seeds, layers). Raises NotRun if no seed has all of it."""
        found = treatments.gap(self.accuracy, split, minuend, subtrahend, self.statistic, half)
        return _known(found, layers, f"{NOTATION[minuend]} and {NOTATION[subtrahend]}", split)


def _known(found: "pd.DataFrame", layers: Sequence[int], what: str, split: str) -> np.ndarray:
    missing = [n for n in layers if n not in found]
    if missing or found.empty:
        raise NotRun(f"no seed has {what} of the {split} split{_at(missing) if missing else ''}")
    return found[list(layers)].to_numpy()


def _at(layers: Sequence[int]) -> str:
    return f" at n = {', '.join(map(str, layers))}"


def evaluate(accuracy: "pd.DataFrame", scale: str) -> list[dict]:
    """Every claim judged by the table accuracy.csv: rows with the keys `claims.COLUMNS`.

    What is judged in a seed is the mean over both directions, A to B and B to A, of test accuracy over the last epochs.
    The paper takes the mean over the best epochs, chosen on the test images: the note quotes the effect and the verdict
    by this statistic. A seed that lacks a run is left out.
    """
    complete = treatments.complete_seeds(accuracy)
    rows = []
    for claim in CLAIMS:
        judged, best = (judge(claim.measured, Case(complete, column, scale)) for column in ("accuracy", "best"))
        quoted = "" if best["verdict"] == NOT_RUN else f"by the best epochs: {best['effect']:.3g}, {best['verdict']}"
        rows.append(claim.row(judged, None, scale, [quoted]))
    return rows


def _near_base(treatment: str, first: int, last: int | None, tolerance: float) -> Measured:
    """A treatment's mean accuracy differs from the base's by less than a tolerance, up or down."""

    def measured(case: Case) -> Evidence:
        layers = case.swept(first, last)
        above = case.gap(SIMILAR, treatment, BASE, layers)
        name = NOTATION[treatment]
        names = [f"{order}{_at([n])}" for order in (f"{name} - base", f"base - {name}") for n in layers]
        tested = f"|{name} - base| < {100 * tolerance:g} points{_at(layers)}"
        return Evidence(np.hstack([above, -above]), tested, -tolerance, names=names)

    return measured


def _slight_loss(case: Case) -> Evidence:
    layers = case.swept(3, 3)
    loss = case.gap(SIMILAR, BASE, TRANSFER, layers)
    names = ["base > AnB", f"base - AnB < {100 * TWO_POINTS:g} points"]
    return Evidence(np.hstack([loss, TWO_POINTS - loss]), f"{' and '.join(names)}{_at(layers)}", names=names)


def _clear_loss(case: Case) -> Evidence:
    layers = case.swept(4)
    tested = f"base - AnB > {100 * TWO_POINTS:g} points{_at(layers)}"
    return Evidence(case.gap(SIMILAR, BASE, TRANSFER, layers), tested, TWO_POINTS, names=_each(layers))


def _dip_in_the_middle(case: Case) -> Evidence:
    """One of the layers in the middle has the lowest BnB: alternatives for all seeds of a resample alike.

    If each seed chose its own lowest, noise alone would put it below the others.
    """
    middle = case.swept(case.depth(4), case.depth(5))
    others = [n for n in case.swept(1) if n not in middle]
    if not others:
        raise NotRun("no n was run outside the middle of the net")
    found, outside = (case.accuracies(SIMILAR, SELFFER, layers) for layers in (middle, others))
    above = np.hstack([outside - lowest[:, None] for lowest in found.T])
    names = [f"n = {lowest} below n = {n}" for lowest in middle for n in others]
    tested = f"BnB at n = {' or '.join(map(str, middle))} is below BnB{_at(others)}"
    return Evidence(above, tested, names=names, alternatives=len(middle))


def _recovery(case: Case) -> Evidence:
    dip, last = case.depth(5), case.last
    if dip == last:
        raise NotRun("the net is too shallow to have a layer between its middle and its last")
    at_dip, at_last = case.accuracies(SIMILAR, SELFFER, [dip, last]).T
    recovered = at_last - at_dip - TWO_POINTS
    complete = case.gap(SIMILAR, SELFFER, BASE, [last])[:, 0] + ONE_POINT
    names = [
        f"BnB at n = {last} > BnB at n = {dip} + {100 * TWO_POINTS:g} points",
        f"BnB at n = {last} > base - {100 * ONE_POINT:g} point",
    ]
    return Evidence(np.column_stack([recovered, complete]), " and ".join(names), names=names)


def _specific_at_the_top(case: Case) -> Evidence:
    return _loses_more(case, case.last, SPECIFICITY, COADAPTATION)


def _coadapted_in_the_middle(case: Case) -> Evidence:
    return _loses_more(case, case.depth(4), COADAPTATION, SPECIFICITY)


def _loses_more(case: Case, n: int, larger: tuple[str, str], smaller: tuple[str, str]) -> Evidence:
    """The difference of two treatments is larger than that of two others, and is a loss."""
    loss, other = (case.gap(SIMILAR, *pair, [n])[:, 0] for pair in (larger, smaller))
    lost, less = (" - ".join(NOTATION[treatment] for treatment in pair) for pair in (larger, smaller))
    names = [f"{lost} > {less}", f"{lost} > 0"]
    return Evidence(np.column_stack([loss - other, loss]), f"{' and '.join(names)}{_at([n])}", names=names)


def _gain(case: Case) -> Evidence:
    layers = case.swept(1)
    gain = case.gap(SIMILAR, TRANSFER_TUNED, BASE, layers)
    return Evidence(gain, f"AnB⁺ > base{_at(layers)}", names=_each(layers))


def _gain_rises(case: Case) -> Evidence:
    layers = case.swept(1)
    if len(layers) < 2:
        raise NotRun("one n has no order")
    found = case.accuracies(SIMILAR, TRANSFER_TUNED, layers)
    ranks = [statistics.rank_correlation(layers, seed) if np.ptp(seed) else 0.0 for seed in found]
    return Evidence(ranks, f"rank correlation of n and AnB⁺ > {RISING:g}{_at(layers)}", RISING)


def _gain_is_larger_at_the_top(case: Case) -> Evidence:
    layers, top = case.swept(1), case.swept(case.depth(5))
    if layers == top:
        raise NotRun("no n was run below the middle of the net")
    of_all, of_top = (case.gap(SIMILAR, TRANSFER_TUNED, BASE, some).mean(axis=1) for some in (layers, top))
    names = [f"mean AnB⁺{_at(top)} > {other}" for other in (f"mean AnB⁺{_at(layers)}", "base")]
    return Evidence(np.column_stack([of_top - of_all, of_top]), " and ".join(names), names=names)


def _dissimilar_loses_more(case: Case) -> Evidence:
    layers = case.swept(2)
    similar, dissimilar = (case.gap(split, BASE, TRANSFER, layers) for split in (SIMILAR, DISSIMILAR))
    tested = f"base - AnB of the dissimilar split > that of the similar split and > 0{_at(layers)}"
    names = [*_each(layers), *(f"any loss{_at([n])}" for n in layers)]
    return Evidence(np.hstack([dissimilar - similar, dissimilar]), tested, names=names)


def _final_drops(case: Case) -> Evidence:
    last = case.last
    losses = np.hstack([case.gap(split, BASE, TRANSFER, [last]) - drop for split, drop in FINAL_DROPS.items()])
    names = [f"{side}, {split} split" for side in ("not too much", "not too little") for split in FINAL_DROPS]
    said = " and ".join(f"{100 * drop:g} points of the {split} split" for split, drop in FINAL_DROPS.items())
    tested = f"base - AnB{_at([last])} is {said}, each within {100 * TWO_POINTS:g} points"
    return Evidence(np.hstack([losses, -losses]), tested, TWO_POINTS, below=True, names=names)


def _first_layers_stay_general(case: Case) -> Evidence:
    layers = case.swept(1, 2)
    losses = np.stack([case.gap(DISSIMILAR, BASE, TRANSFER, layers, half) for half in HALVES], axis=1)
    names = [f"target {half}{_at([n])}" for half in HALVES for n in layers]
    tested = f"base - AnB < {100 * GENERAL:g} points on both targets of the dissimilar split{_at(layers)}"
    return Evidence(losses, tested, GENERAL, below=True, names=names)


def _better_than_random(case: Case) -> Evidence:
    layers = case.swept(1)
    margins = np.hstack([case.gap(split, TRANSFER, RANDOM, layers) for split in (SIMILAR, DISSIMILAR)])
    names = [f"{split} split{_at([n])}" for split in (SIMILAR, DISSIMILAR) for n in layers]
    return Evidence(margins, f"AnB > random in both splits{_at(layers)}", names=names)


def _random_falls(case: Case) -> Evidence:
    layers = case.swept(1, 3)
    falls = -np.diff(case.gap(SIMILAR, RANDOM, BASE, layers), prepend=0.0)
    tested = f"accuracy falls from base to random{_at(layers)}"
    return Evidence(falls, tested, names=_each(layers))


def _random_drops(case: Case) -> Evidence:
    layers = case.swept(min(RANDOM_DROPS), max(RANDOM_DROPS))
    beyond = case.gap(SIMILAR, BASE, RANDOM, layers) - [RANDOM_DROPS[n] for n in layers]
    names = [f"{side}{_at([n])}" for side in ("not too much", "not too little") for n in layers]
    said = " and ".join(f"{100 * RANDOM_DROPS[n]:g} points{_at([n])}" for n in layers)
    tested = f"base - random is {said}, each within {100 * TWO_POINTS:g} points"
    return Evidence(np.hstack([beyond, -beyond]), tested, TWO_POINTS, below=True, names=names)


def _random_near_chance(case: Case) -> Evidence:
    layers, chance = case.swept(3), case.chance(SIMILAR)
    random, base = (case.accuracies(SIMILAR, *which) - chance for which in ((RANDOM, layers), (BASE, [0])))
    if (base <= 0).any():
        raise NotRun("a base network does no better than to guess")
    tested = f"(random - chance) / (base - chance) < {NEAR_CHANCE:g}{_at(layers)}"
    return Evidence(random / base, tested, NEAR_CHANCE, below=True, names=_each(layers))


def _natural_is_easier(case: Case) -> Evidence:
    if case.scale == "demo":
        raise NotRun("at demo scale no half has natural or man-made classes")
    made, natural = (case.accuracies(DISSIMILAR, BASE, [0], half)[:, 0] for half in HALVES)
    return Evidence(natural - made, "base B (natural) > base A (man-made)")


def _each(layers: Sequence[int]) -> list[str]:
    return [f"n = {n}" for n in layers]


_SMALL_GAIN = "at demo scale the gain is small: it takes many seeds to tell it from none"
_NO_DIP = "not to be expected at demo scale: instead of a dip in the middle, small nets lose most at their last layer"
_OTHER_CLASSES = "at demo scale not comparable: the halves have other classes"
_SMALLEST = "smallest difference in accuracy"
_MARGIN = "smallest margin in accuracy"

CLAIMS = (
    Claim(
        "YO-1",
        "n = 1, 2: AnB is within 0.5 points of base",
        _SMALLEST,
        _near_base(TRANSFER, 1, 2, HALF_A_POINT),
    ),
    Claim("YO-2a", "AnB at n = 3 is slightly below base", _MARGIN, _slight_loss),
    Claim("YO-2b", "AnB at n = 4 to 7 is below base by 2 points or more", "smallest loss of accuracy", _clear_loss),
    Claim(
        "YO-3a",
        "BnB has its minimum, in the mean over seeds, at n = 4 or 5",
        _SMALLEST,
        _dip_in_the_middle,
        at_demo=_NO_DIP,
    ),
    Claim(
        "YO-3b",
        "BnB recovers: at n = 7 it is above n = 5 by 2 points, and not below base by more than 1",
        _MARGIN,
        _recovery,
        at_demo=_NO_DIP,
    ),
    Claim(
        "YO-4a",
        "at n = 7 accuracy is lost to specificity, BnB - AnB, and more than to broken co-adaptation, base - BnB",
        _MARGIN,
        _specific_at_the_top,
    ),
    Claim(
        "YO-4b",
        "at n = 4 accuracy is lost to broken co-adaptation, base - BnB, and more than to specificity, BnB - AnB",
        _MARGIN,
        _coadapted_in_the_middle,
        at_demo=_NO_DIP,
    ),
    Claim(
        "YO-5",
        "BnB⁺ is within 1 point of base at every n from 3 on",
        _SMALLEST,
        _near_base(SELFFER_TUNED, 3, None, ONE_POINT),
    ),
    Claim("YO-6a", "AnB⁺ is above base at every n", "smallest gain of accuracy", _gain, at_demo=_SMALL_GAIN),
    Claim(
        "YO-6b",
        "AnB⁺ tends to rise with n: rank correlation > 0.8",
        "rank correlation",
        _gain_rises,
        at_demo=_SMALL_GAIN,
    ),
    Claim(
        "YO-7",
        "AnB⁺ gains over base at n = 5 to 7 (2.1 points), and more than at n = 1 to 7 (1.6 points)",
        _MARGIN,
        _gain_is_larger_at_the_top,
        at_demo=_SMALL_GAIN,
    ),
    Claim(
        "YO-8a",
        "at every n from 2 on, AnB loses accuracy between dissimilar halves, and more than between random ones",
        _MARGIN,
        _dissimilar_loses_more,
    ),
    Claim(
        "YO-8b",
        "at n = 7 AnB loses 25 points between dissimilar halves and 8 between random ones, each within 2 points",
        "largest distance in accuracy",
        _final_drops,
        at_demo=_OTHER_CLASSES,
    ),
    Claim(
        "YO-9",
        "n = 1, 2: AnB loses 1.6 points or less between dissimilar halves, whichever is the target",
        "largest loss of accuracy",
        _first_layers_stay_general,
        at_demo=_OTHER_CLASSES,
    ),
    Claim(
        "YO-10",
        "AnB, even between dissimilar halves, is above random features at every n",
        _SMALLEST,
        _better_than_random,
    ),
    Claim("YO-11a", "random features: accuracy falls from base to n = 1, 2 and 3", _SMALLEST, _random_falls),
    Claim(
        "YO-11b",
        "random features: about 8 points are lost at n = 1, about 17 at n = 2, each within 2 points",
        "largest distance in accuracy",
        _random_drops,
        caveat="the paper's numbers are of networks that learn all classes, and not a half of them",
        at_demo="at demo scale classes are fewer and easier: to be expected is the order alone",
    ),
    Claim(
        "YO-11c",
        "random features: accuracy is near chance from n = 3 on",
        "largest share of base's accuracy above chance",
        _random_near_chance,
    ),
    Claim(
        "YO-12",
        "of the dissimilar halves, the natural one is easier (base .653 and .537)",
        "difference in accuracy",
        _natural_is_easier,
    ),
)
