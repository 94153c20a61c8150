"""Criticality of modules: closed forms, valleys whose noise is known, and rewinding."""

import copy
import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from landscape_nets import Witness, as_numbers, numbers, probe_of, product, small
from scipy.stats import chi2, norm
from training_runs import as_tensor, examples

from transferscope.errors import InputError
from transferscope.landscape.criticality import TOLERANCE, criticality, in_valley
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
    assert found.width == pytest.approx(math.sqrt(epsilon), abs=0.001)


def test_criticality_grows_with_the_square_of_the_way():
    errors = (ALPHAS[:, None] - 1) ** 2 + SIGMAS**2
    near, far = (criticality(ALPHAS, length * ALPHAS, SIGMAS, errors, 0.3) for length in (1, 5))
    assert far.mu == pytest.approx(25 * near.mu)
    assert far.width == near.width


def test_a_module_that_may_be_at_its_initial_value_is_not_critical():
    errors = np.array([[0.1, 0.9], [0.0, 0.1], [0.0, 0.1]])
    found = criticality([0, 0.5, 1], [0, 2, 4], [0.1, 0.5], errors, 0.1)
    assert (found.mu, found.width) == (0, 0.5)


def test_a_module_that_bears_no_noise_is_infinitely_critical():
    errors = np.array([[0.5, 0.5, 0.5], [0.0, 0.2, 0.2]])
    found = criticality([0, 1], [0, 1], [0, 0.1, 0.5], errors, 0.1)
    assert (found.mu, found.width) == (math.inf, 0)


def test_the_width_is_that_at_the_final_value_where_the_valley_is_wider_before():
    errors = np.array([[0.9, 0.9], [0.0, 0.0], [0.0, 0.9]])
    found = criticality([0, 0.5, 1], [0, 2, 4], [0.1, 0.5], errors, 0.1)
    assert (found.mu, found.width) == ((2 / 0.5) ** 2, 0.1)


def test_what_is_seen_without_noise_does_not_count():
    errors = np.array([[0.0, 0.5], [0.0, 0.05]])
    assert criticality([0, 1], [0, 3], [0, 0.5], errors, 0.1).mu == 36


def test_rounding_does_not_decide():
    # 0.09 + 0.01 is less than 0.1 in floating point
    assert 0.09 + TOLERANCE < 0.1
    assert criticality([1], [2], [1], np.array([[0.1]]), 0.09 + TOLERANCE).mu == 4


