"""Units of networks captured in one pass, against NumPy on activations that were all kept."""

import numpy as np
import pytest
import torch
from torch import nn

from transferscope.convergence import capture
from transferscope.convergence.capture import capture_excitations, capture_units
from transferscope.data.inputs import Inputs
from transferscope.errors import InputError
from transferscope.models import zoo

GREY = Inputs(1, 16, [0.3], [0.3])
LAYERS = ["conv1", "conv2", "conv3", "fc4"]
UNITS = {"conv1": 4, "conv2": 5, "conv3": 6, "fc4": 8}
POSITIONS = {"conv1": 256, "conv2": 64, "conv3": 16, "fc4": 1}


def double(images: np.ndarray, device: torch.device | str) -> torch.Tensor:
    return GREY(images, device).double()


def network(seed: int, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(seed)
    shape = {"classes": 3, "channels": 1, "image_size": 16, "options": {"widths": [4, 5, 6], "hidden": 8}}
    return zoo.create({"library": "small", "name": "layered"} | shape).to(dtype)


def pictures(rng: np.random.Generator, count: int = 30) -> np.ndarray:
    """Smooth ones, with something in common between neighbouring pixels."""
    coarse = rng.integers(0, 256, (count, 4, 4, 1), np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2) // 2 + rng.integers(0, 128, (count, 16, 16, 1), np.uint8)


def by_hand(module: nn.Module, images: np.ndarray, part: str = "relu") -> dict[str, np.ndarray]:
    """Layer -> (n, U, ...) of all images in one batch."""
    found, handles = {}, []
    for layer in LAYERS:
        name = f"{layer}.{part if part == 'relu' else 'linear' if layer == 'fc4' else 'conv'}"
        handles.append(
            module.get_submodule(name).register_forward_hook(
                lambda _part, _given, output, layer=layer: found.update({layer: output.clone().numpy()})
            )
        )
    with torch.no_grad():
        module.eval()(double(images, "cpu"))
    for handle in handles:
        handle.remove()
    return found


def samples(features: np.ndarray, kind: str = "positions") -> np.ndarray:
    if features.ndim == 2:
        return features
    return features.sum(axis=(2, 3)) if kind == "sums" else np.moveaxis(features, 1, -1).reshape(-1, features.shape[1])


def expect_units(layer, found, tolerance=1e-12):
    """Moments of captured units against NumPy's of (n, U) samples of each network."""
    joined = np.hstack(found)
    assert layer.sizes == tuple(x.shape[1] for x in found)
    assert layer.whole.count == len(joined)
    assert layer.whole.mean == pytest.approx(joined.mean(axis=0), abs=tolerance)
    assert layer.whole.comoment / layer.whole.count == pytest.approx(np.cov(joined.T, bias=True), abs=tolerance)


@pytest.mark.parametrize("kind", ["positions", "sums"])
@pytest.mark.parametrize("activations", ["after", "before"])
@pytest.mark.parametrize("batch", [7, 30])
def test_one_pass_in_batches_gives_what_all_activations_give(rng, monkeypatch, batch, activations, kind):
    monkeypatch.setattr(capture, "IMAGES_AT_A_TIME", batch)
    modules, images = [network(seed) for seed in (0, 1, 2)], pictures(rng)
    found = capture_units(modules, double, images.__getitem__, np.arange(30), activations, kind)
    kept = [by_hand(module, images, "relu" if activations == "after" else "weights") for module in modules]
    assert {layer: found[layer].positions for layer in LAYERS} == POSITIONS
    assert list(found) == LAYERS
    for layer in LAYERS:
        expect_units(found[layer], [samples(each[layer], kind) for each in kept], 1e-11 if kind == "sums" else 1e-12)


@pytest.mark.parametrize("kind", ["positions", "sums"])
def test_moments_are_in_float64_whatever_networks_compute_in(rng, kind):
    modules, images = [network(seed, torch.float32) for seed in (0, 1)], pictures(rng)
    for layer in capture_units(modules, GREY, images.__getitem__, np.arange(30), samples=kind).values():
        assert layer.whole.mean.dtype == layer.whole.comoment.dtype == np.float64


def test_operations_in_place_do_not_change_what_was_there_before(rng):
    module, images = network(0), pictures(rng)
    kept = by_hand(module, images, "weights")
    for layer in LAYERS:
        module.get_submodule(layer).relu.inplace = True
    found = capture_units([module], double, images.__getitem__, np.arange(30), "before")
    for layer in LAYERS:
        expect_units(found[layer], [samples(kept[layer])])


def test_parts_are_the_halves_of_the_images_and_add_up(rng):
    modules, images = [network(seed) for seed in (0, 1)], pictures(rng, 31)
    rows = rng.permutation(31)
    found = capture_units(modules, double, images.__getitem__, rows, parts=2)["conv2"]
    halves = [by_hand(module, images[rows]) for module in modules]
    for part, chosen in zip(found.parts, (slice(0, 16), slice(16, 31)), strict=True):
        joined = np.hstack([samples(each["conv2"][chosen]) for each in halves])
        assert part.count == len(joined)
        assert part.comoment / part.count == pytest.approx(np.cov(joined.T, bias=True), abs=1e-12)
    expect_units(found, [samples(each["conv2"]) for each in halves])


def test_a_dead_unit_is_dead_before_and_after_its_bias_is_changed(rng):
    module, images = network(0), pictures(rng)
    with torch.no_grad():
        module.conv1.conv.bias[2] = -1e3  # never fires, but varies
        module.conv3.conv.weight[1] = 0  # hands on its bias, a constant
        module.conv3.conv.bias[1] = 0.1
    post, pre = (
        capture_units([module], double, images.__getitem__, np.arange(30), kind) for kind in ("after", "before")
    )
    assert np.flatnonzero(~post["conv1"].live(0)).tolist() == [2]
    assert pre["conv1"].live(0).all()
    assert 1 in np.flatnonzero(~post["conv3"].live(0)) and not pre["conv3"].live(0)[1]


def test_no_more_images_are_held_than_a_batch_has(rng):
    images, asked = pictures(rng, 150), []

    def read(rows):
        asked.append(len(rows))
        return images[rows]

    found = capture_units([network(0), network(1)], double, read, np.arange(150), parts=2)
    assert max(asked) == 64
    assert sum(asked) == 150 + 2 * 2  # of each network, two images show where its units are
    assert found["conv1"].whole.count == 150 * 16 * 16


def test_networks_are_left_as_they_were(rng):
    module, images = network(0).train(), pictures(rng)
    capture_units([module], double, images.__getitem__, np.arange(30))
    capture_excitations(module, double, images.__getitem__, np.arange(30))
    assert module.training
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


@pytest.mark.parametrize("batch", [4, 30])
def test_the_most_exciting_images_and_positions_are_those_of_all(rng, monkeypatch, batch):
    monkeypatch.setattr(capture, "IMAGES_AT_A_TIME", batch)
    module, images = network(0), pictures(rng)
    rows = rng.permutation(30)
    found = capture_excitations(module, double, images.__getitem__, rows, count=3)
    kept = by_hand(module, images)
    assert {layer: len(each.values) for layer, each in found.items()} == UNITS
    for layer in LAYERS:
        flat = kept[layer].reshape(30, UNITS[layer], -1)
        for unit in range(UNITS[layer]):
            best = sorted(rows.tolist(), key=lambda row, unit=unit, flat=flat: -flat[row, unit].max())[:3]
            assert found[layer].images[unit].tolist() == best
            assert found[layer].values[unit] == pytest.approx(flat[best, unit].max(axis=1), rel=1e-12)
            assert found[layer].positions[unit].tolist() == flat[best, unit].argmax(axis=1).tolist()


def test_a_patch_alone_excites_a_unit_as_much_as_the_image_did(rng):
    module, images = network(0), pictures(rng)
    found = capture_excitations(module, double, images.__getitem__, np.arange(30), count=4)["conv2"]
    for unit in range(UNITS["conv2"]):
        shown = images[found.images[unit]]
        for image, position, value in zip(shown, found.positions[unit], found.values[unit], strict=True):
            top, bottom, left, right = found.fields[position]
            alone = rng.integers(0, 256, image.shape, np.uint8)
            alone[top:bottom, left:right] = image[top:bottom, left:right]
            answer = by_hand(module, alone[None])["conv2"].reshape(UNITS["conv2"], -1)
            assert answer[unit, position] == pytest.approx(value, rel=1e-12)


def test_fewer_images_than_asked_for_are_all_there_are(rng):
    found = capture_excitations(network(0), double, pictures(rng, 3).__getitem__, np.arange(3))
    assert found["fc4"].images.shape == (8, 3)
    assert {layer.image_size for layer in found.values()} == {16}


@pytest.mark.parametrize("batch", [30, 200])
def test_of_equally_exciting_images_those_that_were_shown_first_are_kept(rng, monkeypatch, batch):
    monkeypatch.setattr(capture, "IMAGES_AT_A_TIME", batch)
    two, which = pictures(rng, 2), rng.integers(0, 2, 200)
    rows = rng.permutation(200)
    found = capture_excitations(network(0), double, two[which].__getitem__, rows, count=20)
    kept = by_hand(network(0), two)
    for layer in LAYERS:
        values = kept[layer].reshape(2, UNITS[layer], -1).max(axis=2)
        for unit in range(UNITS[layer]):
            best = [row for row in rows if values[which[row], unit] == values[:, unit].max()]
            assert found[layer].images[unit].tolist() == best[:20]


def test_what_cannot_be_captured_is_refused(rng):
    images, rows = pictures(rng).__getitem__, np.arange(30)
    with pytest.raises(InputError, match="activations: expected one of after, before, found 'relu'"):
        capture_units([network(0)], double, images, rows, activations="relu")
    with pytest.raises(InputError, match="samples: expected one of positions, sums, found 'mean'"):
        capture_units([network(0)], double, images, rows, samples="mean")
    with pytest.raises(InputError, match="at least two in each of 2 parts, found 3"):
        capture_units([network(0)], double, images, rows[:3], parts=2)
    other = zoo.create(
        {"library": "small", "name": "convolutional", "classes": 3, "channels": 1, "image_size": 16}
    ).double()
    with pytest.raises(InputError, match=r"networks with the same layers, found conv1, .* and block1"):
        capture_units([network(0), other], double, images, rows)
    broken = network(0)
    broken.conv2.conv.weight.data[0] = torch.nan
    for attempt in (
        lambda: capture_units([broken], double, images, rows),
        lambda: capture_excitations(broken, double, images, rows),
    ):
        with pytest.raises(InputError, match="layer conv2 hands on values that are not finite"):
            attempt()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_gives_what_the_cpu_gives(rng):
    modules, images = [network(seed, torch.float32) for seed in (0, 1)], pictures(rng).__getitem__
    here, there = (
        capture_units(modules, GREY, images, np.arange(30), parts=2, device=device) for device in ("cpu", "cuda")
    )
    for layer in LAYERS:
        covariances = [found[layer].whole.comoment / found[layer].whole.count for found in (there, here)]
        assert covariances[0] == pytest.approx(covariances[1], rel=1e-3, abs=1e-5)
