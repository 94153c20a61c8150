"""What is measured for claims about gates: how open they end, on the way there, and what accuracy goes with them.

The paper's net has seven layers with a gate, 0 to 6. In a net of another depth its first layer is counted from the
bottom, its last from the top, and layer 3 is found at the same relative depth.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transferscope.claims import Evidence, NotRun
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE
from transferscope.terms.quanta import ANA, ANB, SOURCE, TARGETS, TRAINED

if TYPE_CHECKING:
    import pandas as pd

# accuracies are fractions: 0.01 is one point
POINT, TWO_POINTS, FIVE_POINTS = 0.01, 0.02, 0.05
SOURCE_ACCURACY = 0.84  # of the paper's source network; one that is off by more than a POINT is another source
ANB_ACCURACY = 0.57  # mean top-1 of the paper's AnB, on CIFAR-100; accepted within FIVE_POINTS
FAR_BELOW = 0.2  # the paper's AnB is 0.27 below its source
FIRST_GATE, GATE_TOLERANCE = 0.97, 0.02  # the paper's gate at layer 0 of AnB, and what is accepted
EARLY = 10 / 60  # of the epochs: the paper's gates rise for the first 10 of 60 at least
GATES = {GATE: "λ_S", SHARE: "functional share"}

Measured = Callable[["Case"], Evidence]


@dataclass(frozen=True)
class Case:
    """What a claim is tested on.

    final, history: the tables final.csv and history.csv. gate: which of their columns says how open a gate is, λ_S
    itself or the functional share. last_epochs: of how many epochs the values in final.csv are means. scale: of the
    run.
    """

    final: "pd.DataFrame"
    history: "pd.DataFrame"
    gate: str
    last_epochs: int
    scale: str

    @property
    def layers(self) -> list[int]:
        """The number of every layer that had a gate. Raises NotRun if none had."""
        found = gates.layers(self.final)
        if not found:
            raise NotRun("no seed has every network, or no layer had a gate")
        return found

    @property
    def last(self) -> int:
        """The last layer that had a gate, taken for the last below the head."""
        return self.layers[-1]

    @property
    def initials(self) -> list[float]:
        """The initial values of gates to the trained source, largest first. Raises NotRun if there is no such gate."""
        found = gates.initials(self.final)
        if not found:
            raise NotRun("no gate to a trained source was run")
        return found

    def several_layers(self, least: int = 2) -> list[int]:
        """As `layers`. Raises NotRun if there are fewer than `least`."""
        if len(self.layers) < least:
            raise NotRun(f"fewer than {least} layers had a gate")
        return self.layers

    def initial(self, papers: float) -> float:
        """An initial value of the paper. Raises NotRun if no gate started from it."""
        if papers not in self.initials:
            raise NotRun(f"no gate started from {papers:g}")
        return papers

    def finals(self, column: str, target: str, initial: float, source: str = TRAINED) -> "pd.DataFrame":
        """A column of gated networks, a row a seed, a column each layer. Raises NotRun if no seed has all of them."""
        found = gates.finals(self.final, column, target, initial, source)
        if list(found) != self.layers or found.empty:
            raise NotRun(f"no seed has all gates of {target} to the {source} source that start from {initial:g}")
        return found

    def ungated(self, column: str, target: str) -> "pd.Series":
        """A column of the networks without a gate, one value a seed. Raises NotRun if no seed has one."""
        found = gates.ungated(self.final, column, target)
        if found.empty:
            raise NotRun("the source network was not tested" if target == SOURCE else f"{target}: no scratch network")
        return found

    def curves(self, target: str, initial: float) -> "pd.DataFrame":
        """How open gates are on the way, a row a seed, columns (layer, epoch). Raises NotRun if unknown."""
        found = gates.curves(self.history, self.gate, target, initial)
        if list(found.columns.unique("layer")) != self.layers or found.empty:
            raise NotRun(f"no seed has the history of all gates of {target} that start from {initial:g}")
        return found


def _paired(*found: "pd.DataFrame | pd.Series") -> list[np.ndarray]:
    """The values of those seeds that all of them have, seeds first. Raises NotRun if there is none."""
    seeds = sorted(set.intersection(*(set(one.index) for one in found)))
    if not seeds:
        raise NotRun("no seed has all that is compared")
    return [one.loc[seeds].to_numpy() for one in found]


def _near(difference: np.ndarray, tolerance: float, tested: str, note: str = "") -> Evidence:
    """A difference, one per seed, is below a tolerance, up and down."""
    both = np.column_stack([difference, -difference])
    return Evidence(both, tested, tolerance, below=True, names=["not too high", "not too low"], note=note)


def _of_the_source(case: Case) -> str:
    """A remark if the source is not as accurate as the paper's; none on other data, or if it was not tested."""
    found = gates.ungated(case.final, "top1", SOURCE)
    if case.scale == "demo" or found.empty or abs(found.mean() - SOURCE_ACCURACY) <= POINT:
        return ""
    return (
        f"another source than the paper's: its mean accuracy is {found.mean():.3f}, expected {SOURCE_ACCURACY:g} "
        f"± {POINT:g}"
    )


