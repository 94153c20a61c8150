"""Groups of units of two networks that vary together, many to many (Li et al. 2016, section 5)."""

import warnings
from dataclasses import dataclass

import numpy as np

from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError
from transferscope.randomness import seed_for

SEED = 0


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of the live units of two networks, those first that have most in common across the networks.

    labels: (u + v,) int64, cluster of each unit, those of the one network first; 0 is the cluster with the highest mean
        between-net correlation, and clusters of units of one network alone come last.
    network: (u + v,) int64, 0 or 1: of which network the unit is.
    correlation: (u + v, u + v), within and between the networks.
    """

    labels: np.ndarray
    network: np.ndarray
    correlation: np.ndarray

    @property
    def members(self) -> np.ndarray:
        """(clusters, 2) int64, how many units of each network a cluster has."""
        counts = np.zeros((self.labels.max() + 1, 2), np.int64)
        np.add.at(counts, (self.labels, self.network), 1)
        return counts

    @property
    def between(self) -> np.ndarray:
        """(clusters,) mean between-net correlation within each cluster; NaN for a cluster of one network alone."""
        return _between(self.labels, self.network, self.correlation)

    def contrast(self) -> tuple[float, float]:
        """Mean between-net correlation of pairs of units in the same cluster, and of pairs in different ones.

        NaN where there is no such pair.
        """
        one, other = self.network == 0, self.network == 1
        same = self.labels[one, None] == self.labels[other]
        correlation = self.correlation[np.ix_(one, other)]
        return tuple(float(correlation[chosen].mean()) if chosen.any() else np.nan for chosen in (same, ~same))


def cluster(layer: LayerUnits, one: int, other: int, clusters: int) -> Clusters:
    """Spectral clustering of the units of two networks by their correlation, within and between the networks.

    Affinity is the correlation where it is positive, else zero: units that shun each other have as little to do with
    each other as those that ignore each other.
    clusters: how many, at least 2.
    Raises InputError if there are not more live units than clusters.
    """
    from sklearn.cluster import SpectralClustering

    correlation = layer.joint_correlation(one, other)
    if not 2 <= clusters < len(correlation):
        raise InputError(
            f"clusters: expected at least 2, and fewer than the {len(correlation)} units that live in the two "
            f"networks, found {clusters}"
        )
    network = np.repeat([0, 1], [np.count_nonzero(layer.live(number)) for number in (one, other)])
    # of the k-means that ends the clustering
    state = seed_for(SEED, "spectral clustering") % 2**32
    with warnings.catch_warnings():
        # units without any positive correlation are clusters of their own, and none the worse for it
        warnings.filterwarnings("ignore", "Graph is not fully connected")
        found = SpectralClustering(clusters, affinity="precomputed", random_state=state).fit_predict(
            correlation.clip(0)
        )
    # k-means may leave a cluster empty, where units are the same; the rest is numbered without it
    _, labels = np.unique(found, return_inverse=True)
    best = np.argsort(-np.nan_to_num(_between(labels, network, correlation), nan=-np.inf), kind="stable")
    return Clusters(np.argsort(best)[labels], network, correlation)


def _between(labels: np.ndarray, network: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    values = np.full(labels.max() + 1, np.nan)
    for label in range(len(values)):
        members = labels == label
        block = correlation[np.ix_(members & (network == 0), members & (network == 1))]
        if block.size:
            values[label] = block.mean()
    return values
