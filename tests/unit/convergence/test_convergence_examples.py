"""What the pictures show of two networks: gathered from files whose every unit is known, and read as it was written."""

from dataclasses import fields

import numpy as np
import pytest
from convergent_tables import example_pair

from transferscope import store
from transferscope.convergence import examples, excitations, files, pictures, units
from transferscope.convergence.excitations import Excitations
from transferscope.convergence.moments import Moments
from transferscope.convergence.tables import units_file
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError

SHAPE = (20, 4, 4, 1)  # of the images


@pytest.fixture
def folder(rng, tmp_path):
    """Three networks of four layers of five units: the first has a dead one, the second is a noisy copy of the first.

    Unit u of network k is excited the most by image 10 k + u, and then by the one after it.
    """
    first = rng.standard_normal((100, 5))
    first[:, 1] = 0
    found = np.hstack([first, first + 0.1 * rng.standard_normal((100, 5)), rng.standard_normal((100, 5))])
    layers = dict.fromkeys(
        ("conv1", "conv2", "conv3", "conv4"), LayerUnits((5, 5, 5), (Moments.of(found[:50]), Moments.of(found[50:])))
    )
    whole = np.array([[0, 4, 0, 4]])
    for state in ("trained", "untrained"):
        units.write(units_file(tmp_path, state, "after", "positions"), layers, {})
        for network in (0, 1):
            images = 10 * network + np.arange(5)[:, None] + [0, 1]
            excited = Excitations(np.ones((5, 2), np.float32), images, np.zeros((5, 2), np.int64), whole, 4)
            excitations.write(pictures.excitations_file(tmp_path, state, network), dict.fromkeys(layers, excited), {})
        weights = {
            f"network{k}": {"filters": np.full((5, 3, 3, 1), k) + np.arange(5)[:, None, None, None]} for k in (0, 1)
        }
        files.write(pictures.filters_file(tmp_path, state), "filters", weights, {})
    return tmp_path


@pytest.fixture
def images():
    """Images all of whose pixels are their number."""
    return np.broadcast_to(np.arange(20, dtype=np.uint8)[:, None, None, None], SHAPE)


def test_the_first_two_networks_are_shown_at_the_first_three_layers(folder, images):
    shown = pictures.of_two(folder, [3, 5, 8], 3, images.__getitem__)
    assert shown.networks == (3, 5) and shown.first == "conv1"
    for layers in shown.states.values():
        assert list(layers) == ["conv1", "conv2", "conv3"]
        assert [example.filters is None for example in layers.values()] == [False, True, True]


def test_pictures_are_of_live_units_and_their_semi_matches(folder, images):
    example = pictures.of_two(folder, [3, 5], 3, images.__getitem__).states["trained"]["conv1"]
    assert example.network.tolist() == [0] * 4 + [1] * 5
    assert example.unit.tolist() == [0, 2, 3, 4, 0, 1, 2, 3, 4]
    assert example.filters[:, 0, 0, 0].tolist() == [0, 2, 3, 4, 1, 2, 3, 4, 5]
    one, other = example.shown.T
    # each live unit is shown, as there are not more than sixteen, with its own noisy copy
    assert sorted(one) == [0, 1, 2, 3] and example.unit[one].tolist() == example.unit[other].tolist()
    assert (example.network[other] == 1).all()
    values = example.correlation[one, other]
    assert (np.diff(values) <= 0).all() and values.min() > 0.9
    assert set(example.cluster) == {0, 1, 2}
    for (unit, partner), patches in zip(example.shown, example.patches, strict=True):
        seen = patches[:, :, 0, 0, 0].tolist()
        assert seen == [[image, image + 1] for image in (example.unit[unit], 10 + example.unit[partner])]


