"""The claims of Li et al. 2016 about convergent learning, CL-1 to CL-9, and beside them CL-U: what training adds.

The unit of evidence is a pair of networks, mean of both directions. Pairs share networks, all three pairs of three
networks but these three, so that intervals and support over pairs are too good; what is said of a single network,
CL-6, is judged over networks.

The paper's net has five convolutional layers. In another net the first ones, conv1 to conv3, are counted from the
bottom; conv4, the paper's lowest, is where it lies at the same relative depth: between two layers, it is either.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from transferscope.claims import NOT_RUN, Claim, Evidence, NotRun, judge
from transferscope.tables import counterparts
from transferscope.terms.convergent import AFTER, BEFORE, MATCHING, METHODS, POSITIONS, SEMI, SUMS, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

PAPERS_LOWEST, PAPERS_CONVOLUTIONAL = 4, 5

ROUNDING = 1e-9  # by which a mean of equal correlations may differ
ALIGNED_TIMES, NEAR_ZERO = 5.0, 0.1
PERFECT, NO_COUNTERPART, WITHIN, SMALL_GAP = 0.9, 0.4, 0.5, 0.1  # correlations
NONE, SPARSE, STRONG = 0.0, 1e-3, 1e-2  # decays of the sparse mapping
ERROR_OF_MEAN = 0.5  # of predicting each unit by its mean: half the variance
AS_GOOD = 0.02  # error

PAIRS, NETWORKS = "pair", "network"  # what a value of the evidence is about

Measured = Callable[["Case"], Evidence]


@dataclass(frozen=True)
class Case:
    """What a claim is tested on: the tables, and which of their rows.

    layers, matches, mapping: the tables layers.csv, matches.csv and mapping.csv. state, activations, samples: of the
    rows of the first two that count, state also of the last's. decay: of the sparse mapping, where a claim names none.
    """

    layers: "pd.DataFrame"
    matches: "pd.DataFrame"
    mapping: "pd.DataFrame"
    state: str = TRAINED
    activations: str = AFTER
    samples: str = POSITIONS
    decay: float = SPARSE

    def convolutional(self, least: int = 1) -> list[str]:
        """The convolutional layers, from the bottom up. Raises NotRun if there are fewer than `least`."""
        found = counterparts.convolutional(self.layers)
        if len(found) < least:
            raise NotRun(f"the net has {len(found)} convolutional layers, {least} are needed")
        return found

    def by_pair(self, method: str, column: str) -> "pd.DataFrame":
        """A column of layers.csv, a row a pair, a column each layer. Raises NotRun if no pair has all of it."""
        rows = self._rows(self.layers)
        return _known(counterparts.by_pair(rows[rows["method"] == method], column))

    def within(self) -> "pd.DataFrame":
        """Largest correlation of two units of a network: a row a network, a column each layer."""
        return _known(counterparts.by_network(self._rows(self.layers), "source_within"))

    def gaps(self) -> "pd.DataFrame":
        """Semi-matched minus matched correlation: a row a pair, a column each layer."""
        return _known(counterparts.gaps(self._rows(self.matches)))

    def errors(self, decay: float) -> "pd.DataFrame":
        """Error of the sparse mapping, a row a pair, a column each layer. Raises NotRun if it was not fitted."""
        table = self.mapping[(self.mapping["state"] == self.state) & (self.mapping["decay"] == decay)]
        if table.empty:
            raise NotRun(f"no sparse mapping of {self.state} networks was fitted with a decay of {decay:g}")
        return _known(counterparts.by_pair(table, "error"))

    def _rows(self, table: "pd.DataFrame") -> "pd.DataFrame":
        rows = counterparts.select(table, self.state, self.activations, self.samples)
        if rows.empty:
            raise NotRun(f"no correlations of {self.state} networks: {self.activations} ReLU, {self.samples}")
        return rows


def _known(found: "pd.DataFrame") -> "pd.DataFrame":
    if found.empty:
        raise NotRun("nothing has been measured of all layers")
    return found


@dataclass(frozen=True)
class ConvergentClaim(Claim):
    """A claim, what a value of its evidence is about, and in what other ways it is judged besides.

    variants: what the note calls them, and what is other than in the main case.
    """

    unit: str = PAIRS
    variants: Sequence[tuple[str, dict]] = ()


# how the note names what it quotes
SAMPLED = (("sums over positions", {"samples": SUMS}), ("before ReLU", {"activations": BEFORE}))
BASELINE = (("untrained", {"state": UNTRAINED}),)


def evaluate(layers: "pd.DataFrame", matches: "pd.DataFrame", mapping: "pd.DataFrame", scale: str) -> list[dict]:
    """Every claim judged by the tables layers.csv, matches.csv and mapping.csv: rows with the keys `claims.COLUMNS`.

    Verdicts are by activations after the ReLU with every position of a map as a sample, as in the paper. The note
    quotes effect and verdict by sums over positions, by activations before the ReLU, and for untrained networks: a
    claim that holds for these too is not about learning. The column `seeds` is the number of networks.
    """
    main, seeds = Case(layers, matches, mapping), len(counterparts.networks(layers))
    rows = []
    for claim in CLAIMS:
        judged, remarks = judge(claim.measured, main), []
        if judged["verdict"] != NOT_RUN:
            remarks.append(_evidence(claim.unit, judged["seeds"], seeds))
            remarks += [_quoted(name, judge(claim.measured, replace(main, **other))) for name, other in claim.variants]
            judged["seeds"] = seeds
        rows.append(claim.row(judged, None, scale, remarks))
    return rows


def _evidence(unit: str, values: int, seeds: int) -> str:
    """Of how many values the evidence is, and that pairs are not independent."""
    if unit == NETWORKS:
        return f"evidence: {values} network{'s' if values > 1 else ''}"
    if values == 1:
        return "evidence: 1 pair of networks"
    return f"evidence: {values} pairs of {seeds} networks, which they share: interval and support are too good"


def _quoted(name: str, judged: dict) -> str:
    return "" if judged["verdict"] == NOT_RUN else f"{name}: {judged['effect']:.3g}, {judged['verdict']}"


def _semi_not_below(case: Case) -> Evidence:
    gaps = case.gaps()
    return Evidence(
        gaps.to_numpy(), f"semi-matching >= matching at {_listed(gaps)}", -ROUNDING, names=gaps.columns.tolist()
    )


def _aligned_above_natural(case: Case) -> Evidence:
    aligned, natural = (case.by_pair(MATCHING, column) for column in ("aligned", "natural"))
    tested = f"mean diagonal, aligned > natural order, at {_listed(aligned)}"
    return Evidence((aligned - natural).to_numpy(), tested, names=aligned.columns.tolist())


def _aligned_many_times_natural(case: Case) -> Evidence:
    first = case.convolutional()[0]
    aligned, natural = (case.by_pair(MATCHING, column)[first].to_numpy() for column in ("aligned", "natural"))
    # of a mean near zero, either sign is chance: hence two inequalities, and none about its magnitude in a pair
    margins = np.column_stack([aligned - ALIGNED_TIMES * natural, aligned + ALIGNED_TIMES * natural])
    names = [f"aligned > {sign}{ALIGNED_TIMES:g} natural" for sign in ("", "-")]
    return Evidence(margins, f"mean diagonal of {first}: aligned > {ALIGNED_TIMES:g} |natural order|", names=names)


def _extreme(case: Case, extreme: Sequence[str], lowest: bool) -> Evidence:
    """One of these layers has the lowest (highest) mean of the convolutional layers, by both methods."""
    others = [layer for layer in case.convolutional() if layer not in extreme]
    if not others:
        raise NotRun(f"no convolutional layer but {', '.join(extreme)}")
    margins = []
    for method in METHODS:
        means = case.by_pair(method, "mean")
        if lowest:
            margins.append(means[others].sub(means[extreme].min(axis=1), axis=0))
        else:
            margins.append(-means[others].sub(means[extreme].max(axis=1), axis=0))
    which, sign = ("the lowest of ", "<") if lowest else ("the highest of ", ">")
    tested = f"{which if len(extreme) > 1 else ''}{', '.join(extreme)} {sign} {', '.join(others)}, by both methods"
    return Evidence(np.hstack(margins), tested, names=[f"{layer}, {method}" for method in METHODS for layer in others])


def _highest_first(case: Case) -> Evidence:
    return _extreme(case, case.convolutional()[:1], lowest=False)


def _lowest_late(case: Case) -> Evidence:
    found = case.convolutional()
    depth = PAPERS_LOWEST * len(found) / PAPERS_CONVOLUTIONAL
    lowest = {max(1, int(np.floor(depth))), int(np.ceil(depth))}
    return _extreme(case, [found[number - 1] for number in sorted(lowest)], lowest=True)


def _best_is_near_perfect(case: Case) -> Evidence:
    first = case.convolutional()[0]
    return Evidence(case.by_pair(SEMI, "best")[first], f"best semi-match of {first} > {PERFECT:g}", PERFECT)


def _worst_has_no_counterpart(case: Case) -> Evidence:
    first, limit = case.convolutional()[0], NO_COUNTERPART
    return Evidence(case.by_pair(SEMI, "worst")[first], f"worst semi-match of {first} < {limit:g}", limit, below=True)


def _natural_is_near_zero(case: Case) -> Evidence:
    natural = case.by_pair(MATCHING, "natural")
    names = [f"{sign}natural < {NEAR_ZERO:g} at {layer}" for sign in ("", "-") for layer in natural]
    tested = f"|mean diagonal in natural order| < {NEAR_ZERO:g} at {_listed(natural)}"
    return Evidence(np.hstack([natural, -natural]), tested, NEAR_ZERO, below=True, names=names)


def _correlated_within(case: Case) -> Evidence:
    first = case.convolutional()[0]
    return Evidence(case.within()[first], f"largest |r| of two units of {first} of a network > {WITHIN:g}", WITHIN)


def _gap_is_small(case: Case) -> Evidence:
    first, limit = case.convolutional()[0], SMALL_GAP
    return Evidence(case.gaps()[first], f"semi-matching - matching < {limit:g} at {first}", limit, below=True)


def _sparse_is_as_good(case: Case) -> Evidence:
    first = case.convolutional()[0]
    lost = case.errors(SPARSE)[first] - case.errors(NONE)[first]
    tested = f"error of {first} at a decay of {SPARSE:g} <= that without + {AS_GOOD:g}"
    return Evidence(lost, tested, AS_GOOD, below=True)


def _strong_decay_jumps(case: Case) -> Evidence:
    first = case.convolutional()[0]
    sparse, strong = (ERROR_OF_MEAN - case.errors(decay)[first] for decay in (SPARSE, STRONG))
    tested = (
        f"of {ERROR_OF_MEAN:g} - error of {first}, a decay of {STRONG:g} leaves less than half as much as {SPARSE:g}"
    )
    return Evidence(sparse / 2 - strong, tested)


def _error_rises(case: Case) -> Evidence:
    first = case.convolutional(2)[:3]
    tested = f"error at a decay of {case.decay:g}: {' < '.join(first)}"
    names = [f"{lower} < {upper}" for lower, upper in itertools.pairwise(first)]
    return Evidence(np.diff(case.errors(case.decay)[first]), tested, names=names)


def _matched_above_untrained(case: Case) -> Evidence:
    trained, untrained = (one.by_pair(MATCHING, "mean") for one in (case, replace(case, state=UNTRAINED)))
    return _in_layers(trained - untrained, "matched correlation: trained > untrained")


def _predicted_better_than_untrained(case: Case) -> Evidence:
    trained, untrained = (one.errors(case.decay) for one in (case, replace(case, state=UNTRAINED)))
    return _in_layers(untrained - trained, f"error at a decay of {case.decay:g}: trained < untrained")


def _in_layers(margins: "pd.DataFrame", tested: str) -> Evidence:
    known = _known(margins.dropna())
    return Evidence(known.to_numpy(), f"{tested}, at {_listed(known)}", names=known.columns.tolist())


def _listed(found: "pd.DataFrame") -> str:
    return ", ".join(found.columns)


_USUAL = (*SAMPLED, *BASELINE)
_MAPPED = (("without decay", {"decay": NONE}), *BASELINE)
_FEW_UNITS = "at demo scale layers have few units, and a unit finds a worse match among few"
_OURS = "this project's claim: the paper has no untrained networks"
_SMALLEST = "smallest difference in correlation"

CLAIMS = (
    ConvergentClaim(
        "CL-1",
        "units correlate no less with their semi-match than with their match, at every layer",
        "smallest difference in mean correlation",
        _semi_not_below,
        caveat="true by mathematics: it tests the workflow, not the networks",
        variants=SAMPLED,
    ),
    ConvergentClaim(
        "CL-2a",
        "aligned by matching, correlation matrices have a larger mean diagonal than in natural order, at every layer",
        "smallest difference of mean diagonals",
        _aligned_above_natural,
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-2b",
        "at conv1, aligning makes the mean diagonal at least 5 times as large",
        "mean diagonal, aligned less 5 times natural",
        _aligned_many_times_natural,
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-3a",
        "of the convolutional layers, conv1 has the highest mean correlation, by semi-matching and by matching",
        _SMALLEST,
        _highest_first,
        at_demo=f"not to be expected: {_FEW_UNITS}, and conv1 has the fewest",
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-3b",
        "of the convolutional layers, conv4 has the lowest mean correlation, by semi-matching and by matching",
        _SMALLEST,
        _lowest_late,
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-4a",
        "some units of conv1 match almost perfectly: r > 0.9",
        "correlation of the best semi-match",
        _best_is_near_perfect,
        at_demo=_FEW_UNITS,
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-4b",
        "some units of conv1 have no counterpart: r < 0.4",
        "correlation of the worst semi-match",
        _worst_has_no_counterpart,
        at_demo="at demo scale the worst of few units is less far from the mean",
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-5",
        "in natural order the mean diagonal is near zero: below 0.1 in magnitude, at every layer",
        "largest mean diagonal",
        _natural_is_near_zero,
        at_demo="at demo scale a mean over few units is seldom as near to zero",
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-6",
        "units of conv1 are correlated within a network: some |r| > 0.5",
        "largest correlation of two units",
        _correlated_within,
        variants=_USUAL,
        unit=NETWORKS,
    ),
    ConvergentClaim(
        "CL-7",
        "units of conv1 match mostly one to one: matching costs less than 0.1",
        "mean difference in correlation",
        _gap_is_small,
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-8a",
        "conv1 is predicted from few units as well as from all: error 0.172 at a decay of 1e-3, 0.170 without",
        "difference in error",
        _sparse_is_as_good,
        variants=BASELINE,
    ),
    ConvergentClaim(
        "CL-8b",
        "a decay of 1e-2 is too strong for conv1: the error jumps from 0.172 to 0.485, near that of the mean, 0.5",
        "half of what is explained, less what is left",
        _strong_decay_jumps,
        caveat="a decay removes all weights once it exceeds 1 / units, 0.0104 for the paper's 96: fewer bear more",
        at_demo="not to be expected at demo scale, where conv1 has few units",
        variants=BASELINE,
    ),
    ConvergentClaim(
        "CL-9",
        "units are harder to predict with depth: conv1 < conv2 < conv3",
        "smallest rise of the error",
        _error_rises,
        variants=_MAPPED,
    ),
    ConvergentClaim(
        "CL-Ua",
        "matched units of trained networks correlate more than those of untrained ones, at every layer",
        _SMALLEST,
        _matched_above_untrained,
        caveat=_OURS,
        variants=SAMPLED,
    ),
    ConvergentClaim(
        "CL-Ub",
        "a sparse mapping predicts units of trained networks better than those of untrained ones, at every layer",
        "smallest difference in error",
        _predicted_better_than_untrained,
        caveat=_OURS,
        variants=_MAPPED[:1],
    ),
)
