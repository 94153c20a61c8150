"""Activations: captured as they were handed on, within a memory budget, and kept in files."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from layer_samples import features_by_hand
from torch import nn

from transferscope import activations, similarity
from transferscope.activations.capture import capture
from transferscope.data.inputs import Inputs
from transferscope.errors import InputError
from transferscope.models import zoo

GREY = Inputs(1, 28, [0.3], [0.3])
SMALL = ["residual", "dense", "transformer", "convolutional"]


def create(name: str, library: str = "small", **more) -> nn.Module:
    """A network whose batch norms have statistics of their own, as those of a trained one."""
    torch.manual_seed(0)
    shape = {"classes": 10, "channels": 1, "image_size": 28}
    module = zoo.create({"library": library, "name": name} | shape | more)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 2)
    return module


def images(rng: np.random.Generator, count: int, channels: int = 1, size: int = 28) -> np.ndarray:
    return rng.integers(0, 256, (count, size, size, channels), np.uint8)


def assert_gram(found: np.ndarray, features: np.ndarray, layer: str = "") -> None:
    """Fail unless this is the centred Gram matrix of these features."""
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    assert_same_gram(found, centred @ centred.T, layer)


def assert_same_gram(found: np.ndarray, expected: np.ndarray, layer: str = "") -> None:
    """Fail unless two Gram matrices are the same but for rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=layer)


@pytest.mark.parametrize("name", SMALL)
def test_gram_matrices_of_batches_the_last_of_them_short_are_those_of_the_features_of_one_batch(name, rng):
    module, shown = create(name), images(rng, 150)
    found = capture(module, GREY, shown)
    features = features_by_hand(module, GREY, shown, found.layers)
    assert len(found.layers) == {"residual": 47, "dense": 62, "transformer": 52, "convolutional": 22}[name]
    assert found.grams.dtype == np.float32
    assert found.grams.shape == (len(set(found.content)), 150, 150)
    for layer in found.layers:
        assert_gram(found.of(layer), features[layer], layer)


def test_rows_and_columns_are_the_examples_in_their_order(rng):
    module, shown = create("residual"), images(rng, 70)
    order = rng.permutation(70)
    straight, shuffled = (capture(module, GREY, shown[rows], "layer*") for rows in (np.arange(70), order))
    for layer in straight.layers:
        assert_same_gram(shuffled.of(layer), straight.of(layer)[np.ix_(order, order)], layer)


def test_in_place_operations_do_not_change_what_was_handed_on_before(rng):
    module = create("resnet18", "torchvision", channels=3, image_size=32)
    shown, inputs = images(rng, 24, 3, 2).repeat(16, axis=1).repeat(16, axis=2), Inputs(3, 32, [0.5] * 3, [0.3] * 3)
    found = capture(module, inputs, shown, reused="every")
    # the ReLU overwrites the batch norm's output, the addition that of the block's last one
    names = ("bn1", "maxpool", "layer1.0.conv2", "layer1.0.bn2")
    bn1, maxpool, conv2, bn2 = features_by_hand(module, inputs, shown, names).values()
    assert (bn1 < 0).any()
    assert_gram(found.of("bn1"), bn1)
    assert_gram(found.of("relu"), np.maximum(bn1, 0))
    assert similarity.cka(bn1, np.maximum(bn1, 0)) < 0.99
    assert_gram(found.of("layer1.0.relu#2"), np.maximum(bn2 + maxpool, 0))
    with torch.no_grad():
        normalised = module.eval().layer1[0].bn2(torch.from_numpy(conv2).reshape(24, 64, 8, 8)).flatten(1).numpy()
    np.testing.assert_allclose(bn2, normalised, rtol=1e-4, atol=1e-5)
    assert_gram(found.of("layer1.0.bn2"), bn2)


def test_tensors_that_are_handed_on_unchanged_are_there_once(rng):
    found = capture(create("residual"), GREY, images(rng, 8))
    assert len(found.grams) == len(set(found.content)) == 37
    assert found.of("layer2") is not found.of("layer2.1.bn3")
    for container, last in [("layer2", "layer2.1.relu"), ("layer1", "layer1.0"), ("(root)", "fc")]:
        assert found.content[found.layers.index(container)] == found.content[found.layers.index(last)]
    assert [layer for layer, logits in zip(found.layers, found.logits, strict=True) if logits] == ["fc", "(root)"]


class Passes:
    """Inputs that count how often an image is shown."""

    def __init__(self):
        self.shown = 0

    def __call__(self, shown, device):
        self.shown += len(shown)
        return GREY(shown, device)


def test_a_small_memory_takes_more_passes_to_the_same_result(rng):
    module, shown = create("residual"), images(rng, 70)
    once, often = Passes(), Passes()
    all_at_once = capture(module, once, shown)
    layers = dict(zip(all_at_once.content, all_at_once.layers, strict=True)).values()  # one of each tensor
    widths = [array.shape[1] for array in features_by_hand(module, GREY, shown, layers).values()]
    # room for 2,000 features of all examples: less than the widest layers have, which are taken in slices
    assert max(widths) > 3 * 2_000
    little = capture(module, often, shown, memory_gb=4 * 70 * 2_000 / 1e9)
    assert once.shown == 2 + 70
    passes, rest = divmod(often.shown - 2, 70)
    assert rest == 0
    assert sum(widths) / 2_000 <= passes <= 2 * sum(widths) / 2_000
    assert little.layers == all_at_once.layers
    # the Gram matrices take more than that, and lie in a file
    assert isinstance(little.grams, np.memmap) and not isinstance(all_at_once.grams, np.memmap)
    for narrow, wide in zip(little.grams, all_at_once.grams, strict=True):
        np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-6 * np.abs(wide).max())


