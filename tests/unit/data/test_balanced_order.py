"""The balanced order of images: every prefix a stratified sample, random within classes, the same for a seed."""

import numpy as np

from transferscope.data import tasks


def test_every_prefix_holds_equally_frequent_classes_equally_often(rng):
    labels = rng.permutation(np.repeat(np.arange(7), 30))
    order = tasks.balanced_order(labels, seed=3)
    assert sorted(order) == list(range(210))
    counts = np.cumsum(labels[order][:, None] == np.arange(7), axis=0)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() == 1


def test_a_cut_of_unequal_classes_is_a_stratified_split(rng):
    sizes = np.array([200, 300, 250, 40, 5])
    labels = rng.permutation(np.repeat(np.arange(5), sizes))
    order = tasks.balanced_order(labels, seed=0)
    for fraction in (0.1, 0.5, 0.8):
        counts = np.bincount(labels[order[: round(fraction * len(labels))]], minlength=5)
        assert np.abs(counts - fraction * sizes).max() <= 1.5


def test_the_order_is_random_within_classes_but_the_same_for_the_same_seed():
    labels = np.zeros(50, np.int64)
    first, again, other = (tasks.balanced_order(labels, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and (first != np.arange(50)).any()


def test_class_numbers_may_have_gaps():
    assert sorted(tasks.balanced_order(np.array([9, 2, 9, 2, 5]), seed=0)) == [0, 1, 2, 3, 4]
