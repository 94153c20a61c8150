"""Means and co-moments of samples that are never all there at once."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    Array = np.ndarray | torch.Tensor


@dataclass(frozen=True, eq=False)
class Moments:
    """What a set of samples of U variables leaves behind: its size does not depend on theirs.

    Those of a set are made of those of its parts (Chan, Golub & LeVeque 1983), each centred around its own mean: a mean
    that is large against the deviation costs no digits of its square, and a variable that never varies has a variance
    of exactly zero. Arrays of NumPy or tensors of torch, on any device, are added up where they are.

    count: number of samples.
    mean: (U,) float64.
    comoment: (U, U) float64, sum over samples of (x - mean) (x - mean)^T.
    """

    count: int
    mean: "Array"
    comoment: "Array"

    @classmethod
    def of(cls, samples: "Array") -> "Moments":
        """Moments of samples (n, U), float64, n >= 1."""
        # the mean of equal numbers is not always that number; the mean of their differences is zero
        offsets = samples - samples[0]
        shift = offsets.mean(0)
        centred = offsets - shift
        return cls(len(samples), samples[0] + shift, centred.T @ centred)

    def joined(self, other: "Moments") -> "Moments":
        """Moments of the samples of both."""
        count = self.count + other.count
        shift = other.mean - self.mean
        comoment = self.comoment + other.comoment
        comoment += shift[:, None] * (shift * (self.count * other.count / count))
        return Moments(count, self.mean + shift * (other.count / count), comoment)

    @property
    def deviation(self) -> "Array":
        """(U,) standard deviations over these samples: of the sum of squares divided by their number."""
        return (self.comoment.diagonal() / self.count) ** 0.5