def test_of_many_units_the_best_and_the_worst_are_shown(rng):
    found = rng.standard_normal((300, 40))
    one, other = found[:, :20], found[:, :20] + found[:, 20:]
    layer = LayerUnits((20, 20), (Moments.of(np.hstack([one, other])),))
    excited = Excitations(*(np.zeros((20, 1), kind) for kind in (np.float32, int, int)), np.array([[0, 4, 0, 4]]), 4)
    example = pictures.picture(layer, 4, [excited, excited], np.zeros(SHAPE, np.uint8).__getitem__)
    values = example.correlation[tuple(example.shown.T)]
    best = np.sort(np.corrcoef(one.T, other.T)[:20, 20:].max(axis=1))
    assert values == pytest.approx(np.concatenate([best[::-1][:8], best[:8][::-1]]), abs=1e-6)
    assert example.patches.shape == (16, 2, 1, 4, 4, 1)


def test_patches_are_those_of_the_partners_own_numbers(rng, images):
    first = rng.standard_normal((100, 3))
    second = np.column_stack([np.zeros(100), first[:, [2, 0, 1]]])  # whose unit 0 is dead
    partners = {2: 1, 0: 2, 1: 3}
    layer = LayerUnits((3, 4), (Moments.of(np.hstack([first, second])),))
    whole = np.array([[0, 4, 0, 4]])
    excited = [
        Excitations(
            np.ones((count, 1), np.float32), number + np.arange(count)[:, None], np.zeros((count, 1), int), whole, 4
        )
        for number, count in ((0, 3), (10, 4))
    ]
    example = pictures.picture(layer, 3, excited, images.__getitem__)
    units = example.unit[example.shown[:, 0]].tolist()
    assert sorted(units) == [0, 1, 2]
    # each is in a cluster of its own with its partner
    assert (example.cluster[example.shown[:, 0]] == example.cluster[example.shown[:, 1]]).all()
    assert example.patches[:, :, 0, 0, 0, 0].tolist() == [[unit, 10 + partners[unit]] for unit in units]


def test_two_units_are_shown_without_clusters(rng, images):
    one = rng.standard_normal((100, 1))
    layer = LayerUnits((1, 1), (Moments.of(np.hstack([one, one + rng.standard_normal((100, 1))])),))
    excited = Excitations(*(np.zeros((1, 1), kind) for kind in (np.float32, int, int)), np.array([[0, 4, 0, 4]]), 4)
    example = pictures.picture(layer, 8, [excited, excited], images.__getitem__)
    assert example.cluster is None and example.shown.tolist() == [[0, 1]]


def test_units_are_found_by_network_and_number(rng):
    example = examples.Example(np.array([0, 0, 0, 1, 1]), np.array([0, 2, 5, 1, 2]), rng.random((5, 5)))
    assert example.rows(0, np.array([5, 0])).tolist() == [2, 0]
    assert example.rows(1, np.array([2, 1])).tolist() == [4, 3]


def test_examples_are_read_as_they_were_written(tmp_path):
    written = example_pair()
    examples.write(tmp_path / "examples.h5", written, {})
    read = examples.read(tmp_path / "examples.h5")
    assert read.networks == (0, 1) and read.first == "conv1"
    for state, found in written.states.items():
        assert list(read.states[state]) == list(found)
        for name, example in found.items():
            for field in fields(examples.Example):
                one, other = (getattr(which, field.name) for which in (example, read.states[state][name]))
                if one is None:
                    assert other is None
                else:
                    np.testing.assert_array_equal(one, other, strict=True)


def test_examples_that_lack_something_are_refused(tmp_path):
    path = tmp_path / "examples.h5"
    with store.write_hdf5(path, "examples", {}) as file:
        file["layers"] = ["conv1"]
    with pytest.raises(InputError, match="delete it and run again"):
        examples.read(path)


def test_the_best_and_the_worst_are_in_order_and_none_is_there_twice():
    values = np.array([0.3, 0.9, 0.1, 0.9, 0.5, 0.7])
    assert examples.best_and_worst(values, 2).tolist() == [1, 3, 0, 2]
    assert examples.best_and_worst(values, 4).tolist() == [1, 3, 5, 4, 0, 2]
