"""What several seeds say together: mean and error, bootstrap interval, support of a claim, rank correlation."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from transferscope.errors import InputError
from transferscope.randomness import numpy_generator

# at most; five seeds or fewer are resampled, seven values or fewer are ordered, in every possible way
RESAMPLES = 10_000
SUPPORT_NEEDED = 0.9
SEED = 0  # of random resamples and orders

Pairs = Sequence[tuple[int, int]]


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of the mean, s / sqrt(S), over S seeds; one seed has no standard error: nan."""
    values = _one_per_seed(values)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)


def means_and_errors(values: np.ndarray) -> np.ndarray:
    """`mean_and_error` of each column, (2, columns). values: (seeds, columns)."""
    return np.transpose([mean_and_error(column) for column in np.asarray(values).T])


def bootstrap_interval(values: np.ndarray, level: float = 0.95, pairs: Pairs | None = None) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over seeds (Efron 1979); one value has none: (nan, nan).

    values: (S,) one per seed. For a paired comparison, hand over the differences, one per seed.
    pairs: of which two networks each value is, where it is not of a seed: (S,). Pairs that share a network are not
        independent, and it is networks that are drawn: see `_of_pairs`.
    With as few seeds as papers use, such an interval is too narrow: read it as the spread of the seeds at hand.
    """
    values = _one_per_seed(values)
    if len(values) == 1:
        return float("nan"), float("nan")
    low, high = np.quantile(_resampled_means(values, pairs), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def support(margins: np.ndarray, pairs: Pairs | None = None) -> float:
    """Share of bootstrap resamples over seeds in which a claim is true of the means, in [0, 1].

    margins: by how much an inequality is true in each seed, e.g. b - a for "a < b", so that seeds stay paired: (S,); or
    (S, K) for K inequalities joined by "and", all of whose mean margins are above zero where the claim is true; or
    (S, A, K) for A sets of these joined by "or", of which each resample may make another one true.
    pairs: as in `bootstrap_interval`. One seed, or one pair, supports nothing: nan.
    """
    margins = _margins(margins)
    if len(margins) == 1:
        return float("nan")
    return float(_true(_resampled_means(margins, pairs)).mean())


def verdict(margins: np.ndarray, pairs: Pairs | None = None) -> str:
    """What the seeds say of a claim, given its margins as in `support`.

    "holds": the claim is true of the means over seeds, and so it is in at least 90 % of the resamples; "mean only":
    just of the means, or there is but one seed; "fails": not even of the means.
    """
    margins = _margins(margins)
    if not _true(margins.mean(axis=0)):
        return "fails"
    return "holds" if support(margins, pairs) >= SUPPORT_NEEDED else "mean only"


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, ties sharing their mean rank, in [-1, 1].

    Raises ValueError if the lengths differ or are below 2, or if one of them is constant: it then has no ranks.
    """
    from scipy.stats import spearmanr

    x, y = _one_per_seed(x), _one_per_seed(y)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(
            f"rank correlation: expected two equally long samples, at least 2, found {len(x)} and {len(y)}"
        )
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("rank correlation: all values of a sample are equal, so that their ranks say nothing")
    return float(spearmanr(x, y).statistic)


def rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`rank_correlation` of many pairs of samples at once, along the last axis; with a constant sample it is 0.

    x, y: (..., L) finite numbers. Returns (...) float64.
    """
    return (_unit_ranks(x) * _unit_ranks(y)).sum(axis=-1)


def correlations_by_chance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean rank correlation of pairs of samples over the same L things, and what it is with these in any other order.

    x, y: (..., L) finite numbers, each a measure of L things, such as layers, in several seeds. Were the one measure
    unrelated to the other, the things of y could be in any order, the same in all its samples, for these depend on each
    other: a permutation test of the mean of `rank_correlations`.
    Returns (P,) float64, the correlation of the samples as they are first. All P = L! orders are there, or, if they are
    more than `RESAMPLES`, as many random ones.
    """
    ranks_x, ranks_y = (_unit_ranks(values).reshape(-1, np.shape(values)[-1]) for values in (x, y))
    things = ranks_x.shape[1]
    if math.factorial(things) <= RESAMPLES:
        orders = np.array(list(itertools.permutations(range(things))))
    else:
        orders = np.tile(np.arange(things), (RESAMPLES, 1))
        orders[1:] = numpy_generator(SEED, "orders").permuted(orders[1:], axis=1)
    products = ranks_x.T @ ranks_y / len(ranks_x)
    return products[np.arange(things), orders].sum(axis=1)


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, ties sharing their mean rank, centred and of length 1; zeros where all are equal."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _true(means: np.ndarray) -> np.ndarray:
    """Whether all mean margins of one of the sets of inequalities are above zero. means: (..., A, K)."""
    return (means > 0).all(axis=-1).any(axis=-1)


def _resampled_means(values: np.ndarray, pairs: Pairs | None) -> np.ndarray:
    """Means over resampled seeds (axis 0), or over the pairs that resampled networks make."""
    if pairs is None:
        return values[_drawn(len(values))].mean(axis=1)
    return np.tensordot(_of_pairs(pairs), values, axes=1)


def _of_pairs(pairs: Pairs) -> np.ndarray:
    """Weights (resamples, pairs) of pairs in the mean over those that resampled networks make.

    As many networks are drawn as there are, and each two of them are a pair. One that is drawn twice is no pair with
    itself: it would agree with itself wholly. A resample of one network alone has no pairs, and is left out. (The
    vertex bootstrap of Snijders & Borgatti 1999, who put random pairs in the place of those of a vertex with itself.)
    """
    networks, ends = np.unique(np.asarray(pairs), return_inverse=True)
    one, other = ends.reshape(-1, 2).T
    times = (_drawn(len(networks))[:, :, None] == np.arange(len(networks))).sum(axis=1)
    weights = times[:, one] * times[:, other]
    weights = weights[weights.any(axis=1)]
    return weights / weights.sum(axis=1, keepdims=True)


def _drawn(count: int) -> np.ndarray:
    """Seeds, or networks, drawn with replacement: every possible resample if there are few enough, else random ones."""
    if count**count <= RESAMPLES:
        return np.indices((count,) * count).reshape(count, -1).T
    return numpy_generator(SEED, "bootstrap over seeds").integers(count, size=(RESAMPLES, count))


def _one_per_seed(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"expected a list of numbers, at least one, found {values}")
    return _finite(values)


def _margins(values: np.ndarray) -> np.ndarray:
    """Margins as (S, A, K) float64: without alternatives A = 1, and a single inequality K = 1."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2, 3) or not values.size:
        raise ValueError(
            "expected margins, (seeds,), (seeds, inequalities) or (seeds, alternatives, inequalities), at least one, "
            f"found {values}"
        )
    return _finite(values if values.ndim == 3 else values.reshape(len(values), 1, -1))


def _finite(values: np.ndarray) -> np.ndarray:
    """Measures as they are. Raises InputError if one is no finite number, as a training leaves it that diverges."""
    if not np.isfinite(values).all():
        raise InputError(
            f"expected a finite number from every seed, found {np.squeeze(values).tolist()}: look for the run in the "
            "paper's tables under results, and if its training has diverged, lower its learning rate in the config"
        )
    return values
