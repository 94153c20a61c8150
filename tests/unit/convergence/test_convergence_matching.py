"""Semi-matching and matching: by hand, against brute force, and what holds between the two whatever the matrix."""

from itertools import permutations

import numpy as np
import pytest

from transferscope.convergence.matching import match, semi_match
from transferscope.errors import InputError

# ten units of Net1, their best partners in Net2, counted from 1, and the correlations with them
PARTNERS = [5, 2, 6, 1, 8, 4, 2, 9, 6, 7]
VALUES = [0.9, 0.82, 0.7, 0.8, 1, 0.95, 0.82, 0.7, 0.97, 0.78]


def toy(rng):
    """A matrix of which the table of ten units is the semi-match: what else there is, is lower."""
    correlation = np.array(VALUES)[:, None] - 0.05 - rng.random((10, 10)) / 2
    correlation[np.arange(10), np.array(PARTNERS) - 1] = VALUES
    return correlation


def test_ten_units_semi_matched(rng):
    partner, values = semi_match(toy(rng))
    assert (partner + 1).tolist() == PARTNERS
    assert values.tolist() == VALUES
    assert values.mean() == pytest.approx(0.844)
    used = np.bincount(partner + 1, minlength=11)[1:]
    assert np.flatnonzero(used > 1).tolist() == [1, 5]  # units 2 and 6, twice
    assert np.flatnonzero(used == 0).tolist() == [2, 9]  # units 3 and 10, never


def test_ten_units_matched(rng):
    partner, values = match(toy(rng))
    assert sorted(partner.tolist()) == list(range(10))
    # two units have to give up the partner that they share with another
    assert 0.6 < values.mean() < 0.844
    assert (values <= VALUES).all() and np.count_nonzero(values < VALUES) >= 2


def test_matching_is_the_best_of_all_assignments(rng):
    for _ in range(20):
        correlation = rng.uniform(-1, 1, (5, 5))
        best = max(permutations(range(5)), key=lambda order: sum(correlation[range(5), order]))
        partner, values = match(correlation)
        assert tuple(partner.tolist()) == best
        assert values.sum() == pytest.approx(sum(correlation[range(5), best]), abs=1e-14)


def test_the_best_is_not_what_taking_the_highest_first_gives():
    correlation = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert match(correlation)[0].tolist() == [1, 0]
    assert semi_match(correlation)[0].tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(1, 1), (6, 6), (40, 40), (3, 7), (7, 3)])
def test_no_unit_is_matched_better_than_semi_matched(rng, shape):
    for _ in range(20):
        correlation = rng.uniform(-1, 1, shape)
        semi, (partner, values) = semi_match(correlation)[1], match(correlation)
        matched = partner >= 0
        assert np.count_nonzero(matched) == min(shape)
        assert len(set(partner[matched].tolist())) == min(shape)
        assert (semi[matched] >= values[matched]).all()
        assert semi[matched].mean() >= values[matched].mean()
        assert np.isnan(values[~matched]).all()
        assert (correlation[matched, partner[matched]] == values[matched]).all()


def test_a_permuted_network_is_found_again(rng):
    x = rng.standard_normal((500, 12))
    order = rng.permutation(12)
    correlation = np.corrcoef(x.T, x[:, order].T)[:12, 12:]
    for found in (semi_match, match):
        partner, values = found(correlation)
        assert (order[partner] == np.arange(12)).all()
        assert values == pytest.approx(np.ones(12), abs=1e-12)


def test_the_numbering_of_units_does_not_matter(rng):
    correlation = rng.uniform(-1, 1, (8, 8))
    rows, columns = rng.permutation(8), rng.permutation(8)
    for found in (semi_match, match):
        values = found(correlation)[1]
        assert found(correlation[np.ix_(rows, columns)])[1] == pytest.approx(values[rows], abs=0)


def test_correlation_is_signed():
    correlation = np.array([[-0.99, 0.2], [0.1, -0.9]])
    assert semi_match(correlation)[0].tolist() == [1, 0]
    assert match(correlation)[0].tolist() == [1, 0]


@pytest.mark.parametrize("found", [semi_match, match])
def test_networks_without_live_units_and_undefined_correlations_are_refused(found):
    with pytest.raises(InputError, match=r"shape \(0, 4\): are all units of a network dead"):
        found(np.empty((0, 4)))
    with pytest.raises(InputError, match="1 correlations are not finite: leave dead units out"):
        found(np.array([[0.1, np.nan]]))
