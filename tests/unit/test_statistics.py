"""Statistics over seeds against SciPy, exact enumeration and the rule for verdicts."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from transferscope.errors import InputError
from transferscope.statistics import (
    bootstrap_interval,
    correlations_by_chance,
    mean_and_error,
    rank_correlation,
    rank_correlations,
    support,
    verdict,
)


def every_resampled_mean(values):
    return np.array([np.mean(drawn, axis=0) for drawn in itertools.product(values, repeat=len(values))])


def test_mean_and_standard_error(rng):
    values = rng.standard_normal(7)
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(values.mean())
    assert error == pytest.approx(scipy.stats.sem(values))


def test_one_seed_has_a_mean_but_no_error_interval_or_support():
    assert mean_and_error([0.3])[0] == 0.3
    assert np.isnan([mean_and_error([0.3])[1], *bootstrap_interval([0.3]), support([0.3])]).all()


def test_the_bootstrap_interval_is_that_of_all_resamples():
    values = [0.12, 0.5, 0.61, 0.87, 1.43]
    expected = np.quantile(every_resampled_mean(values), [0.05, 0.95])
    assert bootstrap_interval(values, level=0.9) == pytest.approx(expected)


def test_the_bootstrap_interval_agrees_with_scipys(rng):
    values = rng.standard_normal(30)
    expected = scipy.stats.bootstrap((values,), np.mean, method="percentile", rng=rng).confidence_interval
    assert bootstrap_interval(values) == pytest.approx([expected.low, expected.high], abs=0.02)


def test_support_is_the_share_of_resamples_with_a_mean_above_zero():
    margins = [0.5, 0.1, -0.3]
    assert support(margins) == (every_resampled_mean(margins) > 0).mean()
    assert support([0.1, 0.2, 0.3]) == 1
    assert support([-0.1, -0.2]) == 0


def test_more_seeds_than_can_be_enumerated_are_resampled_at_random(rng):
    margins = rng.standard_normal(6) + 0.4
    assert support(margins) == pytest.approx((every_resampled_mean(margins) > 0).mean(), abs=0.02)


def test_inequalities_are_supported_together(rng):
    margins = rng.standard_normal((4, 3)) + 0.5
    together = (every_resampled_mean(margins) > 0).all(axis=1).mean()
    assert support(margins) == together < min(support(one) for one in margins.T)
    assert support(margins[:, :1]) == support(margins[:, 0])


def test_support_does_not_count_an_equality():
    assert support([0.0, 0.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("margins", "expected"),
    [
        ([0.1, 0.2, 0.3], "holds"),
        # one seed in five against: 1 - (share of resamples in which it outweighs the others) is just above 0.9
        ([1, 1, 1, 1, -1.4], "holds"),
        # one seed in three against: the mean is above zero in 20 of 27 resamples
        ([0.5, 0.1, -0.3], "mean only"),
        ([0.4], "mean only"),
        ([-0.4], "fails"),
        ([0.1, 0.2, -0.9], "fails"),
        ([0.0, 0.0], "fails"),
    ],
)
def test_verdicts(margins, expected):
    assert verdict(margins) == expected


def test_one_false_inequality_makes_a_claim_fail():
    assert verdict([[0.5, 0.1], [0.6, -0.2]]) == "fails"
    assert verdict([[0.5, 0.1], [0.6, -0.05]]) == "mean only"
    assert verdict([[0.5, 0.1], [0.6, 0.05]]) == "holds"
    assert verdict([[0.5, 0.1]]) == "mean only" and np.isnan(support([[0.5, 0.1]]))


def test_a_claim_may_be_weaker_than_its_weakest_inequality():
    # each inequality is true in 95 % of the resamples, but both together in less than 90 %
    margins = np.array([[-0.9, 2], [2, -0.9], [1, 1], [1, 1]])
    assert [verdict(one) for one in margins.T] == ["holds", "holds"]
    assert verdict(margins) == "mean only"


def test_the_same_seeds_give_the_same_answer():
    values = [0.3, 0.1, -0.2, 0.5, -0.1, 0.2]
    assert support(values) == support(values)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_of_alternatives_one_must_be_true_but_not_always_the_same_one():
    first, second = [[0.4, 0.1], [0.4, 0.1], [-0.1, 0.1]], [[-0.2, 0.1], [0.1, 0.1], [0.4, 0.1]]
    both = np.stack([first, second], axis=1)  # (seeds, alternatives, inequalities)
    means = every_resampled_mean(both)
    either = (means > 0).all(axis=2).any(axis=1).mean()
    assert support(both) == either > max(support(first), support(second))
    assert verdict(both) == "holds" and verdict(second) == "mean only"
    # each alternative has one inequality that is false: no other's makes up for it
    crossed = np.stack([[[1, -1]] * 3, [[-1, 1]] * 3], axis=1)
    assert verdict(crossed) == "fails" and support(crossed) == 0


NETWORKS = {3: 24, 4: 252, 5: 3120}  # resamples of so many networks that have a pair


def every_mean_over_pairs(values: dict[tuple[int, int], float], networks: int) -> list[float]:
    """The mean over the pairs of two different networks in every resample of networks that has any."""
    found = []
    for drawn in itertools.product(range(networks), repeat=networks):
        pairs = [tuple(sorted(pair)) for pair in itertools.combinations(drawn, 2) if pair[0] != pair[1]]
        if pairs:
            found.append(np.mean([values[pair] for pair in pairs]))
    return found


@pytest.mark.parametrize("networks", [3, 4, 5])
def test_of_pairs_the_networks_are_resampled(rng, networks):
    pairs = list(itertools.combinations(range(networks), 2))
    values = rng.standard_normal(len(pairs)) + 0.3
    expected = every_mean_over_pairs(dict(zip(pairs, values, strict=True)), networks)
    assert len(expected) == NETWORKS[networks]
    named = [(10 * one, 10 * other) for one, other in pairs]  # seeds are names, not numbers from 0
    assert support(values, pairs=named) == pytest.approx((np.array(expected) > 0).mean(), abs=1e-12)
    assert bootstrap_interval(values, pairs=named) == pytest.approx(np.quantile(expected, [0.025, 0.975]))


def test_of_three_networks_a_claim_that_holds_is_true_in_each_pair():
    pairs = [(0, 1), (0, 2), (1, 2)]
    # were the pairs independent, the odd one would be outweighed in all resamples but the one that it fills
    margins = [0.5, 0.5, -0.05]
    assert (verdict(margins), support(margins)) == ("holds", 26 / 27)
    assert (verdict(margins, pairs), support(margins, pairs)) == ("mean only", 0.75)
    assert verdict([0.5, 0.5, 0.05], pairs) == "holds"
    assert bootstrap_interval(margins, pairs=pairs) == pytest.approx((-0.05, 0.5))


def test_networks_that_are_alike_in_all_their_pairs_are_seen_as_few(rng):
    # what a network has of its own is in all its pairs: resampled as if independent, these seem to know more
    own = rng.standard_normal((200, 4))
    pairs = list(itertools.combinations(range(4), 2))
    values = [[one[a] + one[b] for a, b in pairs] for one in own]
    by_network, by_pair = (
        np.mean([low <= 0 <= high for low, high in intervals])
        for intervals in (
            [bootstrap_interval(each, pairs=pairs) for each in values],
            [bootstrap_interval(each) for each in values],
        )
    )
    assert by_pair < 0.6 < 0.7 < by_network < 0.95


def test_a_missing_pair_is_in_no_resample_and_one_pair_supports_nothing():
    assert support([0.5, -0.1], pairs=[(0, 1), (1, 2)]) == pytest.approx(1 - 6 / 18)
    assert np.isnan(support([0.5], pairs=[(0, 1)])) and verdict([0.5], [(0, 1)]) == "mean only"
    assert np.isnan(bootstrap_interval([0.5], pairs=[(0, 1)])).all()


def test_more_networks_than_can_be_enumerated_are_resampled_at_random(rng):
    pairs = list(itertools.combinations(range(6), 2))
    values = rng.standard_normal(len(pairs)) + 0.3
    expected = every_mean_over_pairs(dict(zip(pairs, values, strict=True)), 6)
    assert support(values, pairs) == pytest.approx((np.array(expected) > 0).mean(), abs=0.02)


def test_rank_correlation_is_spearmans(rng):
    x = rng.integers(0, 5, 20)
    y = x + rng.standard_normal(20)
    assert rank_correlation(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert rank_correlation(x, y) == pytest.approx(np.corrcoef(scipy.stats.rankdata(x), scipy.stats.rankdata(y))[0, 1])
    assert rank_correlation([1, 2, 3], [9.0, 5.0, 1.0]) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2, 3], [1, 2], "found 3 and 2"),
        ([1], [2], "found 1 and 1"),
        ([1, 2, 3], [4, 4, 4], "all values of a sample are equal"),
    ],
)
def test_samples_without_a_rank_correlation_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        rank_correlation(x, y)


@pytest.mark.parametrize("function", [mean_and_error, bootstrap_interval])
@pytest.mark.parametrize("values", [[], [[0.1, 0.2]]])
def test_values_that_are_not_a_list_of_numbers_are_a_mistake_of_the_programs(function, values):
    with pytest.raises(ValueError, match="expected a list of numbers") as raised:
        function(values)
    assert not isinstance(raised.value, InputError)


@pytest.mark.parametrize("function", [support, verdict])
@pytest.mark.parametrize("margins", [[], [[[[0.1]]]], 0.1])
def test_margins_of_another_shape_are_a_mistake_of_the_programs(function, margins):
    with pytest.raises(ValueError, match=r"margins, \(seeds,\), \(seeds, inequalities\) or \(seeds, alt") as raised:
        function(margins)
    assert not isinstance(raised.value, InputError)


@pytest.mark.parametrize("function", [mean_and_error, bootstrap_interval, support, verdict])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_where_a_seed_has_no_number_the_user_is_told_what_to_do(function, value):
    with pytest.raises(InputError, match=r"found \[0.1, (nan|inf)\].*diverged, lower its learning rate"):
        function([0.1, value])


def test_many_rank_correlations_are_those_of_each_pair(rng):
    x, y = rng.integers(0, 4, (2, 3, 5, 9))  # with ties
    expected = [rank_correlation(one, other) for one, other in zip(x.reshape(-1, 9), y.reshape(-1, 9), strict=True)]
    np.testing.assert_allclose(rank_correlations(x, y), np.reshape(expected, (3, 5)))


def test_a_constant_has_no_rank_correlation_with_anything(rng):
    x = rng.standard_normal((2, 6))
    y = np.stack([np.full(6, 0.1), 2 * x[1]])
    np.testing.assert_allclose(rank_correlations(x, y), [0, 1])


def test_correlations_by_chance_are_those_of_every_order(rng):
    x, y = rng.integers(0, 4, (2, 3, 5))
    expected = [
        np.mean([scipy.stats.spearmanr(one, other[list(order)]).statistic for one, other in zip(x, y, strict=True)])
        for order in itertools.permutations(range(5))
    ]
    found = correlations_by_chance(x, y)
    assert found[0] == pytest.approx(expected[0]) and len(found) == math.factorial(5)
    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-12)


def test_more_orders_than_can_be_tried_are_drawn_at_random(rng):
    x, y = rng.standard_normal((2, 12))
    found = correlations_by_chance(x, y)
    assert found[0] == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    # the variance of Spearman's correlation by chance is 1 / (L - 1)
    assert found.mean() == pytest.approx(0, abs=0.015) and found.var() == pytest.approx(1 / 11, rel=0.05)
    np.testing.assert_array_equal(found, correlations_by_chance(x, y))