class Twice(nn.Module):
    """Calls a module twice, and hands on a list."""

    def __init__(self):
        super().__init__()
        self.flatten, self.layer = nn.Flatten(), nn.Linear(784, 784)

    def forward(self, x):
        return [self.layer(self.layer(self.flatten(x)))]


def test_each_call_of_a_reused_module_can_be_a_layer(rng):
    module, shown = Twice(), images(rng, 4)
    every, last = (capture(module, GREY, shown, reused=reused) for reused in ("every", "last"))
    assert every.layers == ("flatten", "layer", "layer#2", "(root)")
    assert last.layers == ("flatten", "layer", "(root)")
    with torch.no_grad():
        first = module.layer(GREY(shown, "cpu").flatten(1))
        second = module.layer(first)
    assert_gram(every.of("layer"), first.numpy())
    assert_gram(every.of("layer#2"), second.numpy())
    np.testing.assert_array_equal(last.of("layer"), every.of("layer#2"))
    np.testing.assert_array_equal(last.of("(root)"), every.of("layer#2"))


def test_the_network_is_left_as_it_was(rng):
    module = create("residual").train()
    module.bn1.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    capture(module, GREY, images(rng, 4))
    module.fc.weight.data.fill_(torch.inf)
    with pytest.raises(InputError):
        capture(module, GREY, images(rng, 4))
    module.fc.weight.data.copy_(before["fc.weight"])
    assert {name for name, part in module.named_modules() if not part.training} == {"bn1"}
    assert not any(part._forward_hooks for part in module.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_activations_that_are_not_finite_are_refused_by_their_layers_name(rng):
    module = create("residual")
    module.layer2[0].conv2.weight.data[0] = torch.nan
    with pytest.raises(InputError, match=r"layer layer2.0.conv2 hands on values that are not finite .* 0 to 3"):
        capture(module, GREY, images(rng, 4))


def test_activations_too_large_to_be_squared_are_refused_by_their_layers_name(rng):
    module = create("residual")
    module.fc.weight.data *= 1e22
    with pytest.raises(InputError, match=r"^layer fc: features as large as .* overflow"):
        capture(module, GREY, images(rng, 4))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"selection": "conv7"}, "nothing in ResidualNet matches 'conv7'"),
        ({"reused": "first"}, "reused: expected one of last, every, found 'first'"),
    ],
)
def test_unknown_choices_are_refused(wrong, message, rng):
    with pytest.raises(InputError, match=message):
        capture(create("residual"), GREY, images(rng, 4), **wrong)


def test_one_image_is_too_few(rng):
    with pytest.raises(InputError, match="images: expected at least two to compare, found 1"):
        capture(create("residual"), GREY, images(rng, 1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", SMALL)
def test_a_gpu_gives_what_the_cpu_gives(name, rng):
    module, shown = create(name), images(rng, 70)
    here = capture(module, GREY, shown)
    there = capture(module, GREY, shown, device="cuda")
    for one, other in zip(here.grams, there.grams, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(one).max())


def test_a_file_holds_all_that_was_captured(rng, tmp_path):
    found = capture(create("transformer"), GREY, images(rng, 6), examples=np.arange(10, 16))
    activations.write(tmp_path / "epoch1.h5", found, {"epoch": 1})
    back, facts = activations.read(tmp_path / "epoch1.h5")
    assert facts == {"epoch": 1}
    assert back.layers == found.layers
    for name in ("content", "logits", "examples", "grams"):
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
    assert back.examples.tolist() == [10, 11, 12, 13, 14, 15]
    assert back.logits.dtype == bool


def test_a_layer_that_was_not_captured_is_refused_with_some_that_were(rng):
    with pytest.raises(InputError, match="no layer 'conv9' was captured: there are conv1, bn1,"):
        capture(create("residual"), GREY, images(rng, 6)).of("conv9")


def test_damaged_and_foreign_files_are_refused(rng, tmp_path):
    path = tmp_path / "epoch1.h5"
    with pytest.raises(InputError, match=r"epoch1.h5: no such file"):
        activations.read(path)
    activations.write(path, capture(create("residual"), GREY, images(rng, 6)), {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"epoch1.h5 is truncated"):
        activations.read(path)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file["content"][0] = 99
    with pytest.raises(InputError, match=r"epoch1.h5: its layers do not fit its 37 Gram matrices"):
        activations.read(path)
    with h5py.File(path, "a") as file:
        del file["logits"]
    with pytest.raises(InputError, match=r"epoch1.h5 lacks a part of an activations file"):
        activations.read(path)
    with h5py.File(path, "w") as file:
        file.attrs["kind"] = "dataset"
    with pytest.raises(InputError, match="expected an HDF5 file of kind 'activations', found kind 'dataset'"):
        activations.read(path)


def test_a_file_is_read_without_torch():
    code = "import sys, transferscope.activations; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
