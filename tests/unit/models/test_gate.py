"""The gate: its closed form and gradients, where it stands in a network, and what it tells of itself."""

import math

import numpy as np
import pytest
import torch
from small_networks import NAMES, create
from torch import nn

from transferscope.errors import InputError
from transferscope.models.caffenet import LearnedLayer
from transferscope.models.gate import Gate, GatedNetwork, gated_module, outputs_of
from transferscope.models.transplant import layers_of, transplant


def images(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def gate_at(lambda_source: float) -> Gate:
    """A gate whose lambda_S is also 0 or 1 to the last bit."""
    gate = Gate(0.5)
    with torch.no_grad():
        gate.v.copy_(torch.tensor([lambda_source, 1 - lambda_source]).log().clamp(min=-1000))
    return gate


# ---- by hand


@pytest.mark.parametrize("initial", [0.9, 0.75, 0.5, 1e-3, 1 - 1e-6])
def test_lambda_starts_where_it_is_told_and_both_lambdas_sum_to_1(initial):
    gate = Gate(initial)
    assert gate.v.tolist() == pytest.approx([math.log(initial), math.log(1 - initial)], rel=1e-6)
    assert gate.lambda_source == pytest.approx(initial, rel=1e-6)
    one = torch.ones(1)
    assert gate(one, one).item() == pytest.approx(1, abs=1e-6)
    with torch.no_grad():
        gate.v += torch.tensor([3.0, -2.0])
    odds = initial / (1 - initial) * math.exp(5)
    assert gate.lambda_source == pytest.approx(odds / (1 + odds), rel=1e-6)
    assert gate(one, one).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("initial", [0, 1, -0.1, 1.2, float("nan")])
def test_an_initial_lambda_out_of_its_range_is_refused(initial):
    with pytest.raises(InputError, match=f"strictly between 0 and 1, found {initial}"):
        Gate(initial)


def test_the_mixture_and_its_gradients_are_what_one_computes_by_hand():
    rng = np.random.default_rng(0)
    z_source, z_target, towards = rng.standard_normal((3, 5, 2, 3))
    gate, initial = Gate(0.9), 0.9
    source, target = (torch.tensor(z, dtype=torch.float32, requires_grad=True) for z in (z_source, z_target))

    mixture = gate(source, target)
    (mixture * torch.tensor(towards)).sum().backward()

    assert mixture.detach().numpy() == pytest.approx(initial * z_source + (1 - initial) * z_target, abs=1e-6)
    assert target.grad.numpy() == pytest.approx((1 - initial) * towards, abs=1e-6)
    assert source.grad is None
    # of a softmax: d lambda_S / d v_S = lambda_S lambda_T = - d lambda_S / d v_T
    slope = initial * (1 - initial) * (towards * (z_source - z_target)).sum()
    assert gate.v.grad.tolist() == pytest.approx([slope, -slope], rel=1e-5)


def test_a_gated_layer_is_what_one_computes_by_hand():
    class TwoLayers(nn.Sequential):
        def __init__(self):
            super().__init__()
            self.fc1 = LearnedLayer(flatten=nn.Flatten(), linear=nn.Linear(9, 4), relu=nn.ReLU())
            self.fc2 = LearnedLayer(linear=nn.Linear(4, 3), relu=nn.ReLU())
            self.head = nn.Linear(3, 2)

    def weighted(layer, x):
        return x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()

    torch.manual_seed(0)
    source, target = TwoLayers(), TwoLayers()
    pixels = torch.rand(5, 1, 3, 3)
    x = pixels.double().numpy().reshape(5, 9)
    z_source = weighted(source.fc2.linear, np.maximum(weighted(source.fc1.linear, x), 0))
    z_target = weighted(target.fc2.linear, np.maximum(weighted(target.fc1.linear, x), 0))
    activations = np.maximum(0.75 * z_source + 0.25 * z_target, 0)

    given = outputs_of(source, {"fc2.linear"}, pixels)["fc2.linear"]
    logits = GatedNetwork(target, 1, 0.75)(pixels, given)

    assert given.numpy() == pytest.approx(z_source, abs=1e-6)
    assert (activations == 0).any()
    assert (activations > 0).any()
    assert logits.detach().numpy() == pytest.approx(weighted(target.head, activations), abs=1e-6)


def test_the_share_weighs_lambda_by_the_size_of_what_is_mixed():
    rng = np.random.default_rng(0)
    z_source, z_target = 3 + rng.standard_normal((7, 2, 3, 3)), 10 * rng.standard_normal((7, 2, 3, 3))
    parts = 0.9 * np.sqrt(np.mean(z_source**2)), 0.1 * np.sqrt(np.mean(z_target**2))
    gate = Gate(0.9).eval()
    for rows in (slice(0, 4), slice(4, 7)):
        gate(torch.tensor(z_source[rows]), torch.tensor(z_target[rows]))
    assert gate.share == pytest.approx(parts[0] / sum(parts), rel=1e-6)


def test_the_share_is_of_the_images_since_the_gate_was_put_in_evaluation_mode():
    gate, one = Gate(0.5).eval(), torch.ones(2, 3)
    assert math.isnan(gate.share)
    gate(4 * one, one)
    gate.train()
    gate(one, 9 * one)
    assert gate.share == pytest.approx(0.8)
    gate.eval()
    gate(one, 4 * one)
    assert gate.share == pytest.approx(0.2)
    assert list(gate.state_dict()) == ["v"]


# ---- in a network


@pytest.mark.parametrize(
    ("library", "name", "expected"),
    [
        ("small", "quanta", "conv1.conv conv2.conv conv3.conv conv4.conv fc5.linear"),
        ("small", "layered", "conv1.conv conv2.conv conv3.conv conv4.conv fc5.linear"),
        ("small", "convolutional", "block1.conv block2.conv block3.conv block4.conv"),
        ("small", "residual", "conv1 layer1.0 layer2.0 layer2.1 layer3.0"),
        (
            "small",
            "dense",
            "features.conv0 features.denseblock1 features.transition1.conv features.denseblock2 "
            "features.transition2.conv features.denseblock3",
        ),
        ("small", "transformer", "conv_proj " + " ".join(f"encoder.layers.encoder_layer_{n}" for n in range(4))),
        ("torchvision", "resnet18", "conv1 " + " ".join(f"layer{n}.{block}" for n in (1, 2, 3, 4) for block in (0, 1))),
        (
            "torchvision",
            "alexnet",
            " ".join(f"features.{n}" for n in (0, 3, 6, 8, 10)) + " classifier.1 classifier.4",
        ),
    ],
)
def test_the_gate_stands_behind_a_layers_one_module_of_weights_or_behind_the_layer(library, name, expected):
    module = create(name, library=library)
    assert [gated_module(module, layer) for layer in range(len(layers_of(module)))] == expected.split()


def test_the_weighted_input_comes_before_normalisation_activation_function_and_pooling():
    module = create("convolutional")
    found = outputs_of(module, {"block1.conv"}, images())["block1.conv"]
    assert torch.equal(found, module.block1.conv(images()))


@pytest.mark.parametrize("name", NAMES)
def test_with_a_lambda_of_0_a_network_is_itself_and_with_1_it_goes_on_from_the_source(name):
    source, target = create(name, seed=1), create(name)
    for layer in range(len(layers_of(target))):
        network = GatedNetwork(target, layer, 0.5)
        given = outputs_of(source, {network.gated}, images())[network.gated]
        network.gate = gate_at(0)
        assert torch.equal(network(images(), given), target(images()))

        network.gate = gate_at(1)
        handle = target.get_submodule(network.gated).register_forward_hook(lambda *_, given=given: given.clone())
        expected = target(images())
        handle.remove()
        assert torch.equal(network(images(), given), expected)
        assert not torch.equal(expected, target(images()))


@pytest.mark.parametrize("name", ["quanta", "layered", "residual"])
def test_with_a_lambda_of_1_a_network_does_what_one_with_the_sources_layers_does(name):
    source = create(name, seed=1)
    for layer in range(len(layers_of(source))):
        network = GatedNetwork(create(name), layer, 0.5)
        network.gate = gate_at(1)
        given = outputs_of(source, {network.gated}, images())[network.gated]
        copied = transplant(create(name), source, layer + 1, frozen=False)
        torch.testing.assert_close(network(images(), given), copied(images()))


def test_in_train_mode_gradients_reach_v_and_all_of_the_target_at_any_layer():
    source = create("quanta", seed=1)
    for layer in range(5):
        network = GatedNetwork(create("quanta"), layer, 0.5).train()
        given = outputs_of(source, {network.gated}, images())[network.gated]
        nn.functional.cross_entropy(network(images(), given), torch.arange(4)).backward()
        assert all(parameter.grad.any() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("library", "name", "layer"),
    [("torchvision", "resnet18", 4), ("torchvision", "densenet121", 3), ("timm", "vit_tiny_patch16_224", 6)],
)
def test_gradients_reach_v_and_the_target_of_a_large_family_and_never_its_source(library, name, layer):
    source = create(name, seed=1, library=library)
    network = GatedNetwork(create(name, library=library), layer, 0.5).train()
    coloured = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    given = outputs_of(source, {network.gated}, coloured)[network.gated]
    nn.functional.cross_entropy(network(coloured, given), torch.arange(4)).backward()
    assert all(parameter.grad.any() for parameter in network.parameters())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in source.parameters())
    assert network.eval()(coloured, given).isfinite().all()
    assert 0 < network.gate.share < 1


