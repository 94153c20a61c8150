"""Which unit of one network corresponds to which of another, one to one or many to one (Li et al. 2016, section 3)."""

import numpy as np

from transferscope.errors import InputError


def semi_match(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each unit's best partner in the other network; several units may have the same one.

    correlation: (u, v) between-net, signed; see `LayerUnits.correlation`.
    Returns each unit's partner, (u,) int64, the first of those that are equally good, and its correlation, (u,).
    Not symmetric: of the transposed matrix it is the other network's view.
    Raises InputError if a network has no units, or if a correlation is not finite.
    """
    correlation = _checked(correlation)
    partner = correlation.argmax(axis=1)
    return partner, correlation[np.arange(len(correlation)), partner]


def match(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The assignment of units to different partners that has the largest sum of correlations.

    correlation: as for `semi_match`. Where one network has more units than the other, as many are left over.
    Returns each unit's partner, (u,) int64, -1 for one that is left over, and its correlation, (u,), NaN for such.
    No unit's correlation is above the one that it has in the semi-match: compare means over the units that have both.
    Raises InputError as `semi_match` does.
    """
    from scipy.optimize import linear_sum_assignment

    correlation = _checked(correlation)
    partner, values = np.full(len(correlation), -1), np.full(len(correlation), np.nan)
    rows, columns = linear_sum_assignment(correlation, maximize=True)
    partner[rows], values[rows] = columns, correlation[rows, columns]
    return partner, values


def _checked(correlation: np.ndarray) -> np.ndarray:
    correlation = np.asarray(correlation, np.float64)
    if correlation.ndim != 2 or not correlation.size:
        raise InputError(
            f"matching: expected a correlation between units of two networks, found the shape {correlation.shape}: "
            "are all units of a network dead?"
        )
    if not np.isfinite(correlation).all():
        raise InputError(
            f"matching: {np.count_nonzero(~np.isfinite(correlation))} correlations are not finite: leave dead units out"
        )
    return correlation
