"""Criticality of modules: closed forms, valleys whose noise is known, and rewinding."""

import copy
import math

import numpy as np
import pytest
import torch
from landscape_nets import probe_of, product, small
from scipy.stats import norm
from training_runs import as_tensor, examples

from transferscope.errors import InputError
from transferscope.landscape.criticality import TOLERANCE, criticality
from transferscope.landscape.distance import distances
from transferscope.landscape.modules import tensors_by_module
from transferscope.landscape.probe import Probe
from transferscope.landscape.valley import UNTOUCHED, rewind, valley

ALPHAS = np.linspace(0, 1, 1001)
SIGMAS = np.linspace(0.001, 1, 1000)


# ---- the measure ----


@pytest.mark.parametrize("epsilon", [0.1, 0.3, 0.6])
def test_criticality_of_a_quadratic_error_is_known_in_closed_form(epsilon):
    # a parameter on its way from 0 to 1, the error (theta - 1)^2, of which noise makes (alpha - 1)^2 + sigma^2: the
    # least of alpha^2 / sigma^2 where that is epsilon lies at alpha = 1 - epsilon
    errors = (ALPHAS[:, None] - 1) ** 2 + SIGMAS**2
    found = criticality(ALPHAS, ALPHAS, SIGMAS, errors, epsilon)
    assert found.mu == pytest.approx((1 - epsilon) / epsilon, rel=0.01)
    assert found.alpha == pytest.approx(1 - epsilon, abs=0.03)
    assert found.sigma == pytest.approx(math.sqrt(epsilon * (1 - epsilon)), abs=0.01)
    assert found.width == pytest.approx(math.sqrt(epsilon), abs=0.001)


def test_criticality_grows_with_the_square_of_the_way():
    errors = (ALPHAS[:, None] - 1) ** 2 + SIGMAS**2
    near, far = (criticality(ALPHAS, length * ALPHAS, SIGMAS, errors, 0.3) for length in (1, 5))
    assert far.mu == pytest.approx(25 * near.mu)
    assert far.width == near.width


def test_a_module_that_may_be_at_its_initial_value_is_not_critical():
    errors = np.array([[0.1, 0.9], [0.0, 0.1], [0.0, 0.1]])
    found = criticality([0, 0.5, 1], [0, 2, 4], [0.1, 0.5], errors, 0.1)
    assert (found.mu, found.alpha, found.sigma, found.width) == (0, 0, 0.1, 0.5)


def test_a_module_that_bears_no_noise_is_infinitely_critical():
    errors = np.array([[0.5, 0.5, 0.5], [0.0, 0.2, 0.2]])
    found = criticality([0, 1], [0, 1], [0, 0.1, 0.5], errors, 0.1)
    assert (found.mu, found.width) == (math.inf, 0)
    assert math.isnan(found.alpha) and math.isnan(found.sigma)


def test_what_is_seen_without_noise_does_not_count():
    errors = np.array([[0.0, 0.5], [0.0, 0.05]])
    assert criticality([0, 1], [0, 3], [0, 0.5], errors, 0.1).mu == 36


def test_rounding_does_not_decide():
    # 0.09 + 0.01 is less than 0.1 in floating point
    assert 0.09 + TOLERANCE < 0.1
    assert criticality([1], [2], [1], np.array([[0.1]]), 0.09 + TOLERANCE).mu == 4


def test_grids_that_do_not_fit_are_refused():
    for arguments, message in (
        (([0, 1], [0, 1], [0.1], np.zeros((2, 2))), r"errors are \(2, 2\)"),
        (([0, 1], [0], [0.1], np.zeros((2, 1))), r"distances \(1,\)"),
        (([0, 1], [0, 1], [0], np.zeros((2, 1))), "expected noise"),
        (([0, 0.9], [0, 1], [0.1], np.zeros((2, 1))), "an alpha of 1 at the end"),
    ):
        with pytest.raises(ValueError, match=message):
            criticality(*arguments, 0.1)


# ---- valleys ----


def test_without_noise_the_straight_way_is_the_straight_line():
    found = valley(product(3), [product(-1)], "first", [0, 0.25, 0.5, 1], [0], 5, 0, probe_of([150]))
    np.testing.assert_allclose(found.distances, [0, 1, 2, 4])
    assert found.length == 4
    np.testing.assert_allclose(found.losses[:, 0], np.log1p(np.exp([1, 0, -1, -3])), rtol=1e-6)
    # at 0 both classes are as likely, and the first is guessed
    assert found.errors.tolist() == [[1], [1], [0], [0]]


def test_the_way_of_the_optimisation_goes_through_its_checkpoints_in_equal_steps_of_length():
    checkpoints = [product(0), product(3), product(3)]
    found = valley(product(1), checkpoints, "first", [0, 0.3, 0.6, 0.8, 1], [0], 1, 0, probe_of([150]))
    assert found.length == 5
    np.testing.assert_allclose(found.distances, [0, 1.5, 3, 2, 1], atol=1e-6)
    np.testing.assert_allclose(found.losses[:, 0], np.log1p(np.exp(-np.array([0, 1.5, 3, 2, 1]))), rtol=1e-6)


