"""The first layers of one network put into another: which they are, that they do the same there, and stay frozen."""

import copy

import pytest
import torch
from torch import nn
from training_runs import examples, run, same, tensors

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import layers, zoo
from transferscope.models.transplant import layers_of, transplant

# how the names of the tensors of the first two layers begin
FIRST_TWO = {
    "layered": ("conv1.", "conv2."),
    "convolutional": ("block1.", "block2."),
    "residual": ("conv1.", "bn1.", "layer1.0."),
    "dense": ("features.conv0.", "features.norm0.", "features.denseblock1."),
    "transformer": ("class_token", "conv_proj.", "encoder.pos_embedding", "encoder.layers.encoder_layer_0."),
}
SMALL = list(FIRST_TWO)


def architecture(name: str, library: str = "small", **more) -> dict:
    size, channels = (28, 1) if library == "small" else (224, 3)
    return {"library": library, "name": name, "classes": 10, "channels": channels, "image_size": size} | more


def create(name: str, seed: int = 0, **more) -> nn.Module:
    torch.manual_seed(seed)
    module = zoo.create(architecture(name, **more))
    # as if it had been trained: statistics, too, are then other ones in each network
    for tensor in module.buffers():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) / 10)
    return module.eval()


def images(count: int = 4, size: int = 28) -> torch.Tensor:
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(0))


def handed_on(module: nn.Module, layer: str) -> torch.Tensor:
    """Output of a layer for some images, in the mode in which the network is."""
    outputs = []
    handle = module.get_submodule(layer).register_forward_hook(
        lambda part, given, output: outputs.append(output.clone())
    )
    with torch.no_grad():
        module(images())
    handle.remove()
    return outputs[0]


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> list[str]:
    return [name for name in before if not torch.equal(before[name], after[name])]


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


# ---- which layers


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("layered", "conv1 conv2 conv3 conv4 fc5"),
        ("quanta", "conv1 conv2 conv3 conv4 conv5 conv6 fc7"),
        ("convolutional", "block1 block2 block3 block4"),
        ("residual", "conv1 layer1.0 layer2.0 layer2.1 layer3.0"),
        (
            "dense",
            "features.conv0 features.denseblock1 features.transition1 features.denseblock2 features.transition2 "
            "features.denseblock3",
        ),
        ("transformer", "conv_proj " + " ".join(f"encoder.layers.encoder_layer_{index}" for index in range(4))),
        ("caffenet", "conv1 conv2 conv3 conv4 conv5 fc6 fc7"),
    ],
)
def test_layers_are_the_blocks_with_weights_and_without_the_head(name, expected):
    with torch.device("meta"):
        module = zoo.create(architecture(name, image_size=227 if name == "caffenet" else 28))
    assert layers_of(module) == expected.split()


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize(
    ("library", "name", "count"),
    [
        ("torchvision", "resnet50", 17),
        ("torchvision", "densenet121", 8),
        ("torchvision", "vit_b_16", 13),
        ("torchvision", "alexnet", 7),
        # less their auxiliary heads; of the second, two blocks of classes of their own count as their parts
        ("torchvision", "googlenet", 12),
        ("torchvision", "inception_v3", 24),
        ("timm", "resnet18", 9),
        ("timm", "vit_tiny_patch16_224", 13),
    ],
)
def test_layers_of_a_large_network_come_in_the_order_in_which_they_are_called(library, name, count):
    with torch.device("meta"):
        module = zoo.create(architecture(name, library))
        called = [layer.name for layer in layers.trace(module, torch.empty(2, 3, 224, 224), "blocks")]
    found = layers_of(module)
    assert len(found) == count
    assert found == [name for name in called if name in found]


# ---- copied


@pytest.mark.parametrize("name", SMALL)
def test_the_first_n_layers_do_what_they_do_in_the_source_and_the_others_do_not(name):
    source = create(name, seed=1)
    names = layers_of(source)
    for n in range(1, len(names) + 1):
        target = transplant(create(name), source, n, frozen=False)
        assert torch.equal(handed_on(target, names[n - 1]), handed_on(source, names[n - 1]))
        beyond = [*names, zoo.head(source)[0]][n]
        assert not torch.equal(handed_on(target, beyond), handed_on(source, beyond))


@pytest.mark.parametrize("name", SMALL)
def test_parameters_and_buffers_of_the_first_n_layers_are_copied_and_no_others(name):
    source, target = create(name, seed=1), create(name)
    before, given = state(target), state(source)
    after = transplant(target, source, 2, frozen=True).state_dict()
    for tensor in before:
        expected = given if tensor.startswith(FIRST_TWO[name]) else before
        assert torch.equal(after[tensor], expected[tensor]), tensor


def test_all_layers_are_all_but_the_head():
    for name in SMALL:
        source, target = create(name, seed=1), create(name)
        before = state(target)
        after = transplant(target, source, len(layers_of(target)), frozen=True).state_dict()
        head, _ = zoo.head(target)
        assert all(torch.equal(after[name], before[name]) for name in (f"{head}.weight", f"{head}.bias"))
        body = [name for name in after if not name.startswith(f"{head}.")]
        assert all(torch.equal(after[name], source.state_dict()[name]) for name in body)
        assert [name for name, parameter in target.named_parameters() if parameter.requires_grad] == [
            *(f"{head}.weight", f"{head}.bias")
        ]


def test_with_n_0_nothing_is_copied_and_nothing_frozen():
    target = create("residual")
    before = state(target)
    assert transplant(target, create("residual", seed=1), 0, frozen=True) is target
    assert same(before, target.state_dict())
    assert all(parameter.requires_grad for parameter in target.parameters())
    assert all(part.training for part in target.train().modules())


