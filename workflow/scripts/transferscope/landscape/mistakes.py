"""Whether two networks make the same mistakes (Neyshabur et al. 2020, common and uncommon mistakes)."""

import math

import numpy as np


def shared_mistakes(one: np.ndarray, other: np.ndarray, labels: np.ndarray) -> dict[str, int | float]:
    """What two networks have in common in what they get wrong.

    one, other, labels: int (n,), the classes that each network predicts for n examples, and the right ones; n >= 1.
    Returns
        both_right, one_wrong, other_wrong, both_wrong: how many examples are right in both networks, wrong in the first
            alone, in the second alone (together the paper's uncommon mistakes) and in both (its common ones).
        alike_wrong: how many of the last are given the same wrong label.
        jaccard: common mistakes as a fraction of all that either network makes; NaN if there are none. It grows with
            the rate of mistakes even if they are independent.
        kappa: how much more often the two are right or wrong together than networks with their accuracies whose
            mistakes are independent, as a fraction of the most that is possible (Cohen 1960): 1 if they always are, 0
            if mistakes are independent, below 0 if they avoid each other. NaN if both are right, or wrong, throughout.
    Raises ValueError if the lengths differ or are 0.
    """
    if not one.shape == other.shape == labels.shape or labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"predictions are {one.shape} and {other.shape}, labels {labels.shape}: expected one each an example"
        )
    first, second = one != labels, other != labels
    both, either = np.count_nonzero(first & second), np.count_nonzero(first | second)
    return {
        "both_right": len(labels) - either,
        "one_wrong": np.count_nonzero(first & ~second),
        "other_wrong": np.count_nonzero(second & ~first),
        "both_wrong": both,
        "alike_wrong": np.count_nonzero(first & (one == other)),
        "jaccard": both / either if either else math.nan,
        "kappa": _kappa(first, second),
    }


def _kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Cohen's kappa of two truth values an example."""
    p, q = first.mean(), second.mean()
    by_chance = p * q + (1 - p) * (1 - q)
    return float((np.mean(first == second) - by_chance) / (1 - by_chance)) if by_chance < 1 else math.nan
