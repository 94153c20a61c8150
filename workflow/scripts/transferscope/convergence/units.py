"""A layer's units in several networks: how they vary, alone and together, in memory and in files of kind "units".

A file holds for each layer, under `arrays/{number}` in the order of `layers`, with K networks of together U units and
the samples in P parts:

- `sizes` (K,) int64: units of the layer in each network; `positions` () int64: of each in an image;
- `counts` (P,) int64: samples in each part;
- `means` (P, U) float64: of the units of all networks, one network after the other;
- `comoments` (P, U, U) float64: sums over samples of the products of their deviations from these means.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path

import numpy as np

from transferscope.convergence import files
from transferscope.convergence.moments import Moments


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """A layer's units in K networks that were shown the same images.

    A unit that never varies (sigma = 0, a dead ReLU) has no correlation: units that do are called live, and all that
    is returned about correlations is about the live units of a network, in their order.

    sizes: units in each network.
    parts: moments of the units of all networks, one network after the other, on disjoint parts of the samples: at least
        one; two where what is fitted to one of them is to be validated on the other.
    positions: how many positions a unit has in an image, whether they are samples each or were summed up; one if dense.
    """

    sizes: tuple[int, ...]
    parts: tuple[Moments, ...]
    positions: int = 1

    @cached_property
    def whole(self) -> Moments:
        """Moments over all parts."""
        return reduce(Moments.joined, self.parts)

    def columns(self, network: int) -> slice:
        """Where a network's units are among those of all networks."""
        start = sum(self.sizes[:network])
        return slice(start, start + self.sizes[network])

    def deviation(self, network: int) -> np.ndarray:
        """(u,) standard deviations sigma of all units of a network; zero for dead ones."""
        return self.whole.deviation[self.columns(network)]

    def live(self, network: int) -> np.ndarray:
        """(u,) bool, which units of a network vary at all."""
        return self.deviation(network) > 0

    def correlation(self, one: int, other: int) -> np.ndarray:
        """Correlation c_ij = E[(X_i - mu_i)(X_j - mu_j)] / (sigma_i sigma_j) (Li et al. 2016, section 2).

        one, other: two networks, between-net correlation; or twice the same, within-net correlation.
        Returns (live units of one, live units of other) float64, signed, in [-1, 1].
        """
        rows, columns = (self.columns(network).start + np.flatnonzero(self.live(network)) for network in (one, other))
        deviation = self.whole.deviation
        covariance = self.whole.comoment[np.ix_(rows, columns)] / self.whole.count
        return np.clip(covariance / deviation[rows, None] / deviation[columns], -1, 1)

    def joint_correlation(self, one: int, other: int) -> np.ndarray:
        """Within-net and between-net correlation of two networks as one symmetric matrix, one's live units first."""
        return np.block([[self.correlation(a, b) for b in (one, other)] for a in (one, other)])

    def natural_order(self, one: int, other: int) -> np.ndarray:
        """Correlation of each unit with the unit of the same number in another network, where both are live.

        Networks of different initialisation number their units at random: nothing is expected here, and what is found
        is what a matching is to be compared with.
        """
        rows, columns = (np.flatnonzero(self.live(network)) for network in (one, other))
        _, first, second = np.intersect1d(rows, columns, assume_unique=True, return_indices=True)
        return self.correlation(one, other)[first, second]


def write(path: str | Path, layers: Mapping[str, LayerUnits], facts: Mapping) -> None:
    """A units file; it appears whole or not at all."""
    arrays = {
        name: {
            "sizes": np.array(layer.sizes, np.int64),
            "positions": np.int64(layer.positions),
            "counts": np.array([part.count for part in layer.parts], np.int64),
            "means": np.stack([part.mean for part in layer.parts]),
            "comoments": np.stack([part.comoment for part in layer.parts]),
        }
        for name, layer in layers.items()
    }
    files.write(path, "units", arrays, facts)


def read(path: str | Path, layers: Sequence[str] | None = None) -> tuple[dict[str, LayerUnits], dict]:
    """The layers in a file by name, in their order, and the file's facts.

    layers: names of those to read, in the order wanted; by default all. Only theirs is loaded.
    Raises InputError if the file is missing, truncated, damaged or something else, or has no layer of that name.
    """
    found, facts = files.read(path, "units", ("sizes", "positions", "counts", "means", "comoments"), layers)
    return {
        name: LayerUnits(
            tuple(arrays["sizes"].tolist()),
            tuple(map(Moments, arrays["counts"].tolist(), arrays["means"], arrays["comoments"])),
            int(arrays["positions"]),
        )
        for name, arrays in found.items()
    }, facts


def one_by_one(path: str | Path) -> Iterator[tuple[str, LayerUnits]]:
    """The layers in a file, of which those of a large network are not to be in memory together. Raises as `read`."""
    for name in files.names(path, "units"):
        found, _ = read(path, [name])
        yield name, found[name]
