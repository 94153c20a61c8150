"""Networks module by module, in rows: what is measured of each module alone, with and without batch norm."""

import pytest
import torch
from landscape_nets import probe_of, product, small
from training_runs import as_tensor, examples

from transferscope.landscape.criticality import TOLERANCE, criticality
from transferscope.landscape.exploration import explore_modules
from transferscope.landscape.probe import Probe
from transferscope.landscape.valley import UNTOUCHED, rewind, valley

GRID = {"alphas": [0, 0.5, 1], "sigmas": [0.01, 0.3], "draws": 2, "seed": 3}
MODULES = ["conv1", "conv2", "conv3", "conv4", "fc5", "head"]


@pytest.fixture(scope="module")
def probes() -> tuple[Probe, Probe]:
    """Test and training images."""
    return Probe(as_tensor, examples(24, size=28), "cpu"), Probe(as_tensor, examples(30, size=28), "cpu")


def test_every_module_and_path_has_a_row_and_a_grid(probes):
    states = [small("layered", seed) for seed in range(3)]
    modules, points = explore_modules(states[2], states[:2], *probes, None, **GRID)
    paths = ("direct", "optimisation")
    assert [(row["module"], row["depth"], row["path"]) for row in modules] == [
        (module, depth, path) for depth, module in enumerate(MODULES) for path in paths
    ]
    assert [(row["alpha"], row["sigma"]) for row in points[:6]] == [
        (alpha, sigma) for alpha in GRID["alphas"] for sigma in GRID["sigmas"]
    ]
    assert len(points) == len(modules) * 6


def test_rows_are_what_is_measured_of_a_module_alone(probes):
    test, train = probes
    first, passed, final = (small("layered", seed) for seed in range(3))
    modules, points = explore_modules(final, [first, passed], test, train, None, **GRID)
    scores = rewind(final, first, test)
    epsilon = 1 - train.score(final).accuracy + TOLERANCE
    for path, way in (("direct", [first]), ("optimisation", [first, passed])):
        (row,) = (row for row in modules if (row["module"], row["path"]) == ("conv3", path))
        seen = valley(final, way, "conv3", probe=train, **GRID)
        expected = criticality(seen.alphas, seen.distances, seen.sigmas, seen.errors, epsilon)
        assert (row["mu"], row["width"], row["distance"]) == (expected.mu, expected.width, seen.distances[-1])
        assert row["rewound"] == scores["conv3"].accuracy and row["accuracy"] == scores[UNTOUCHED].accuracy
        assert row["drop"] == row["accuracy"] - row["rewound"]
        errors = [each["error"] for each in points if (each["module"], each["path"]) == ("conv3", path)]
        assert errors == seen.errors.ravel().tolist()
    assert {each["epsilon"] for each in points} == {epsilon}


def test_rows_of_a_network_of_two_parameters_are_known_in_closed_form():
    # w leads from -1 over 5 to 3, v from -3 over 1 to 1; a product below 0 turns all guesses over
    states = product(-1, -3), product(5, 1), product(3, 1)
    # with two classes it is AUC that is told: one positive image of three is below the negative one, or above it; right
    # are four of five training images
    test, train = probe_of([20, 60, 150, 180], mislabelled=1), probe_of([20, 60, 90, 150, 180], mislabelled=1)
    grid = {"alphas": [0, 0.5, 1], "sigmas": [1e-3, 1e-2], "draws": 2, "seed": 0}
    modules, points = explore_modules(states[2], states[:2], test, train, None, **grid)
    # how far the final value and the nearest point that passes are from the initial one: half-way, w is 1 or 3, v is -1
    expected = {
        ("first", "direct"): (4, 2),
        ("first", "optimisation"): (4, 4),
        ("head", "direct"): (4, 4),
        ("head", "optimisation"): (4, 4),
    }
    assert [(row["module"], row["path"]) for row in modules] == list(expected)
    for row, (distance, nearest) in zip(modules, expected.values(), strict=True):
        assert (row["distance"], row["mu"], row["width"]) == pytest.approx((distance, (nearest / 1e-2) ** 2, 1e-2))
        assert (row["accuracy"], row["rewound"], row["drop"]) == pytest.approx((2 / 3, 1 / 3, 1 / 3))
    assert [row["epsilon"] for row in points] == pytest.approx([0.21] * len(points))
    errors = {(row["module"], row["path"], row["alpha"]): row["error"] for row in points if row["sigma"] == 1e-2}
    assert [errors["first", "direct", alpha] for alpha in grid["alphas"]] == pytest.approx([0.8, 0.2, 0.2])
    assert [errors["head", "direct", alpha] for alpha in grid["alphas"]] == pytest.approx([0.8, 0.8, 0.2])


def test_without_checkpoints_on_the_way_there_is_the_direct_path_alone(probes):
    modules, points = explore_modules(small("layered", 1), [small("layered", 0)], *probes, None, **GRID)
    assert {row["path"] for row in (*modules, *points)} == {"direct"}


def test_the_final_networks_error_is_that_with_the_statistics_that_all_others_have(probes):
    test, train = probes
    final, initial = small("convolutional", 1), small("convolutional", 0)
    modules, points = explore_modules(final, [initial], test, train, train, **GRID)
    settled = small("convolutional", 1)
    train.estimate_statistics(settled)
    assert {row["epsilon"] for row in points} == {1 - train.score(settled).accuracy + TOLERANCE}
    assert {row["batch_norm"] for row in (*modules, *points)} == {"estimated"}
    estimated, kept = (rewind(final, initial, test, statistics) for statistics in (train, None))
    rewound = [row["rewound"] for row in modules]
    assert rewound == [score.accuracy for score in estimated.values()][1:]
    assert rewound != [score.accuracy for score in kept.values()][1:]
    # and its own tensors stay as they are
    before = small("convolutional", 1).state_dict()
    assert all(torch.equal(tensor, before[key]) for key, tensor in final.state_dict().items())


def test_what_becomes_of_batch_norm_is_told(probes):
    for name, origin in (("convolutional", "interpolated"), ("layered", "none")):
        found = explore_modules(small(name, 1), [small(name, 0)], *probes, None, [0, 1], [0.1], 1, 0)
        assert {row["batch_norm"] for rows in found for row in rows} == {origin}
