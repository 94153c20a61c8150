"""The claims of Li et al. 2016 about convergent learning, CL-1 to CL-9, and beside them CL-U: what training adds.

What is measured in a pair of networks, mean of both directions, is averaged over pairs. Pairs share networks, all three
pairs of three networks but these three: it is networks that are resampled, each with its pairs (see `statistics`). Of
three networks every resample but the whole is a single pair, so that a claim that holds is true in each of them.

The paper's net has five convolutional layers. In another net the first ones, conv1 to conv3, are counted from the
bottom; conv4, the paper's lowest, is where it lies at the same relative depth: between two layers, it is either of
them, the same by both methods and in all pairs of a resample.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from transferscope import statistics
from transferscope.claims import NOT_RUN, Claim, Evidence, NotRun, judge
from transferscope.tables import counterparts
from transferscope.terms.convergent import AFTER, BEFORE, MATCHING, METHODS, POSITIONS, SEMI, SUMS, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

RESAMPLED = "networks, each with the pairs that it is in"
PAPERS_LOWEST, PAPERS_CONVOLUTIONAL = 4, 5
PAPERS_ACCURACY = "58.65 to 58.84 %"  # top-1 of its four networks

ROUNDING = 1e-9  # by which a mean of equal correlations may differ
ALIGNED_TIMES, NEAR_ZERO = 5.0, 0.1
PERFECT, NO_COUNTERPART, WITHIN, SMALL_GAP = 0.9, 0.4, 0.5, 0.1  # correlations
NONE, SPARSE, STRONG = 0.0, 1e-3, 1e-2  # decays of the sparse mapping
ERROR_OF_MEAN = 0.5  # of predicting each unit by its mean, about: half its variance, which is 1 over both halves
AS_GOOD = 0.02  # error


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
    """A claim, and in what other ways it is judged besides.

    variants: what the note calls them, and what is other than in the main case.
    """

    variants: Sequence[tuple[str, dict]] = ()


# how the note names what it quotes
SAMPLED = (("sums over positions", {"samples": SUMS}), ("before ReLU", {"activations": BEFORE}))
BASELINE = (("untrained", {"state": UNTRAINED}),)


def evaluate(layers: "pd.DataFrame", matches: "pd.DataFrame", mapping: "pd.DataFrame", scale: str) -> list[dict]:
    """Every claim judged by the tables layers.csv, matches.csv and mapping.csv: rows with the keys `claims.COLUMNS`.

    Verdicts are by activations after the ReLU with every position of a map as a sample, as in the paper. The note
    quotes effect and verdict for untrained networks, but of CL-U, which compares with them: a claim that holds for
    these too is not about learning. Of correlations it quotes them also by sums over positions and by activations
    before the ReLU, of sparse mappings, where the claim names no decay, without any. The column `seeds` is the number
    of networks.
    """
    main = Case(layers, matches, mapping)
    rows = []
    for claim in CLAIMS:
        judged, remarks = judge(claim.measured, main), []
        if judged["verdict"] != NOT_RUN:
            remarks = [_quoted(name, judge(claim.measured, replace(main, **other))) for name, other in claim.variants]
        rows.append(claim.row(judged, None, scale, remarks))
    return rows


def networks(top1: Sequence[float], scale: str) -> str:
    """Which networks are judged: how many, of which accuracy, and at the paper's scale what the paper's have.

    top1: of each, as in accuracy.csv.
    """
    mean, error = statistics.mean_and_error([100 * accuracy for accuracy in top1])
    paper = f", the paper's {PAPERS_ACCURACY}" if scale == "paper" else ""
    return f"{len(top1)} networks of {mean:.2f} ± {error:.2f} % top-1 (mean ± standard error over networks){paper}"


def _quoted(name: str, judged: dict) -> str:
    return "" if judged["verdict"] == NOT_RUN else f"{name}: {judged['effect']:.3g}, {judged['verdict']}"


def _of_pairs(
    values: "pd.DataFrame", tested: str, limit: float = 0.0, *, below: bool = False, alternatives: int = 1
) -> Evidence:
    """Evidence of pairs of networks: rows as in `counterparts.by_pair`, a column each inequality, by its name."""
    names, pairs = values.columns.tolist(), values.index.tolist()
    return Evidence(values.to_numpy(), tested, limit, below, names, pairs, alternatives)


def _semi_not_below(case: Case) -> Evidence:
    gaps = case.gaps()
    return _of_pairs(gaps, f"semi-matching >= matching at {_listed(gaps)}", -ROUNDING)


def _aligned_above_natural(case: Case) -> Evidence:
    aligned, natural = (case.by_pair(MATCHING, column) for column in ("aligned", "natural"))
    return _in_layers(aligned - natural, "mean diagonal, aligned > natural order")


def _aligned_many_times_natural(case: Case) -> Evidence:
    first = case.convolutional()[0]
    aligned, natural = (case.by_pair(MATCHING, column) for column in ("aligned", "natural"))
    margins = (aligned - ALIGNED_TIMES * natural.abs())[[first]]
    tested = f"mean diagonal of {first}: aligned > {ALIGNED_TIMES:g} |natural order|"
    return _of_pairs(_known(margins.dropna()), tested)


def _highest_first(case: Case) -> Evidence:
    first, *others = case.convolutional(2)
    margins = {}
    for method in METHODS:
        means = case.by_pair(method, "mean")
        margins |= {f"{layer}, {method}": means[first] - means[layer] for layer in others}
    return _of_pairs(_columns(margins), f"{first} > {', '.join(others)}, by both methods")


def _lowest_late(case: Case) -> Evidence:
    found = case.convolutional(2)
    depth = PAPERS_LOWEST * len(found) / PAPERS_CONVOLUTIONAL
    late = [found[number - 1] for number in sorted({max(1, math.floor(depth)), math.ceil(depth)})]
    others = [layer for layer in found if layer not in late]
    if not others:
        raise NotRun(f"no convolutional layer but {', '.join(late)}")
    # which of two layers is the lowest is no choice for each pair to make: they are alternatives for all of them
    margins = {}
    for lowest, method in itertools.product(late, METHODS):
        means = case.by_pair(method, "mean")
        margins |= {f"{lowest} < {layer}, {method}": means[layer] - means[lowest] for layer in others}
    tested = f"{' or '.join(late)} < {', '.join(others)}, by both methods"
    return _of_pairs(_columns(margins), tested, alternatives=len(late))


def _best_is_near_perfect(case: Case) -> Evidence:
    first = case.convolutional()[0]
    return _of_pairs(case.by_pair(SEMI, "best")[[first]], f"best semi-match of {first} > {PERFECT:g}", PERFECT)


def _worst_has_no_counterpart(case: Case) -> Evidence:
    first, limit = case.convolutional()[0], NO_COUNTERPART
    worst = case.by_pair(SEMI, "worst")[[first]]
    return _of_pairs(worst, f"worst semi-match of {first} < {limit:g}", limit, below=True)


def _natural_is_near_zero(case: Case) -> Evidence:
    natural = case.by_pair(MATCHING, "natural").abs()
    tested = f"|mean diagonal in natural order| < {NEAR_ZERO:g} at {_listed(natural)}"
    return _of_pairs(natural, tested, NEAR_ZERO, below=True)


def _correlated_within(case: Case) -> Evidence:
    first = case.convolutional()[0]
    return Evidence(case.within()[first], f"largest |r| of two units of {first} of a network > {WITHIN:g}", WITHIN)


def _gap_is_small(case: Case) -> Evidence:
    first, limit = case.convolutional()[0], SMALL_GAP
    return _of_pairs(case.gaps()[[first]], f"semi-matching - matching < {limit:g} at {first}", limit, below=True)


def _sparse_is_as_good(case: Case) -> Evidence:
    first = case.convolutional()[0]
    lost = (case.errors(SPARSE) - case.errors(NONE))[[first]]
    tested = f"error of {first} at a decay of {SPARSE:g} <= that without + {AS_GOOD:g}"
    return _of_pairs(_known(lost.dropna()), tested, AS_GOOD, below=True)


def _strong_decay_jumps(case: Case) -> Evidence:
    first = case.convolutional()[0]
    sparse, strong = (ERROR_OF_MEAN - case.errors(decay)[first] for decay in (SPARSE, STRONG))
    # from either side: a unit that was no better predicted before, or is now far worse than by its mean, is no jump
    margins = {"most is lost": sparse / 2 - strong, "little is beyond": sparse / 2 + strong}
    less = f"{ERROR_OF_MEAN:g} - error of {first}"
    tested = f"|{less}| at a decay of {STRONG:g} < half of {less} at {SPARSE:g}"
    return _of_pairs(_columns(margins), tested)


def _error_rises(case: Case) -> Evidence:
    first = case.convolutional(3)[:3]
    errors = case.errors(case.decay)
    rises = {f"{lower} < {upper}": errors[upper] - errors[lower] for lower, upper in itertools.pairwise(first)}
    return _of_pairs(_columns(rises), f"error at a decay of {case.decay:g}: {' < '.join(first)}")


def _matched_above_untrained(case: Case) -> Evidence:
    trained, untrained = (one.by_pair(MATCHING, "mean") for one in (case, replace(case, state=UNTRAINED)))
    return _in_layers(trained - untrained, "matched correlation: trained > untrained")


def _predicted_better_than_untrained(case: Case) -> Evidence:
    trained, untrained = (one.errors(case.decay) for one in (case, replace(case, state=UNTRAINED)))
    return _in_layers(untrained - trained, f"error at a decay of {case.decay:g}: trained < untrained")


def _in_layers(margins: "pd.DataFrame", tested: str) -> Evidence:
    known = _known(margins.dropna())
    return _of_pairs(known, f"{tested}, at {_listed(known)}")


def _columns(found: Mapping[str, "pd.Series"]) -> "pd.DataFrame":
    """Columns by name, of the pairs that have all of them."""
    import pandas as pd

    return _known(pd.DataFrame(found).dropna())


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
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-2a",
        "aligned by matching, correlation matrices have a larger mean diagonal than in natural order, at every layer",
        "smallest difference of mean diagonals",
        _aligned_above_natural,
        caveat="true by mathematics where no unit is dead: matching takes the largest sum",
        variants=_USUAL,
    ),
    ConvergentClaim(
        "CL-2b",
        "at conv1, aligning makes the mean diagonal at least 5 times as large",
        "mean diagonal, aligned less 5 times |natural|",
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
        caveat="where either of two layers may be it, it is so twice as often by chance",
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
        "largest |mean diagonal|",
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
        "a decay of 1e-3 does no harm to the prediction of conv1: error 0.172, without decay 0.170",
        "difference in error",
        _sparse_is_as_good,
        variants=BASELINE,
    ),
    ConvergentClaim(
        "CL-8b",
        "a decay of 1e-2 is too strong for conv1: the error jumps from 0.172 to 0.485, near that of the mean, 0.5",
        "half of what is explained, less what is left",
        _strong_decay_jumps,
        caveat="a decay removes all weights once it exceeds about 1 / units, 0.01 for the paper's 96: fewer bear more",
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
        "a sparse mapping predicts trained networks better than untrained ones, at every convolutional layer",
        "smallest difference in error",
        _predicted_better_than_untrained,
        caveat=_OURS,
        variants=_MAPPED[:1],
    ),
)