def test_a_point_as_high_as_epsilon_is_in_the_valley_however_both_were_rounded():
    # counts of mistakes among so many images, a point more than the final network's
    for images in (50, 150, 1000):
        mistakes = np.arange(images + 1)
        for final in range(0, images - images // 100, 7):
            epsilon = 1 - (images - final) / images + 0.01
            found = in_valley(1 - (images - mistakes) / images, epsilon)
            assert found.tolist() == (100 * mistakes <= 100 * final + images).tolist()


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
    np.testing.assert_allclose(found.losses[:, 0], np.log1p(np.exp([1, 0, -1, -3])), rtol=1e-6)
    # at 0 both classes are as likely, and the first is guessed
    assert found.errors.tolist() == [[1], [1], [0], [0]]


def test_the_way_of_the_optimisation_goes_through_its_checkpoints_in_equal_steps_of_length():
    checkpoints = [product(0), product(3), product(3)]
    found = valley(product(1), checkpoints, "first", [0, 0.3, 0.6, 0.8, 1], [0], 1, 0, probe_of([150]))
    np.testing.assert_allclose(found.distances, [0, 1.5, 3, 2, 1], atol=1e-6)
    np.testing.assert_allclose(found.losses[:, 0], np.log1p(np.exp(-np.array([0, 1.5, 3, 2, 1]))), rtol=1e-6)


def test_the_errors_under_noise_are_those_of_a_gaussian():
    sigmas = [0.5, 1, 2]
    found = valley(product(1), [product(0.5)], "first", [0, 1], sigmas, 300, 0, probe_of([150]))
    expected = norm.cdf(-np.array([[0.5], [1.0]]) / np.array(sigmas))
    # four standard errors
    assert (np.abs(found.errors - expected) < 4 * np.sqrt(expected * (1 - expected) / 300)).all()
    for row, column in itertools.product(range(2), range(3)):
        losses = np.log1p(np.exp(-norm([0.5, 1][row], sigmas[column]).ppf(np.linspace(0, 1, 10_002)[1:-1])))
        assert abs(found.losses[row, column] - losses.mean()) < 4 * losses.std() / math.sqrt(300)


def test_statistics_of_a_moved_network_are_estimated_where_that_is_asked_for():
    final, initial = small("convolutional", 0), small("convolutional", 1)
    shown, seen = Probe(as_tensor, examples(10, size=28), "cpu"), Probe(as_tensor, examples(20, size=28), "cpu")
    found = valley(final, [initial], "block2", [0, 1], [0], 3, 0, shown, seen)
    for place, block in enumerate((initial.block2, final.block2)):
        network = copy.deepcopy(final)
        network.block2.load_state_dict(block.state_dict())
        seen.estimate_statistics(network)
        assert found.losses[place, 0] == shown.score(network).loss


def test_without_noise_there_is_nothing_to_average():
    shown = Witness(as_numbers, numbers([150]), "cpu")
    valley(product(1), [product(0)], "first", [0, 1], [0, 0.1], 3, 0, shown)
    assert len(shown.states) == 2 * (1 + 3)


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


def same(state: dict[str, torch.Tensor], other: dict[str, torch.Tensor], names: Iterable[str]) -> bool:
    """Whether these tensors of two networks are equal to the bit."""
    return all(torch.equal(state[name], other[name]) for name in names)


def check_noise(noise: np.ndarray, sigma: float) -> None:
    """Values are as from N(0, sigma^2), each drawn by itself; one in a million that are fails each bound."""
    squares = chi2(noise.size).ppf([5e-7, 1 - 5e-7])
    assert squares[0] < np.sum((noise / sigma) ** 2) < squares[1]
    assert abs(noise.mean()) < 5 * sigma / math.sqrt(noise.size)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        *(("convolutional", "block2"), ("residual", "layer2.0")),
        *(("transformer", "encoder.layers.encoder_layer_1"), ("layered", "head")),
    ],
)
def test_all_parameters_of_a_module_are_moved_and_disturbed_and_no_others(name, module):
    final, initial, sigmas = small(name, 0), small(name, 1), (0.03, 0.2)
    shown = Witness(as_tensor, examples(2, size=28), "cpu")
    valley(final, [initial], module, [0, 1], sigmas, 2, 0, shown)
    start, end = initial.state_dict(), final.state_dict()
    tensors, learned = tensors_by_module(final)[module], dict(final.named_parameters())
    drawn: dict[tuple, dict[str, np.ndarray]] = {}
    assert len(shown.states) == 2 * 2 * 2
    for (sigma, draw, undisturbed), state in zip(
        itertools.product(sigmas, range(2), (start, end)), shown.states, strict=True
    ):
        assert same(state, end, end.keys() - set(tensors))
        assert same(state, undisturbed, set(tensors) - learned.keys())
        noise = {
            key: (state[key].double() - undisturbed[key].double()).numpy().ravel() for key in tensors if key in learned
        }
        for key, values in noise.items():
            check_noise(values, sigma)
            # what is drawn for one point is added at the other, too, up to rounding
            assert drawn.setdefault((sigma, draw), noise)[key] == pytest.approx(values, abs=1e-6)
    normal = {of: np.concatenate(list(noise.values())) / of[0] for of, noise in drawn.items()}
    for values in normal.values():
        # no value is used twice, but where rounding made two of them one
        assert len(np.unique(values)) > 0.99 * len(values)
    for one, other in itertools.combinations(normal.values(), 2):
        check_noise((one + other) / math.sqrt(2), 1)


def test_networks_stay_as_they_are_when_a_module_of_a_copy_is_moved():
    networks = [small("convolutional", seed) for seed in range(3)]
    before = [copy.deepcopy(network.state_dict()) for network in networks]
    shown = Probe(as_tensor, examples(4, size=28), "cpu")
    *checkpoints, final = networks
    valley(final, checkpoints, "block2", [0, 0.5, 1], [0.1], 1, 0, shown, shown)
    for network, state in zip(networks, before, strict=True):
        assert same(network.state_dict(), state, state)


def test_distances_on_the_way_are_those_of_the_modules_parameters():
    final, initial = small("residual", 0), small("residual", 1)
    found = valley(final, [initial], "conv1", [0, 0.5, 1], [0.1], 1, 0, Probe(as_tensor, examples(4, size=28), "cpu"))
    whole = distances(final, initial)["conv1"]
    assert found.distances == pytest.approx([0, whole / 2, whole], rel=1e-6)


def test_the_length_of_the_optimisations_way_is_that_of_parameters_alone():
    first, passed, final = (small("convolutional", seed) for seed in range(3))
    for tensor in passed.block2.buffers():
        tensor.add_(100)
    one, two = distances(first, passed)["block2"], distances(passed, final)["block2"]
    shown = Probe(as_tensor, examples(4, size=28), "cpu")
    found = valley(final, [first, passed], "block2", [0, one / (one + two), 1], [0.1], 1, 0, shown)
    assert found.distances == pytest.approx([0, one, distances(first, final)["block2"]], rel=1e-5)


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