def test_the_source_may_have_other_classes_and_is_not_touched():
    source, target = create("layered", seed=1, classes=5), create("layered")
    before = state(source)
    transplant(target, source, 5, frozen=False)
    with torch.no_grad():
        for parameter in target.parameters():
            parameter.zero_()
    assert same(before, source.state_dict())


# ---- frozen


@pytest.mark.parametrize("name", SMALL)
def test_frozen_layers_are_the_same_to_the_bit_after_training(name, tmp_path):
    source = create(name, seed=1)
    target = transplant(create(name), source, 2, frozen=True)
    data, test = examples(24, classes=10, size=28), examples(10, classes=10, size=28)
    folder = run(tmp_path / "run", module=target, train=data, test=test)
    before, after = tensors(folder, "epoch0"), tensors(folder, "epoch2")
    assert set(changed(before, after)) == {tensor for tensor in before if not tensor.startswith(FIRST_TWO[name])}
    last = layers_of(target)[1]
    assert torch.equal(handed_on(target.train(), last), handed_on(source, last))


def test_layers_that_are_not_frozen_learn_with_the_others_and_their_statistics_move():
    target = transplant(create("convolutional"), create("convolutional", seed=1), 2, frozen=False).train()
    before = state(target)
    optimiser = torch.optim.SGD(target.parameters(), 0.1)
    nn.functional.cross_entropy(target(images()), torch.arange(4)).backward()
    optimiser.step()
    assert {"block1.conv.weight", "block1.norm.running_mean"} <= set(changed(before, target.state_dict()))


def test_frozen_layers_stay_in_evaluation_mode_and_the_others_do_not():
    target = transplant(create("residual"), create("residual", seed=1), 2, frozen=True)
    for network in (target, nn.Sequential(target), copy.deepcopy(target)):
        network.train()
    for module in (target, copy.deepcopy(target).train()):
        modes = {name: part.training for name, part in module.named_modules()}
        assert not any(modes[name] for name in ("conv1", "bn1", "layer1.0", "layer1.0.bn1", "layer1.0.relu"))
        assert all(modes[name] for name in ("", "layer1", "layer2.0", "layer2.0.bn1", "fc"))
    assert not any(part.training for part in target.eval().modules())


def test_nothing_is_dropped_in_frozen_layers_but_before_the_first_trained_one_it_is():
    source = create("transformer", options={"dropout": 0.5})
    target = transplant(create("transformer", seed=1, options={"dropout": 0.5}), source, 3, frozen=True).train()
    modes = [target.encoder.layers[index].dropout.training for index in range(4)]
    assert modes == [False, False, True, True]
    assert not target.encoder.dropout.training
    options = {"options": {"hidden": 4}, "channels": 3, "image_size": 67}
    for n, expected in {5: [True, True], 6: [True, True], 7: [False, True]}.items():
        caffenet = create("caffenet", **options)
        transplant(caffenet, caffenet, n, frozen=True).train()
        assert [caffenet.fc7.dropout.training, caffenet.dropout.training] == expected


def test_dropout_between_frozen_layers_is_frozen_with_them():
    with torch.device("meta"):
        alexnets = {n: zoo.create(architecture("alexnet", "torchvision")) for n in (5, 6, 7)}
    modes = {}
    for n, alexnet in alexnets.items():
        transplant(alexnet, alexnet, n, frozen=True).train()
        modes[n] = [part.training for part in alexnet.modules() if isinstance(part, nn.Dropout)]
    # one in front of each of the two fully connected layers, of which n = 6 freezes the first
    assert modes == {5: [True, True], 6: [False, True], 7: [False, False]}
    assert [layer.training for layer in (alexnets[7].avgpool, alexnets[7].classifier)] == [False, True]


def test_class_token_and_position_embeddings_are_frozen_with_the_first_layer():
    target = transplant(create("transformer"), create("transformer", seed=1), 1, frozen=True)
    assert [name for name, parameter in target.named_parameters() if not parameter.requires_grad] == [
        *("class_token", "conv_proj.weight", "conv_proj.bias", "encoder.pos_embedding"),
    ]


def test_a_checkpoint_of_a_network_with_frozen_layers_loads_as_any_other(tmp_path):
    target = transplant(create("residual"), create("residual", seed=1), 3, frozen=True)
    path = tmp_path / "end.safetensors"
    store.write_checkpoint(path, target.state_dict(), {"architecture": architecture("residual")})
    loaded, _ = zoo.load(path)
    assert torch.equal(loaded(images()), target.eval()(images()))
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert all(part.training for part in loaded.train().modules())


# ---- bad input


@pytest.mark.parametrize("n", [-1, 6])
def test_more_layers_than_there_are_is_refused(n):
    message = rf"expected a number from 0 to 5 \(conv1, conv2, conv3, conv4, fc5\), found {n}"
    with pytest.raises(InputError, match=message):
        transplant(create("layered"), create("layered"), n, frozen=True)


def test_layers_that_do_not_fit_are_refused_and_nothing_is_copied():
    target = create("layered")
    before = state(target)
    narrow = create("layered", seed=1, options={"widths": [12, 8, 8, 24]})
    with pytest.raises(
        InputError, match=r"conv2.conv.weight is \(8, 12, 3, 3\), expected \(24, 12, 3, 3\); .*; \.\.\."
    ):
        transplant(target, narrow, 3, frozen=False)
    with pytest.raises(InputError, match=r"conv1.conv.weight is missing, expected \(12, 1, 3, 3\)"):
        transplant(target, create("residual"), 1, frozen=False)
    assert same(before, target.state_dict())
    transplant(target, narrow, 1, frozen=False)
