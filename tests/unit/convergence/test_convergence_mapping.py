"""Sparse mappings from moments alone against scikit-learn's Lasso on the samples themselves."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression

from transferscope.convergence.mapping import sparse_mappings
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError


def networks(rng, samples=600, sizes=(8, 5)):
    """Two networks' units with causes in common, in halves."""
    causes = rng.standard_normal((samples, 6))
    x, y = (np.maximum(causes @ rng.standard_normal((6, size)) + 0.3, 0) * 50 for size in sizes)
    return x, y + rng.standard_normal(y.shape)


def layer_units(x, y):
    halves = np.array_split(np.hstack([x, y]), 2)
    return LayerUnits((x.shape[1], y.shape[1]), tuple(map(Moments.of, halves)))


def standardised(x, y):
    """The halves as differences from the mean of the first, in deviations over both."""
    half = len(x) // 2
    for array in (x, y):
        mean, deviation = array[:half].mean(axis=0), array.std(axis=0)
        yield (array[:half] - mean) / deviation
        yield (array[half:] - mean) / deviation


@pytest.mark.parametrize("decay", [1e-4, 1e-3, 1e-2, 5e-2])
def test_it_is_the_lasso_of_the_samples(rng, decay):
    x, y = networks(rng)
    (found,) = sparse_mappings(layer_units(x, y), 0, 1, [decay])
    x_fit, x_new, y_fit, y_new = standardised(x, y)
    for unit in range(5):
        # mean over 5 targets of a half squared error + decay |w| is a fifth of each target's with 5 times the decay
        lasso = Lasso(5 * decay, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(x_fit, y_fit[:, unit])
        assert found.weights[unit] == pytest.approx(lasso.coef_, abs=1e-4)
        error = ((y_new[:, unit] - x_new @ lasso.coef_) ** 2).mean() / 2
        assert found.loss[unit] == pytest.approx(error, abs=1e-4)
        assert found.nonzero[unit] == np.count_nonzero(lasso.coef_)


def test_without_decay_it_is_least_squares_and_its_loss_is_exact(rng):
    x, y = networks(rng)
    (found,) = sparse_mappings(layer_units(x, y), 0, 1, [0])
    x_fit, x_new, y_fit, y_new = standardised(x, y)
    regression = LinearRegression(fit_intercept=False).fit(x_fit, y_fit)
    assert found.weights == pytest.approx(regression.coef_, abs=1e-10)
    error = ((y_new - regression.predict(x_new)) ** 2).mean(axis=0) / 2
    assert found.loss == pytest.approx(error, abs=1e-10)
    assert (found.nonzero == 8).all()


def test_what_two_nearly_equal_units_differ_in_is_used_and_not_cut_off(rng):
    x, y = networks(rng)
    difference = rng.standard_normal(len(x))
    x[:, 1] = x[:, 0] + 1e-3 * x[:, 0].std() * difference  # a variance 1e-6 of what the two have in common
    y[:, 0] = difference
    (found,) = sparse_mappings(layer_units(x, y), 0, 1, [0])
    assert found.loss[0] == pytest.approx(0, abs=1e-6)


def test_a_target_has_weights_until_the_decay_exceeds_its_highest_covariance_over_the_targets(rng):
    x, y = networks(rng)
    x_fit, _, y_fit, y_new = standardised(x, y)
    best = np.abs(x_fit.T @ y_fit / 300).max(axis=0)
    decays = [1.001 * best.max() / 5, np.median(best) * 0.999 / 5]
    above, below = sparse_mappings(layer_units(x, y), 0, 1, decays)
    assert (above.weights == 0).all()
    assert ((below.nonzero > 0) == (best >= np.median(best))).all()
    assert above.loss == pytest.approx((y_new**2).mean(axis=0) / 2, abs=1e-12)
    assert above.loss.mean() == pytest.approx(0.5, abs=0.1)


def test_no_unit_that_rarely_fires_where_the_map_is_fitted_decides_a_layers_error(rng):
    x, y = networks(rng)
    y[:, 2] = 0
    y[7, 2] = 1  # once, in the first half; in the second one image in ten
    y[300::10, 2] = 50
    (found,) = sparse_mappings(layer_units(x, y), 0, 1, [1e-2])
    # of its mean, 0.003, that costs nearly all of its variance in the second half, of which half is the mean over both
    assert found.loss[2] == pytest.approx(1, abs=0.1)
    assert found.loss.mean() < 0.5


def test_the_more_a_weight_costs_the_fewer_there_are_and_the_worse_is_the_fit(rng):
    x, y = networks(rng)
    same = np.vstack([x, x]), np.vstack([y, y])  # validated on what was fitted, errors cannot but grow
    maps = sparse_mappings(layer_units(*same), 0, 1)
    assert [found.decay for found in maps] == [0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    losses = np.array([found.loss.mean() for found in maps])
    assert (np.diff(losses) > -1e-6).all() and losses[-1] > losses[0] + 0.05
    assert (np.diff([found.nonzero.sum() for found in maps]) <= 0).all()


def test_the_order_of_decays_is_the_callers(rng):
    layer = layer_units(*networks(rng))
    there, back = ([found.loss for found in sparse_mappings(layer, 0, 1, d)] for d in ([1e-3, 0.1, 0], [0, 0.1, 1e-3]))
    for one, other in zip(there, back[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-12)


def test_collinear_units_are_no_obstacle(rng):
    x, y = networks(rng)
    doubled = np.hstack([x, 3 * x[:, :4] + 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twice, once = (sparse_mappings(layer_units(z, y), 0, 1) for z in (doubled, x))
    for one, other in zip(twice, once, strict=True):
        assert one.loss == pytest.approx(other.loss, abs=1e-5)
    # least squares divides a weight among equals
    assert twice[0].weights[:, :4] == pytest.approx(twice[0].weights[:, 8:], abs=1e-8)


def test_units_that_do_not_vary_where_the_map_is_fitted_are_left_out(rng):
    x, y = networks(rng)
    x[:, 2], y[:, 0], y[:300, 3] = 1, 0, 0
    for found in sparse_mappings(layer_units(x, y), 0, 1, [0, 1e-3]):
        assert found.weights.shape == (3, 7)
        assert np.isfinite(found.loss).all()
    y[:300] = 0
    with pytest.raises(InputError, match="7 units to predict from and 0 to predict vary in the first half"):
        sparse_mappings(layer_units(x, y), 0, 1)


def test_there_must_be_a_part_to_validate_on(rng):
    x, y = networks(rng)
    with pytest.raises(ValueError, match="expected units on two parts of the samples"):
        sparse_mappings(LayerUnits((8, 5), (Moments.of(np.hstack([x, y])),)), 0, 1)