def test_the_errors_under_noise_are_those_of_a_gaussian():
    sigmas = [0.5, 1, 2]
    found = valley(product(1), [product(0.5)], "first", [0, 1], sigmas, 300, 0, probe_of([150]))
    expected = norm.cdf(-np.array([[0.5], [1.0]]) / np.array(sigmas))
    # four standard errors
    assert (np.abs(found.errors - expected) < 4 * np.sqrt(expected * (1 - expected) / 300)).all()


def test_noise_is_the_same_at_all_points_and_another_for_each_seed_module_sigma_and_draw():
    still = [product(1)]
    arguments = {"alphas": [0, 0.5, 1], "sigmas": [0.5, 0.6], "draws": 3, "seed": 0, "probe": probe_of([150])}
    found = valley(product(1), still, "first", **arguments)
    assert (np.ptp(found.losses, axis=0) == 0).all()
    again = valley(product(1), still, "first", **arguments)
    np.testing.assert_array_equal(found.losses, again.losses)
    other = valley(product(1), still, "first", **arguments | {"seed": 1})
    assert (found.losses != other.losses).all()
    # the first of three draws is what one draw is, the others are others
    single = valley(product(1), still, "first", **arguments | {"draws": 1})
    assert (single.losses != found.losses).all()
    # w and v are exchangeable, but not their noise
    head = valley(product(1), still, "head", **arguments)
    assert (head.losses != found.losses).all()


def test_all_parameters_of_a_module_are_disturbed_and_no_others():
    final = small("residual", 0)
    shown = Probe(as_tensor, examples(12, size=28), "cpu")
    for module in ("conv1", "layer2.0"):
        found = valley(final, [small("residual", 1)], module, [0, 1], [0, 0.1], 2, 0, shown)
        assert found.losses[1, 0] == shown.score(final).loss
        assert found.losses[1, 1] != found.losses[1, 0]
        assert found.distances[1] == pytest.approx(distances(final, small("residual", 1))[module], rel=1e-6)
        assert found.length == pytest.approx(found.distances[1], rel=1e-6)
    silent = copy.deepcopy(final)
    with torch.no_grad():
        silent.fc.weight.zero_()
    found = valley(silent, [silent], "layer2.0", [1], [0.5], 1, 0, shown)
    assert found.losses[0, 0] == pytest.approx(shown.score(silent).loss, rel=1e-6)


def test_networks_of_other_architectures_and_unknown_modules_are_refused():
    shown = Probe(as_tensor, examples(4, size=28), "cpu")
    with pytest.raises(InputError, match="different architectures"):
        valley(small("layered", 0), [small("residual", 0)], "conv1", [1], [0], 1, 0, shown)
    with pytest.raises(KeyError):
        valley(small("layered", 0), [small("layered", 0)], "conv9", [1], [0], 1, 0, shown)
    with pytest.raises(InputError, match="different architectures"):
        rewind(small("layered", 0), small("layered", 0, classes=5), shown)


# ---- rewinding ----


def test_a_rewound_weight_is_the_initial_one():
    scores = rewind(product(2, 1), product(-3, -1), probe_of([50, 150]))
    expected = {UNTOUCHED: 2, "first": -3, "head": -2}
    assert list(scores) == list(expected)
    for module, slope in expected.items():
        assert scores[module].loss == pytest.approx(math.log1p(math.exp(-slope)), rel=1e-6)
        assert scores[module].accuracy == (1 if slope > 0 else 0)


@pytest.mark.parametrize("name", ["layered", "residual"])
def test_a_rewound_module_has_its_initial_tensors_and_the_others_their_final_ones(name):
    final, initial = small(name, 0), small(name, 1)
    before = copy.deepcopy(final.state_dict())
    shown = Probe(as_tensor, examples(20, size=28), "cpu")
    scores = rewind(final, initial, shown)
    assert list(scores) == [UNTOUCHED, *tensors_by_module(final)]
    for module, tensors in tensors_by_module(final).items():
        mixed = copy.deepcopy(final)
        mixed.load_state_dict(final.state_dict() | {key: initial.state_dict()[key] for key in tensors})
        assert scores[module].loss == shown.score(mixed).loss
    assert scores[UNTOUCHED].loss == shown.score(final).loss
    assert all(torch.equal(tensor, before[key]) for key, tensor in final.state_dict().items())


def test_statistics_of_a_rewound_network_are_estimated_where_that_is_asked_for():
    final, initial = small("convolutional", 0), small("convolutional", 1)
    shown, seen = Probe(as_tensor, examples(20, size=28), "cpu"), Probe(as_tensor, examples(40, size=28), "cpu")
    scores = rewind(final, initial, shown, seen)
    for module, network in ((UNTOUCHED, final), ("block4", copy.deepcopy(final))):
        if module != UNTOUCHED:
            network.block4.load_state_dict(initial.block4.state_dict())
        seen.estimate_statistics(network)
        assert scores[module].loss == shown.score(network).loss


def test_the_valley_begins_where_rewinding_ends():
    final, initial = small("layered", 0), small("layered", 1)
    shown = Probe(as_tensor, examples(20, size=28), "cpu")
    found = valley(final, [initial], "conv2", [0, 1], [0], 1, 0, shown)
    scores = rewind(final, initial, shown)
    assert found.losses[:, 0].tolist() == [scores["conv2"].loss, scores[UNTOUCHED].loss]