def _where(layers: Sequence[int], *initials: float) -> str:
    return f" at {_numbered(layers)}, from λ_S = {_listed(initials)}"


def _numbered(layers: Sequence[int]) -> str:
    """Layers by their numbers: layer 3; layers 2, 4; layers 0 to 6."""
    if len(layers) > 2 and list(layers) == list(range(layers[0], layers[-1] + 1)):
        return f"layers {layers[0]} to {layers[-1]}"
    return f"layer{'' if len(layers) == 1 else 's'} {_listed(layers)}"


def _listed(numbers: Sequence[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _each(layers: Sequence[int]) -> list[str]:
    return [f"layer {layer}" for layer in layers]


def near_the_source(case: Case) -> Evidence:
    """Mean accuracy of AnA over layers is the source's, within a tolerance."""
    start = case.initials[0]
    found, source = _paired(case.finals("top1", ANA, start), case.ungated("top1", SOURCE))
    tested = f"|mean accuracy of AnA - source's| < {100 * TWO_POINTS:g} points{_where(case.layers, start)}"
    return _near(found.mean(axis=1) - source, TWO_POINTS, tested, _of_the_source(case))


def accuracy_of_anb(case: Case) -> Evidence:
    """Mean accuracy of AnB over layers is the paper's, within a tolerance."""
    _needs_the_papers_tasks(case)
    start = case.initials[0]
    found = case.finals("top1", ANB, start).mean(axis=1).to_numpy()
    tested = f"|mean accuracy of AnB - {ANB_ACCURACY:g}| < {100 * FIVE_POINTS:g} points{_where(case.layers, start)}"
    return _near(found - ANB_ACCURACY, FIVE_POINTS, tested, _of_the_source(case))


def far_below_the_source(case: Case) -> Evidence:
    """Mean accuracy of AnB over layers is below the source's by a wide margin."""
    _needs_the_papers_tasks(case)
    start = case.initials[0]
    found, source = _paired(case.finals("top1", ANB, start), case.ungated("top1", SOURCE))
    tested = f"accuracy of the source - mean accuracy of AnB > {100 * FAR_BELOW:g} points{_where(case.layers, start)}"
    return Evidence(source - found.mean(axis=1), tested, FAR_BELOW, note=_of_the_source(case))


def _needs_the_papers_tasks(case: Case) -> None:
    if case.scale == "demo":
        raise NotRun("at demo scale the tasks are others than CIFAR-10 and CIFAR-100, whose number this is")


def lowest_at_the_top(case: Case) -> Evidence:
    """AnB's gate at the last layer ends below that at every other."""
    lower, start = case.several_layers()[:-1], case.initials[0]
    found = case.finals(case.gate, ANB, start).to_numpy()
    tested = f"λ_S of AnB at layer {case.last} < λ_S{_where(lower, start)}"
    return Evidence(found[:, :-1] - found[:, -1:], tested, names=_each(lower))


def steepest_at_the_top(case: Case) -> Evidence:
    """From a layer to the next, AnB's gate falls most at the last, and does fall there."""
    steps, start = list(itertools.pairwise(case.several_layers(3))), case.initials[0]
    falls = -np.diff(case.finals(case.gate, ANB, start).to_numpy())
    names = [f"layer {lower} to {upper}" for lower, upper in steps]
    tested = f"λ_S of AnB falls from {names[-1]}, and more than in any other step, from λ_S = {start:g}"
    least = np.hstack([falls[:, -1:] - falls[:, :-1], falls[:, -1:]])
    return Evidence(least, tested, names=[*names[:-1], f"any fall from {names[-1]}"])


def dip_in_the_middle(case: Case) -> Evidence:
    """AnA's gate in the middle of the net ends below those at the layers next to it."""
    layers, start = case.layers, case.initials[0]
    middle = gates.at_depth(3, case.last)
    if middle not in layers[1:-1]:
        raise NotRun(f"layer {middle} had no gate, or no layer before or after it had one")
    position = layers.index(middle)
    found = case.finals(case.gate, ANA, start).to_numpy()
    around = [position - 1, position + 1]
    others = [layers[one] for one in around]
    tested = f"λ_S of AnA at layer {middle} < λ_S{_where(others, start)}"
    return Evidence(found[:, around] - found[:, [position]], tested, names=_each(others))


def accuracy_declines(case: Case) -> Evidence:
    """The regression line of AnB's accuracy over layers falls."""
    layers, start = case.several_layers(), case.initials[0]
    slopes = np.polyfit(layers, case.finals("top1", ANB, start).to_numpy().T, 1)[0]
    return Evidence(slopes, f"slope of AnB's accuracy over layers < 0{_where(layers, start)}", below=True)


def declines_slightly(case: Case) -> Evidence:
    """AnB's accuracy falls by less than a tolerance from the first layer to the last."""
    ends, start = [case.several_layers()[0], case.last], case.initials[0]
    first, last = case.finals("top1", ANB, start)[ends].to_numpy().T
    points = f"{100 * FIVE_POINTS:g} points"
    tested = f"accuracy of AnB at layer {ends[0]} - at layer {ends[1]} < {points}, from λ_S = {start:g}"
    return Evidence(first - last, tested, FIVE_POINTS, below=True)


def initials_differ_little(case: Case) -> Evidence:
    """No two initial values lead to accuracies that differ by more than a tolerance."""
    starts = _several_initials(case)
    pairs = list(itertools.permutations(starts, 2))
    found = _by_initial(case, "top1", starts)
    # the range of means over seeds is the largest difference of two, while ranges of single seeds grow with their noise
    differences = np.stack(
        [found[:, starts.index(one)] - found[:, starts.index(other)] for one, other in pairs], axis=1
    )
    names = [f"{one:g} - {other:g}, {what}" for one, other in pairs for what in _settings(case)]
    points = f"{100 * TWO_POINTS:g} points"
    tested = f"mean accuracies over seeds of AnA and of AnB differ by < {points}{_where(case.layers, *starts)}"
    return Evidence(differences, tested, TWO_POINTS, below=True, names=names)


def rises_with_the_initial(case: Case) -> Evidence:
    """Gates end in the order of their initial values."""
    starts = _several_initials(case)
    found = _by_initial(case, case.gate, starts)
    names = [f"{more:g} > {less:g}, {what}" for more, less in itertools.pairwise(starts) for what in _settings(case)]
    tested = f"λ_S of AnA and of AnB, by its initial value: {' > '.join(f'{start:g}' for start in starts)}"
    return Evidence(-np.diff(found, axis=1), f"{tested}, at {_numbered(case.layers)}", names=names)


def _several_initials(case: Case) -> list[float]:
    if len(case.initials) < 2:
        raise NotRun("gates had one initial value only")
    return case.initials


def _by_initial(case: Case, column: str, starts: Sequence[float]) -> np.ndarray:
    """A column of AnA and AnB, (seeds, initial values, targets, layers)."""
    found = _paired(*(case.finals(column, target, start) for start in starts for target in TARGETS))
    return np.stack(found, axis=1).reshape(len(found[0]), len(starts), len(TARGETS), -1)


def _over_epochs(case: Case, start: float) -> np.ndarray:
    """How open the gates of AnA and AnB are on the way, (seeds, targets, layers, epochs), from before the first."""
    found = _paired(*(case.curves(target, start) for target in TARGETS))
    return np.stack(found, axis=1).reshape(len(found[0]), len(TARGETS), len(case.layers), -1)


def _settings(case: Case) -> list[str]:
    return [f"{target} layer {layer}" for target in TARGETS for layer in case.layers]


def rises_early(case: Case) -> Evidence:
    """Gates that start from one half rise in every early epoch."""
    start = case.initial(0.5)
    found = _over_epochs(case, start)
    epochs = found.shape[-1] - 1
    early = max(1, round(EARLY * epochs))
    names = [f"{what}, epoch {epoch}" for what in _settings(case) for epoch in range(1, early + 1)]
    tested = f"λ_S of AnA and of AnB rises in each of the first {early} of {epochs} epochs{_where(case.layers, start)}"
    return Evidence(np.diff(found[..., : early + 1]), tested, names=names)


def rises_and_falls(case: Case) -> Evidence:
    """AnB's gate at the last layer, from one half, rises at once, and is higher on its way than it starts and ends.

    A seed is judged at the epoch, before the last ones, at which the gate is highest in the mean of the other seeds: an
    epoch that is chosen by the seed itself lies above the end by noise alone, even of a gate that only rises. One seed
    has no others: it is judged at its own.
    """
    start = case.initial(0.5)
    course = case.curves(ANB, start)[case.last]
    found = course.to_numpy()
    way = found[:, 1 : -case.last_epochs]
    if not way.shape[1]:
        raise NotRun("no epoch lies between the start of training and its last epochs")
    alone = len(way) == 1
    peaks = (way if alone else way.sum(axis=0) - way).argmax(axis=1)
    highest = np.take_along_axis(way, peaks[:, None], axis=1)
    ends = np.column_stack([found[:, 0], found[:, -case.last_epochs :].mean(axis=1)])
    epochs = _listed(sorted(set(course.columns[1 + peaks])))
    chosen = "it is highest" if alone else "the other seeds have it highest"
    tested = (
        f"λ_S of AnB after one epoch > at the start; at the epoch where {chosen} ({epochs}) > at the start, and > mean "
        f"of the last {case.last_epochs} epochs,{_where([case.last], start)}"
    )
    return Evidence(
        np.column_stack([found[:, 1] - found[:, 0], highest - ends]),
        tested,
        names=["higher after one epoch", "higher than at the start", "higher than at the end"],
        note="one seed chooses the epoch by which it is judged: noise alone lifts it above the end" if alone else "",
    )


def falls_at_once(case: Case) -> Evidence:
    """Gates that start from three quarters fall in the first epoch."""
    start = case.initial(0.75)
    found = _over_epochs(case, start)
    tested = f"λ_S of AnA and of AnB is lower after one epoch than before it{_where(case.layers, start)}"
    return Evidence(found[..., 1] - found[..., 0], tested, below=True, names=_settings(case))


def improves(column: str, sign: int, what: str) -> Measured:
    """A column ends higher (sign 1) or lower (sign -1) than it was before training, in every setting."""

    def measured(case: Case) -> Evidence:
        starts = case.initials
        after, before = (_by_initial(case, one, starts) for one in (column, f"{column}_before"))
        names = [f"{what}, from {start:g}" for start in starts for what in _settings(case)]
        tested = f"test {what} than before training, AnA and AnB{_where(case.layers, *starts)}"
        return Evidence(sign * (after - before), tested, names=names)

    return measured


def first_gate(case: Case) -> Evidence:
    """AnB's gate at layer 0 ends where the paper's does, within a tolerance."""
    _needs_the_papers_tasks(case)
    start, first = case.initial(0.9), 0
    if first not in case.layers:
        raise NotRun(f"layer {first} had no gate")
    found = case.finals(GATE, ANB, start)[first].to_numpy()
    tested = f"|λ_S of AnB - {FIRST_GATE:g}| < {GATE_TOLERANCE:g}{_where([first], start)}"
    return _near(found - FIRST_GATE, GATE_TOLERANCE, tested)


def open_below_closed_above(case: Case) -> Evidence:
    """AnB's gates in the lower half of the net end higher, in the mean, than in the upper half."""
    layers, start = case.several_layers(), case.initials[0]
    half = len(layers) // 2
    found = case.finals(case.gate, ANB, start).to_numpy()
    low, high = (_numbered(some) for some in (layers[:half], layers[-half:]))
    tested = f"mean λ_S of AnB at {low} > mean λ_S at {high}, from λ_S = {start:g}"
    return Evidence(found[:, :half].mean(axis=1) - found[:, -half:].mean(axis=1), tested)


def less_open_to(source: str, column: str) -> Measured:
    """A column of AnB ends lower with another source than with the trained one, at every layer."""

    def measured(case: Case) -> Evidence:
        starts = gates.initials(case.final, source)
        if not starts:
            raise NotRun(f"no gate to the {source} source was run")
        trained, other = _paired(*(case.finals(column, ANB, starts[0], one) for one in (TRAINED, source)))
        tested = f"{GATES[column]} of AnB: trained > {source} source{_where(case.layers, starts[0])}"
        return Evidence(trained - other, tested, names=_each(case.layers))

    return measured


def better_than_scratch(target: str) -> Measured:
    """Mean accuracy over layers is above that of the network without a source."""

    def measured(case: Case) -> Evidence:
        start = case.initials[0]
        found, scratch = _paired(case.finals("top1", target, start), case.ungated("top1", target))
        tested = f"mean accuracy of {target} > scratch{_where(case.layers, start)}"
        return Evidence(found.mean(axis=1) - scratch, tested)

    return measured
