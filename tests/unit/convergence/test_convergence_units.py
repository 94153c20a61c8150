"""Units of several networks: their correlation against NumPy's, dead ones left out, and the files that hold them."""

import h5py
import numpy as np
import pytest

from transferscope.convergence import units
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits
from transferscope.errors import InputError


def activations(rng, sizes=(4, 5, 3), samples=200):
    """ReLUs of a few common causes, for each network; the first unit of network 1 is dead."""
    causes = rng.standard_normal((samples, 6))
    found = [np.maximum(causes @ rng.standard_normal((6, size)), 0) for size in sizes]
    found[1][:, 0] = 0
    return found


def layer_units(found, parts=2, positions=1):
    joined = np.hstack(found)
    halves = tuple(map(Moments.of, np.array_split(joined, parts)))
    return LayerUnits(tuple(x.shape[1] for x in found), halves, positions)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_correlation_is_numpys_for_every_pair_of_networks(rng, parts):
    found = activations(rng)
    layer = layer_units(found, parts)
    living = [found[0], found[1][:, 1:], found[2]]
    for one in range(3):
        for other in range(3):
            both = np.corrcoef(living[one].T, living[other].T)
            expected = both[: living[one].shape[1], living[one].shape[1] :]
            assert layer.correlation(one, other) == pytest.approx(expected, abs=1e-12)
        assert layer.deviation(one) == pytest.approx(found[one].std(axis=0), rel=1e-12)


def test_a_unit_that_never_varies_is_dead_and_left_out_on_its_side_alone(rng):
    layer = layer_units(activations(rng))
    assert layer.live(1).tolist() == [False, True, True, True, True]
    assert layer.live(0).all() and layer.live(2).all()
    assert layer.correlation(0, 1).shape == (4, 4)
    assert layer.correlation(1, 2).shape == (4, 3)
    assert np.isfinite(layer.correlation(1, 1)).all()


def test_a_unit_that_varies_in_one_part_alone_lives(rng):
    found = activations(rng)
    found[2][:100, 1] = 0
    found[2][100:, 1] = 7
    layer = layer_units(found)
    assert layer.live(2).tolist() == [True, True, True]
    assert layer.deviation(2)[1] == pytest.approx(3.5)


def test_a_unit_that_varies_little_lives_and_its_scale_does_not_matter(rng):
    found = activations(rng)
    expected = layer_units(found).correlation(0, 2)
    found[0] = found[0] * [1, 1e-6, 1e3, 1]
    layer = layer_units(found)
    assert layer.live(0).all()
    assert layer.correlation(0, 2) == pytest.approx(expected, abs=1e-12)


def test_the_joint_matrix_is_made_of_the_correlations_within_and_between(rng):
    layer = layer_units(activations(rng))
    joint = layer.joint_correlation(0, 1)
    assert joint == pytest.approx(joint.T, abs=1e-14)
    assert np.diagonal(joint) == pytest.approx(np.ones(8), abs=1e-14)
    assert (joint[:4, 4:] == layer.correlation(0, 1)).all()
    assert (joint[4:, 4:] == layer.correlation(1, 1)).all()


def test_natural_order_pairs_units_by_the_numbers_that_they_have_in_the_network(rng):
    found = activations(rng)
    layer = layer_units(found)
    # unit 0 of network 1 is dead: units 1, 2 and 3 are left, and network 0 has no unit 4
    expected = [np.corrcoef(found[0][:, unit], found[1][:, unit])[0, 1] for unit in (1, 2, 3)]
    assert layer.natural_order(0, 1) == pytest.approx(expected, abs=1e-12)
    assert layer.natural_order(0, 0) == pytest.approx(np.ones(4), abs=1e-12)


def test_a_file_gives_back_what_was_written(rng, tmp_path):
    layers = {"conv1": layer_units(activations(rng), positions=9), "fc5": layer_units(activations(rng, (3, 3)), 1)}
    units.write(tmp_path / "units.h5", layers, {"networks": ["seed0", "seed1", "seed2"]})
    found, facts = units.read(tmp_path / "units.h5")
    assert facts == {"networks": ["seed0", "seed1", "seed2"]}
    assert list(found) == ["conv1", "fc5"]
    for name, layer in layers.items():
        assert (found[name].sizes, found[name].positions) == (layer.sizes, layer.positions)
        for part, written in zip(found[name].parts, layer.parts, strict=True):
            assert part.count == written.count
            assert (part.mean == written.mean).all() and (part.comoment == written.comoment).all()
    some, _ = units.read(tmp_path / "units.h5", layers=["fc5"])
    assert list(some) == ["fc5"]
    assert [(name, layer.positions) for name, layer in units.one_by_one(tmp_path / "units.h5")] == [
        *(("conv1", 9), ("fc5", 1)),
    ]


def test_damaged_and_foreign_files_are_refused(rng, tmp_path):
    path = tmp_path / "units.h5"
    with pytest.raises(InputError, match=r"units.h5: no such file"):
        units.read(path)
    units.write(path, {"conv1": layer_units(activations(rng)), "conv2": layer_units(activations(rng))}, {})
    with pytest.raises(InputError, match=r"units.h5: no layer 'conv9': there are conv1, conv2"):
        units.read(path, layers=["conv9"])
    with h5py.File(path, "a") as file:
        file["arrays/1/comoments"][0, 2, 2] += 1
    units.read(path, layers=["conv1"])
    with pytest.raises(InputError, match=r"units.h5 is damaged \(layer conv2"):
        units.read(path)
    with h5py.File(path, "a") as file:
        del file["arrays/0/counts"]
    with pytest.raises(InputError, match=r"units.h5 is damaged \(layer conv1"):
        units.read(path)
    with h5py.File(path, "a") as file:
        del file["layers"]
    for reading in (units.read, lambda path: list(units.one_by_one(path))):
        with pytest.raises(InputError, match=r"units.h5 is damaged \(it does not name its layers\)"):
            reading(path)