def test_a_network_is_as_it_was_outside_of_its_gates_calls():
    target = create("layered")
    expected = target(images())
    network = GatedNetwork(target, 2, 0.5)
    network(images(), torch.rand(4, 24, 7, 7))
    with pytest.raises(InputError):
        network(images(), torch.rand(4, 24, 9, 9))
    assert torch.equal(target(images()), expected)


def test_the_source_computes_no_further_than_is_asked_for_and_keeps_no_hook():
    module, called = create("layered"), []
    for name, part in module.named_children():
        part.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    outputs_of(module, {"conv1.conv", "conv3.conv"}, images())
    assert called == ["conv1", "conv2", "conv3"]
    module(images())
    assert called[3:] == ["conv1", "conv2", "conv3", "conv4", "fc5", "head"]


def test_outputs_are_not_overwritten_by_what_works_in_place_behind_them():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    found = outputs_of(module, {"0", "2"}, torch.rand(8, 3))
    assert (found["0"] < 0).any()
    assert not found["2"].requires_grad


# ---- bad input


@pytest.mark.parametrize("layer", [-1, 5])
def test_a_layer_that_is_not_there_is_refused(layer):
    message = rf"a number from 0 to 4 \(conv1, conv2, conv3, conv4, fc5\), found {layer}"
    with pytest.raises(InputError, match=message):
        GatedNetwork(create("layered"), layer, 0.5)


def test_a_layer_that_a_pass_does_not_call_is_named():
    module = create("residual")
    module.unused = nn.Linear(2, 2)
    message = "ResidualNet does not call unused when it classifies images: expected layers that it calls"
    with pytest.raises(InputError, match=message):
        outputs_of(module, {"conv1", "unused"}, images())


def test_layers_of_different_shapes_are_refused():
    with pytest.raises(InputError, match=r"got \(2, 3\) for an image from the source and \(1, 3\) from the target"):
        Gate(0.5)(torch.rand(4, 2, 3), torch.rand(4, 1, 3))
