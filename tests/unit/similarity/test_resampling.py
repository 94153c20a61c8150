"""Half-samples of the examples, and the interval over the choice of examples that they give."""

import numpy as np
import pytest
from layer_samples import layers_and_grams

from transferscope.errors import InputError
from transferscope.similarity import Grams, HalfSamples, centred_gram, cka, cka_matrix, interval


def test_half_samples_are_the_cka_of_half_the_examples(rng):
    xs, x = layers_and_grams(rng)
    ys, y = layers_and_grams(rng)
    halves = HalfSamples(x, draws=3)
    for half, (own, cross) in zip(halves.halves, halves.compare(y), strict=True):
        assert len(set(half.tolist())) == 35
        assert own["biased"] == pytest.approx(cka_matrix([a[half] for a in xs]), abs=1e-12)
        expected = cka_matrix([a[half] for a in xs], [b[half] for b in ys], debiased=True)
        assert cross["debiased"] == pytest.approx(expected, abs=1e-12)


def test_a_layer_that_has_no_similarity_on_a_half_sample_is_named():
    rare = np.zeros((20, 2))
    rare[:2, 0] = 1
    x = Grams.of_matrices(np.stack([centred_gram(rare)]), layers=["rare"])
    with pytest.raises(InputError, match=r"over 10 examples.*: rare;"):
        HalfSamples(x, draws=20)


def test_half_samples_are_drawn_alike_each_time_and_differ_from_each_other(rng):
    _, x = layers_and_grams(rng)
    first, again = HalfSamples(x, 2), HalfSamples(x, 2)
    assert np.array_equal(first.halves, again.halves)
    assert not np.array_equal(*first.halves)


@pytest.mark.parametrize(("draws", "examples"), [(1, 70), (10, 7)])
def test_too_few_half_samples_or_examples_are_refused(rng, draws, examples):
    _, x = layers_and_grams(rng, examples)
    with pytest.raises(InputError, match=f"found {draws} draws from {examples} examples"):
        HalfSamples(x, draws)


def test_the_interval_over_examples_covers_the_truth_about_as_often_as_it_says(rng):
    d, noise = 3, 1.0
    mixing = rng.standard_normal((d, d))
    # CKA of the population: x ~ N(0, I), y = x A + noise
    cov_y = mixing.T @ mixing + noise**2 * np.eye(d)
    truth = np.linalg.norm(mixing) ** 2 / (np.sqrt(d) * np.linalg.norm(cov_y))
    covered = []
    for _ in range(100):
        x = rng.standard_normal((60, d))
        y = x @ mixing + noise * rng.standard_normal((60, d))
        halves = HalfSamples(Grams.of_features([x]), draws=60, batch=30)
        draws = [cross["debiased"][0, 0] for _, cross in halves.compare(Grams.of_features([y]))]
        low, high = interval(cka(x, y, debiased=True), draws)
        covered.append(low < truth < high)
    assert 0.88 <= np.mean(covered) <= 1


def test_the_interval_is_the_estimate_less_the_deviations_of_the_draws():
    # of 41 draws, the second lowest and the second highest are at 2.5 % and 97.5 %; deviations are from the mean, 10
    lowest_first = np.array([-5.0, 6, *[10] * 37, 12, 27])
    assert interval(5.0, lowest_first) == pytest.approx((3.0, 9.0))
