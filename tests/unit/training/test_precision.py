"""What networks compute in: what is rounded and what is not, in training and where layers are captured."""

import numpy as np
import pytest
import torch
from layer_samples import features_by_hand
from torch import nn
from training_runs import CLASSES, assert_same_run, examples, history, linear, network, run, same, tensors

from transferscope import store
from transferscope.activations.capture import capture
from transferscope.data.inputs import Inputs
from transferscope.gram import centred_gram
from transferscope.machine.devices import passes_in
from transferscope.models import zoo
from transferscope.models.gate import GatedNetwork
from transferscope.models.side_by_side import SideBySide
from transferscope.similarity import cka

ROUNDING = 2.0**-9  # of bfloat16, relative: it keeps 8 bits


def test_weights_and_checkpoints_are_float32_and_say_what_was_computed_in(tmp_path):
    exact, rounded = (run(tmp_path / precision, precision=precision) for precision in ("fp32", "bf16"))
    for folder, precision in ((exact, "fp32"), (rounded, "bf16")):
        found, facts = store.read_checkpoint(folder / "epoch2.safetensors")
        assert {tensor.dtype for tensor in found.values()} <= {torch.float32, torch.int64}
        assert facts["precision"] == precision
    assert not same(tensors(exact, "epoch2"), tensors(rounded, "epoch2"))
    assert same(tensors(exact, "epoch0"), tensors(rounded, "epoch0"))


def test_a_run_in_bf16_repeats_to_the_bit_and_does_not_go_on_from_one_in_fp32(tmp_path):
    once = run(tmp_path / "once", precision="bf16")
    again = run(tmp_path / "again")
    assert history(once) != history(again)
    assert_same_run(once, run(again, precision="bf16"), ["epoch1", "epoch2"])


def test_the_first_loss_is_rounded_as_bfloat16_rounds_the_logits(tmp_path):
    """Of one linear layer: inputs, weights and logits each to 8 bits, sums and the loss in float32."""
    data, module = examples(24), linear()
    shown = torch.from_numpy(data.images(np.arange(24))).flatten(1).double() / 255
    weights, bias = (part.detach() for part in (module[1].weight, module[1].bias))

    def rounded(numbers):
        return numbers.to(torch.bfloat16).double()

    logits = rounded(rounded(shown) @ rounded(weights).T + rounded(bias))
    expected = nn.functional.cross_entropy(logits, torch.from_numpy(data.labels)).item()
    folder = run(tmp_path / "run", module=module, train=data, test=data, precision="bf16")
    (first, *_) = (float(row["loss"]) for row in history(folder) if row["split"] == "test")
    exact = nn.functional.cross_entropy(shown @ weights.T.double() + bias, torch.from_numpy(data.labels)).item()
    assert first == pytest.approx(expected, rel=1e-4)
    assert abs(first - exact) > 1e-4 * exact


def gated(at_once: int = 1) -> SideBySide:
    """Two networks of two convolutions, of which one has a gate to a third."""

    def convolutional(seed: int) -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            architecture = {"library": "small", "name": "quanta", "classes": CLASSES, "channels": 1, "image_size": 8}
            return zoo.create(architecture | {"options": {"widths": [4, 4], "hidden": 8}})

    networks = {"gated": GatedNetwork(convolutional(0), 0, 0.5), "alone": convolutional(1)}
    return SideBySide(networks, convolutional(2), at_once=at_once)


@pytest.mark.parametrize("create", [network, gated], ids=["alone", "side by side"])
def test_passes_forward_are_rounded_and_nothing_between_them(tmp_path, create):
    module, forward, backward = create(), set(), set()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(lambda part, given, output: forward.add(output.dtype))
    for parameter in filter(lambda each: each.requires_grad, module.parameters()):
        parameter.register_hook(lambda gradient: backward.add((gradient.dtype, torch.is_autocast_enabled("cpu"))))
    run(tmp_path / "run", module=module, precision="bf16")
    assert forward == {torch.bfloat16}
    assert backward == {(torch.float32, False)}


def test_networks_that_are_computed_as_one_are_rounded_as_they_are_alone():
    images, labels = torch.rand(16, 1, 8, 8), torch.arange(16) % CLASSES
    alone, together = gated(), gated(at_once=2)
    for module in (alone, together):
        with passes_in(torch.device("cpu"), "bf16"):
            passes = list(module(images))
        assert {logits.dtype for outputs in passes for logits in outputs.values()} == {torch.bfloat16}
        losses = [nn.functional.cross_entropy(logits.float(), labels) for each in passes for logits in each.values()]
        torch.stack(losses).sum().backward()
    assert len(passes) == 1
    for one, other in zip(alone.networks.parameters(), together.networks.parameters(), strict=True):
        assert one.grad.dtype == other.grad.dtype == torch.float32
        assert (other.grad - one.grad).norm() < 10 * ROUNDING * one.grad.norm()


@pytest.fixture
def shown(rng):
    """A network of convolutions, its inputs, and images: no more than a capture shows at a time."""
    torch.manual_seed(0)
    module = zoo.create({"library": "small", "name": "residual", "classes": 10, "channels": 1, "image_size": 28})
    return module, Inputs(1, 28, [0.3], [0.3]), rng.integers(0, 256, (40, 28, 28, 1), np.uint8)


def test_captured_layers_are_rounded_to_bfloat16_and_their_gram_matrices_are_not(shown):
    for precision in ("fp32", "bf16"):
        grams = capture(*shown, precision=precision)
        features = features_by_hand(*shown, grams.layers, precision)
        for layer in grams.layers:
            gram = centred_gram(features[layer].copy())
            assert grams.of(layer).dtype == np.float32
            assert np.abs(grams.of(layer) - gram).max() < 1e-5 * np.abs(gram).max()


def test_rounding_to_bfloat16_hardly_changes_layers_and_their_similarity(shown):
    layers = capture(*shown).layers
    exact, rounded = (features_by_hand(*shown, layers, precision) for precision in ("fp32", "bf16"))
    for layer in layers:
        one, other = exact[layer], rounded[layer]
        error = np.linalg.norm(other - one) / np.linalg.norm(one)
        assert 0.1 * ROUNDING < error < 10 * ROUNDING
        assert cka(one, other) == pytest.approx(1, abs=1e-3)
