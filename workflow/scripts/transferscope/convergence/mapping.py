"""How well, and from how few, units of one network are predicted by those of another (Li et al. 2016, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError

DECAYS = (0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # of the paper's table 1
# directions in which units vary by less than a millionth of their common variation are roundings of float32
COLLINEAR = 1e-12
# of the duality gap, against a variance of 1; the passes are for layers of nearly collinear units
TOLERANCE = 1e-7
PASSES = 100_000


@dataclass(frozen=True, eq=False)
class SparseMapping:
    """A linear map from the units of one network to those of another, both standardised.

    decay: of the L1 penalty.
    weights: (targets, sources).
    loss: (targets,) half the mean squared error on samples that the map was not fitted to. Predicting a unit by its
        mean costs 0.5 where the unit does the same in both parts, and of equal parts never more than 2.
    """

    decay: float
    weights: np.ndarray
    loss: np.ndarray

    @property
    def nonzero(self) -> np.ndarray:
        """(targets,) by how many units each is predicted."""
        return np.count_nonzero(self.weights, axis=1)


def sparse_mappings(
    layer: LayerUnits, source: int, target: int, decays: Sequence[float] = DECAYS
) -> list[SparseMapping]:
    """Each unit of one network predicted from all units of another, at different prices of a weight.

    Fitted to the first part of the samples, validated on the second. Units have a mean of 0 in the first and a variance
    of 1 over both: were it 1 in the first alone, a single unit that rarely fires there could be nearly all of a layer's
    error. Those that do not vary in the first are left out on either side.

    minimised: mean over targets of E[(y - w x)^2] / 2 + decay * sum |w|, over all weights of the layer. With the mean
        over targets a decay kills all weights once it exceeds about 1 / targets, as at 1e-2 for the paper's 96 units.
    decays: 0 is least squares, of all solutions the smallest where units are collinear.

    The paper trains a 1x1 convolution by stochastic gradient descent for 4,500 steps; this is the same convex problem,
    solved to convergence by coordinate descent: without decay its errors are lower, and weights are exactly zero.
    Returns one map for each decay, in their order. Raises ValueError if the layer has not two parts, InputError if all
    units of a network are dead in the first.
    """
    if len(layer.parts) != 2:
        raise ValueError(f"expected units on two parts of the samples, one to validate on, found {len(layer.parts)}")
    fit, validation = layer.parts
    varies = fit.comoment.diagonal() > 0
    sources, targets = (
        layer.columns(network).start + np.flatnonzero(varies[layer.columns(network)]) for network in (source, target)
    )
    if not len(sources) or not len(targets):
        raise InputError(
            f"sparse mapping: {len(sources)} units to predict from and {len(targets)} to predict vary in the first "
            "half of the images, expected one at least of each: are all units of a network dead?"
        )
    used = np.concatenate([sources, targets])
    centre, deviation = fit.mean[used], layer.whole.deviation[used]
    _, covariance = _standardised(fit, used, centre, deviation)
    weights = _solutions(covariance, len(sources), decays)
    bias, covariance = _standardised(validation, used, centre, deviation)
    return [SparseMapping(decay, found, _loss(found, bias, covariance)) for decay, found in weights.items()]


def _standardised(
    moments: Moments, units: np.ndarray, centre: np.ndarray, deviation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means (d,) and covariance (d, d) of units, given the mean (d,) and the deviation (d,) that they are to be in."""
    covariance = moments.comoment[np.ix_(units, units)] / moments.count
    return (moments.mean[units] - centre) / deviation, covariance / deviation[:, None] / deviation


def _solutions(covariance: np.ndarray, sources: int, decays: Sequence[float]) -> dict[float, np.ndarray]:
    """Decay -> (targets, sources) weights, given the covariance of sources and, behind them, targets."""
    from scipy.linalg import pinvh
    from sklearn.linear_model import Lasso

    # samples as few as there are units, with the very same covariance: all that the solution depends on
    values, vectors = np.linalg.eigh(covariance)
    samples = np.sqrt(len(values) * values.clip(0))[:, None] * vectors.T
    x, y = samples[:, :sources], samples[:, sources:]
    lasso = Lasso(fit_intercept=False, precompute=True, warm_start=True, tol=TOLERANCE, max_iter=PASSES)
    found = {}
    # from the strongest, whose weights are few and soon found, each starting where the one before has ended
    for decay in sorted(decays, reverse=True):
        if decay:
            fitted = lasso.set_params(alpha=decay * y.shape[1]).fit(x, y).coef_
            found[decay] = fitted.reshape(y.shape[1], sources).copy()
        else:
            gram, cross = covariance[:sources, :sources], covariance[:sources, sources:]
            found[decay] = cross.T @ pinvh(gram, rtol=COLLINEAR)
    return {decay: found[decay] for decay in decays}


def _loss(weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(targets,) half the mean squared error of predictions, given means and covariance of sources and targets."""
    residual = np.hstack([-weights, np.eye(len(weights))])
    variance = np.vecdot(residual @ covariance, residual)
    return (variance + (residual @ mean) ** 2) / 2
