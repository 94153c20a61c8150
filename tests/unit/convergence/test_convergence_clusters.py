"""Clusters of units of two networks: groups that were put there are found, whatever the units' numbering."""

import numpy as np
import pytest

from transferscope.convergence.clusters import cluster
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError

# units of each network in each of four groups with a cause of their own; the last group is of the one network alone
GROUPS = [(3, 2), (2, 4), (1, 3), (4, 0)]
NOISE = [0.2, 0.5, 1.0, 0.3]


def units_in_groups(rng, samples=2000):
    """Both networks' activations, their units shuffled, and the groups of their units."""
    found, groups = [], []
    causes = rng.standard_normal((samples, len(GROUPS)))
    for network in (0, 1):
        group = rng.permutation(np.repeat(np.arange(len(GROUPS)), [sizes[network] for sizes in GROUPS]))
        found.append(causes[:, group] + np.array(NOISE)[group] * rng.standard_normal((samples, len(group))))
        groups.append(group)
    return found, groups


def layer_units(found):
    return LayerUnits(tuple(x.shape[1] for x in found), (Moments.of(np.hstack(found)),))


def test_groups_are_found_those_with_most_in_common_first(rng):
    found, groups = units_in_groups(rng)
    clusters = cluster(layer_units(found), 0, 1, 4)
    assert clusters.labels.tolist() == np.concatenate(groups).tolist()
    assert clusters.members.tolist() == [list(sizes) for sizes in GROUPS]
    assert clusters.network.tolist() == [0] * 10 + [1] * 9
    # noise beside a cause of variance 1 leaves a correlation of 1 / (1 + noise^2)
    assert clusters.between[:3] == pytest.approx([1 / (1 + noise**2) for noise in NOISE[:3]], abs=0.06)
    assert np.isnan(clusters.between[3])


def test_units_that_shun_each_other_are_in_different_clusters(rng):
    cause, other = rng.standard_normal((2, 2000, 1))
    # four units of each network go with a cause, four go against it, four have another one
    found = [np.hstack([cause, -cause, other]).repeat(4, axis=1) + rng.standard_normal((2000, 12)) for _ in range(2)]
    clusters = cluster(layer_units(found), 0, 1, 3)
    together = clusters.labels[:, None] == clusters.labels
    groups = np.tile(np.repeat([0, 1, 2], 4), 2)
    assert (together == (groups[:, None] == groups)).all()


def test_contrast_is_the_mean_correlation_of_pairs_in_and_across_clusters(rng):
    found, groups = units_in_groups(rng)
    clusters = cluster(layer_units(found), 0, 1, 4)
    pairs = {True: [], False: []}
    for i, one in enumerate(groups[0]):
        for j, other in enumerate(groups[1]):
            pairs[one == other].append(np.corrcoef(found[0][:, i], found[1][:, j])[0, 1])
    inside, outside = clusters.contrast()
    assert inside == pytest.approx(np.mean(pairs[True]), abs=1e-12)
    assert outside == pytest.approx(np.mean(pairs[False]), abs=1e-12)
    assert inside > 0.6 > 0.1 > abs(outside)


def test_the_numbering_of_units_does_not_matter(rng):
    found, _ = units_in_groups(rng)
    orders = [rng.permutation(x.shape[1]) for x in found]
    straight = cluster(layer_units(found), 0, 1, 4)
    mixed = cluster(layer_units([x[:, order] for x, order in zip(found, orders, strict=True)]), 0, 1, 4)
    assert mixed.labels.tolist() == straight.labels[np.concatenate([orders[0], 10 + orders[1]])].tolist()


def test_the_same_units_give_the_same_clusters(rng):
    layer = layer_units([rng.standard_normal((300, 20)), rng.standard_normal((300, 20))])
    one, other = (cluster(layer, 0, 1, 5) for _ in range(2))
    assert (one.labels == other.labels).all()


def test_dead_units_are_in_no_cluster(rng):
    found, groups = units_in_groups(rng)
    found[0][:, 4] = 1
    clusters = cluster(layer_units(found), 0, 1, 4)
    expected = np.concatenate([np.delete(groups[0], 4), groups[1]])
    assert len(clusters.labels) == len(clusters.correlation) == 18
    together = clusters.labels[:, None] == clusters.labels
    assert (together == (expected[:, None] == expected)).all()


@pytest.mark.parametrize("count", [1, 19, 100])
def test_a_number_of_clusters_that_makes_no_sense_is_refused(rng, count):
    found, _ = units_in_groups(rng)
    with pytest.raises(InputError, match=f"at least 2, and fewer than the 19 units .* found {count}"):
        cluster(layer_units(found), 0, 1, count)
