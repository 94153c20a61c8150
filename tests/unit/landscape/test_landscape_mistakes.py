"""Mistakes that two networks share: counts by hand, and agreement beyond chance as scikit-learn measures it."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from transferscope.landscape.mistakes import shared_mistakes


def test_mistakes_are_counted_as_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    one = np.array([0, 0, 1, 1, 1, 2, 2, 0, 2, 0])
    other = np.array([0, 1, 1, 2, 1, 2, 1, 1, 2, 0])
    found = shared_mistakes(one, other, labels)
    assert {key: found[key] for key in found if key != "kappa"} == {
        "both_right": 3,
        "one_wrong": 2,
        "other_wrong": 1,
        "both_wrong": 4,
        "alike_wrong": 3,
        "jaccard": 4 / 7,
    }
    # 3 of 10 are right in both, and 4 wrong: 0.7 less (0.4 x 0.5 + 0.6 x 0.5) by chance
    assert found["kappa"] == pytest.approx((0.7 - 0.5) / (1 - 0.5))


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_kappa_is_scikit_learns_of_being_right(overlap, rng):
    labels = rng.integers(0, 5, 400)
    one, other = labels.copy(), labels.copy()
    one[:120] = (labels[:120] + 1) % 5
    start = round(120 * (1 - overlap))
    other[start : start + 90] = (labels[start : start + 90] + rng.integers(1, 5, 90)) % 5
    expected = cohen_kappa_score(one == labels, other == labels)
    assert shared_mistakes(one, other, labels)["kappa"] == pytest.approx(expected, abs=1e-12)


def test_independent_mistakes_have_a_kappa_near_0_whatever_their_rate_and_jaccard_grows_with_it(rng):
    labels = np.zeros(100_000, int)
    found = []
    for rate in (0.1, 0.5):
        one, other = ((rng.random(len(labels)) < rate).astype(int) for _ in range(2))
        found.append(shared_mistakes(one, other, labels))
        # rate^2 / (1 - (1 - rate)^2)
        assert found[-1]["jaccard"] == pytest.approx(rate / (2 - rate), abs=0.01)
        assert abs(found[-1]["kappa"]) < 0.015


def test_what_is_undefined_is_nan():
    labels = np.array([0, 1, 2])
    right, wrong = shared_mistakes(labels, labels, labels), shared_mistakes(labels[::-1] + 5, labels + 5, labels)
    assert math.isnan(right["jaccard"]) and math.isnan(right["kappa"])
    assert wrong["jaccard"] == 1 and math.isnan(wrong["kappa"])


def test_the_two_networks_may_change_places(rng):
    labels, one, other = rng.integers(0, 3, (3, 60))
    found, turned = shared_mistakes(one, other, labels), shared_mistakes(other, one, labels)
    assert (found.pop("one_wrong"), found.pop("other_wrong")) == (turned.pop("other_wrong"), turned.pop("one_wrong"))
    assert found == pytest.approx(turned)


@pytest.mark.parametrize("lengths", [(3, 3, 2), (3, 2, 3), (0, 0, 0)])
def test_predictions_and_labels_must_be_one_each_an_example(lengths):
    with pytest.raises(ValueError, match="expected one each an example"):
        shared_mistakes(*(np.zeros(length, int) for length in lengths))
