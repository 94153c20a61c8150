"""Moments of samples in batches against NumPy's of all samples at once, however the samples are placed."""

from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
import torch

from transferscope.convergence.moments import Moments


def in_batches(samples, sizes):
    parts = [samples[stop - size : stop] for size, stop in zip(sizes, np.cumsum(sizes), strict=True)]
    return reduce(Moments.joined, map(Moments.of, parts))


def expect_moments(found, samples, tolerance=1e-12):
    """Those of all samples, by two passes; differences in units of the standard deviations."""
    mean, deviation = samples.mean(axis=0), samples.std(axis=0)
    scale = np.outer(deviation, deviation)
    centred = samples - mean
    assert found.count == len(samples)
    assert (found.mean - mean) / deviation == pytest.approx(np.zeros(len(mean)), abs=tolerance)
    assert found.deviation == pytest.approx(deviation, rel=tolerance)
    assert found.comoment / found.count / scale == pytest.approx(
        centred.T @ centred / len(samples) / scale, abs=tolerance
    )


@pytest.mark.parametrize("sizes", [[300], [100, 100, 100], [1, 298, 1], [7] * 42 + [6]])
def test_batches_give_what_all_samples_at_once_give(rng, sizes):
    samples = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6))
    expect_moments(in_batches(samples, sizes), samples)


def test_a_mean_as_large_against_the_deviation_as_float32_can_hold_does_no_harm(rng):
    # integers and a mean that is a power of two: neither rounds, and the moments are those without the mean
    small = rng.integers(-1, 2, (512, 4)).astype(np.float64)
    samples = small + 2.0**22
    found = in_batches(samples, [100] * 5 + [12])
    assert found.comoment / found.count == pytest.approx(np.cov(small.T, bias=True), abs=1e-10)
    # the mean square less the square of the mean has lost most of its digits
    naive = (samples**2).mean(axis=0) - samples.mean(axis=0) ** 2
    assert np.abs(naive - small.var(axis=0)).min() > 1e-4


def test_batches_with_means_far_apart_are_joined_exactly(rng):
    samples = rng.standard_normal((120, 3)) + np.repeat([0, 1e3, -1e5], 40)[:, None]
    expect_moments(in_batches(samples, [40, 40, 40]), samples)


def test_by_hand():
    # x = 1, 2, 3, 6 and y = 0, 0, 4, 4: means 3 and 2, sums of products 14, 16 and -2*-2 -1*-2 + 0 + 3*2 = 12
    samples = np.array([[1.0, 0], [2, 0], [3, 4], [6, 4]])
    found = Moments.of(samples[:1]).joined(Moments.of(samples[1:]))
    assert found.count == 4
    np.testing.assert_allclose(found.mean, [3, 2], rtol=1e-15)
    np.testing.assert_allclose(found.comoment, [[14, 12], [12, 16]], rtol=1e-14)


def test_what_never_varies_has_no_variance_at_all(rng):
    tenth = 0.1
    assert Fraction(sum([tenth] * 10)) != Fraction(tenth) * 10  # its sum rounds, and so would its mean
    samples = np.column_stack([np.full(1000, tenth), rng.standard_normal(1000)])
    found = in_batches(samples, [333, 333, 334])
    assert found.mean[0] == tenth
    assert (found.comoment[0] == 0).all() and (found.comoment[:, 0] == 0).all()


def test_the_order_of_samples_does_not_matter(rng):
    samples = rng.standard_normal((200, 5))
    expect_moments(in_batches(rng.permutation(samples), [64, 64, 64, 8]), samples)


def test_tensors_give_what_arrays_give(rng):
    samples = rng.standard_normal((90, 5)) + 100
    of_arrays = in_batches(samples, [40, 50])
    of_tensors = in_batches(torch.from_numpy(samples), [40, 50])
    assert isinstance(of_tensors.comoment, torch.Tensor)
    np.testing.assert_allclose(of_tensors.comoment.numpy(), of_arrays.comoment, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(of_tensors.mean.numpy(), of_arrays.mean, rtol=1e-15)
