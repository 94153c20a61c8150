"""What several seeds say together: mean and error, bootstrap interval, support of a claim, rank correlation."""

import itertools
import math

import numpy as np

from transferscope.errors import InputError
from transferscope.randomness import numpy_generator

# at most; five seeds or fewer are resampled, seven values or fewer are ordered, in every possible way
RESAMPLES = 10_000
SUPPORT_NEEDED = 0.9


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error of the mean, s / sqrt(S), over S seeds; one seed has no standard error: nan."""
    values = _one_per_seed(values)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return float(values.mean()), float(error)


def means_and_errors(values: np.ndarray) -> np.ndarray:
    """`mean_and_error` of each column, (2, columns). values: (seeds, columns)."""
    return np.transpose([mean_and_error(column) for column in np.asarray(values).T])


def bootstrap_interval(values: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over seeds (Efron 1979); one seed has none: (nan, nan).

    values: (S,) one per seed. For a paired comparison, hand over the differences, one per seed.
    With as few seeds as papers use, such an interval is too narrow: read it as the spread of the seeds at hand.
    """
    values = _one_per_seed(values)
    if len(values) == 1:
        return float("nan"), float("nan")
    low, high = np.quantile(_resampled_means(values, seed), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def support(margins: np.ndarray, seed: int = 0) -> float:
    """Share of bootstrap resamples over seeds in which every inequality of a claim is true of the mean, in [0, 1].

    margins: by how much an inequality is true in each seed, e.g. b - a for "a < b", so that seeds stay paired: (S,), or
    (S, K) for K inequalities joined by "and", one a column. A resample agrees if all K mean margins are above zero.
    One seed supports nothing: nan.
    """
    margins = _margins(margins)
    if len(margins) == 1:
        return float("nan")
    return float((_resampled_means(margins, seed) > 0).all(axis=1).mean())


def verdict(margins: np.ndarray, seed: int = 0) -> str:
    """What the seeds say of a claim, given its margins as in `support`.

    "holds": every mean margin is above zero, and so they are in at least 90 % of the resamples; "mean only": just the
    means are, or there is but one seed; "fails": not even the means are.
    """
    margins = _margins(margins)
    if not (margins.mean(axis=0) > 0).all():
        return "fails"
    return "holds" if support(margins, seed) >= SUPPORT_NEEDED else "mean only"


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, ties sharing their mean rank, in [-1, 1].

    Raises InputError if the lengths differ or are below 2, or if one of them is constant: it then has no ranks.
    """
    from scipy.stats import spearmanr

    x, y = _one_per_seed(x), _one_per_seed(y)
    if len(x) != len(y) or len(x) < 2:
        raise InputError(
            f"rank correlation: expected two equally long samples, at least 2, found {len(x)} and {len(y)}"
        )
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise InputError("rank correlation: all values of a sample are equal, so that their ranks say nothing")
    return float(spearmanr(x, y).statistic)


def rank_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """`rank_correlation` of many pairs of samples at once, along the last axis; with a constant sample it is 0.

    x, y: (..., L) finite numbers. Returns (...) float64.
    """
    return (_unit_ranks(x) * _unit_ranks(y)).sum(axis=-1)


def correlations_by_chance(x: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
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
        orders[1:] = numpy_generator(seed, "orders").permuted(orders[1:], axis=1)
    products = ranks_x.T @ ranks_y / len(ranks_x)
    return products[np.arange(things), orders].sum(axis=1)


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, ties sharing their mean rank, centred and of length 1; zeros where all are equal."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.divide(ranks, length, out=np.zeros_like(ranks), where=length > 0)


def _resampled_means(values: np.ndarray, seed: int) -> np.ndarray:
    """Means over resampled seeds (axis 0): of every possible resample if there are few enough, else of random ones."""
    seeds = len(values)
    if seeds**seeds <= RESAMPLES:
        drawn = np.indices((seeds,) * seeds).reshape(seeds, -1).T
    else:
        drawn = numpy_generator(seed, "bootstrap over seeds").integers(seeds, size=(RESAMPLES, seeds))
    return values[drawn].mean(axis=1)


def _one_per_seed(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise InputError(f"expected a list of finite numbers, at least one, found {values}")
    return values


def _margins(values: np.ndarray) -> np.ndarray:
    """Margins as (S, K) float64, a single inequality as K = 1."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2) or not values.size or not np.isfinite(values).all():
        raise InputError(f"expected finite margins, (seeds,) or (seeds, inequalities), at least one, found {values}")
    return values.reshape(len(values), -1)
