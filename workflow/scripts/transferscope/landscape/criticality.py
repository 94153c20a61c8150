"""How critical a module is: how wide the valley of low error is along its way from its initial to its final value.

Chatterji, Neyshabur & Sedghi 2020, "The intriguing role of module criticality in the generalization of deep networks",
whose measure Neyshabur et al. 2020 take over. What it is computed from, `valley.Valley`, needs torch; this does not.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# this workflow's choice: a perturbed network passes if its training error is higher than the final one's by no more
TOLERANCE = 0.01


@dataclass(frozen=True)
class Criticality:
    """How critical a module is.

    mu: the measure; 0 if some noise can be borne at the module's initial value, infinite if none at any point.
    width: the largest noise that can be borne at the final value, 0 if none: where mu is 0 for many modules, this still
        tells them apart.
    """

    mu: float
    width: float


def in_valley(error: "np.ndarray | pd.Series", epsilon: "float | pd.Series") -> "np.ndarray | pd.Series":
    """Which points around a module's path are in its valley: training error is epsilon or less.

    Both are fractions of so many images, and are often equal: their rounding, far below one image, does not count.
    """
    return error <= epsilon + 1e-9


def criticality(
    alphas: np.ndarray, distances: np.ndarray, sigmas: np.ndarray, errors: np.ndarray, epsilon: float
) -> Criticality:
    """The criticality of a module from its errors on a grid.

    mu(epsilon) = min over alpha and sigma of ||theta(alpha) - theta_0||_F^2 / sigma^2 where E_u[error] <= epsilon, the
    module's parameters being theta(alpha) + u with u ~ N(0, sigma^2 I) and all others final. On the straight way,
    theta(alpha) = (1 - alpha) theta_0 + alpha theta_F, the numerator is alpha^2 ||theta_F - theta_0||_F^2. The
    criticality of a network is the sum over its modules.

    alphas: (A,) positions from 0, the initial value, to 1, the final one, ascending. distances: (A,) of these points
    from the initial value. sigmas: (S,) >= 0; what is seen without noise, at 0, does not count.
    errors: (A, S) mean training errors over draws of the noise, fractions.
    epsilon: the final network's training error and a tolerance, such as TOLERANCE.
    Raises ValueError if the shapes do not fit, there is no noise, or the last alpha is not 1.
    """
    alphas, distances, sigmas, errors = (np.asarray(each, float) for each in (alphas, distances, sigmas, errors))
    if errors.shape != (len(alphas), len(sigmas)) or distances.shape != alphas.shape:
        raise ValueError(
            f"errors are {errors.shape}, distances {distances.shape}, expected those of {len(alphas)} alphas "
            f"and {len(sigmas)} sigmas"
        )
    noisy = sigmas > 0
    if not noisy.any() or alphas[-1] != 1:
        raise ValueError(f"expected noise and an alpha of 1 at the end, found sigmas {sigmas} and alphas {alphas}")
    sigmas, passes = sigmas[noisy], in_valley(errors[:, noisy], epsilon)
    values = (distances[:, None] / sigmas) ** 2
    mu, width = values[passes].min(initial=math.inf), sigmas[passes[-1]].max(initial=0)
    return Criticality(float(mu), float(width))
