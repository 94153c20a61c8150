"""Which modules count as layers, in which order, and which of them hand on the same tensor."""

from collections import Counter

import pytest
import torch
from torch import nn

from transferscope.errors import InputError
from transferscope.models import layers, zoo


def network(name: str, library: str = "torchvision", image_size: int = 64, channels: int = 3) -> tuple:
    """A network and two inputs for it, without numbers."""
    with torch.device("meta"):
        module = zoo.create(
            {"library": library, "name": name, "classes": 10, "channels": channels, "image_size": image_size}
        )
        return module, torch.empty(2, channels, image_size, image_size)


def fired(module: nn.Module, inputs: torch.Tensor, selection: str = "modules", reused: str = "last") -> list[str]:
    return [layer.name for layer in layers.trace(module, inputs, selection, reused)]


@pytest.mark.parametrize(
    ("name", "image_size", "modules"),
    [("resnet50", 64, 151), ("resnet101", 64, 287), ("densenet121", 64, 433), ("vit_b_16", 224, 140)],
)
def test_every_module_of_the_papers_models_that_fires_is_a_layer(name, image_size, modules):
    module, inputs = network(name, image_size=image_size)
    assert len(fired(module, inputs)) == modules
    assert len(fired(module, inputs[:1])) == modules


def test_a_bottlenecks_relu_fires_three_times():
    module, inputs = network("resnet50")
    every = fired(module, inputs, reused="every")
    assert len(every) == 183
    calls = Counter(name.partition("#")[0] for name in every)
    assert {name: count for name, count in calls.items() if count > 1} == {
        f"layer{stage}.{block}.relu": 3 for stage, blocks in enumerate((3, 4, 6, 3), start=1) for block in range(blocks)
    }


class Backwards(nn.Module):
    """Defines its modules in another order than it calls them, and calls one twice."""

    def __init__(self):
        super().__init__()
        self.never = nn.Linear(4, 4)
        self.last = nn.Linear(4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.middle = nn.Sequential(nn.Dropout(), nn.Linear(4, 4))
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        return self.last(self.relu(self.middle(self.relu(self.first(x)))))


def test_layers_come_in_the_order_in_which_they_fire_and_a_reused_one_at_its_last_call():
    inputs = torch.rand(2, 4)
    assert fired(Backwards(), inputs) == ["first", "middle.0", "middle.1", "middle", "relu", "last", "(root)"]
    assert fired(Backwards(), inputs, reused="every") == [
        *("first", "relu", "middle.0", "middle.1", "middle", "relu#2", "last", "(root)"),
    ]


def test_layers_that_hand_on_the_same_tensor_share_their_content_and_overwritten_ones_do_not():
    found = layers.trace(Backwards(), torch.rand(2, 4), reused="every")
    content = {layer.name: layer.content for layer in found}
    # dropout does nothing in evaluation, the container repeats its last module, the network repeats its head;
    # the in-place ReLU hands on the object that it was given, but other numbers
    assert content == {
        **{"first": 0, "relu": 1, "middle.0": 1, "middle.1": 2, "middle": 2, "relu#2": 3, "last": 4, "(root)": 4},
    }
    assert [layer.name for layer in found if layer.logits] == ["last", "(root)"]


def test_what_is_known_of_the_network_does_not_depend_on_the_selection():
    (relu,) = layers.trace(Backwards(), torch.rand(2, 4), "relu")
    assert (relu.call, relu.content, relu.logits, relu.shape) == (2, 0, False, (4,))
    (last,) = layers.trace(Backwards(), torch.rand(2, 4), "las?")
    assert last.logits


def test_leaves_are_layers_that_contain_no_other():
    # attention contains a projection, but that is never called
    module, inputs = network("transformer", "small", 28)
    leaves = fired(module, inputs, "leaves")
    assert "encoder.layers.encoder_layer_0.self_attention" in leaves
    assert not {"(root)", "encoder", "encoder.layers", "heads", "encoder.layers.encoder_layer_0.mlp"} & set(leaves)
    assert len(leaves) == 2 + 4 * 9 + 2


@pytest.mark.parametrize(
    ("name", "library", "blocks"),
    [
        ("residual", "small", "conv1 bn1 relu layer1.0 layer2.0 layer2.1 layer3.0 avgpool fc"),
        (
            "densenet121",
            "torchvision",
            "features.conv0 features.norm0 features.relu0 features.pool0 features.denseblock1 features.transition1 "
            "features.denseblock2 features.transition2 features.denseblock3 features.transition3 features.denseblock4 "
            "features.norm5 classifier",
        ),
        (
            "transformer",
            "small",
            "conv_proj encoder.dropout encoder.layers.encoder_layer_0 encoder.layers.encoder_layer_1 "
            "encoder.layers.encoder_layer_2 encoder.layers.encoder_layer_3 encoder.ln heads.head",
        ),
        ("convolutional", "small", "block1 block2 block3 block4 head"),
        ("layered", "small", "conv1 conv2 conv3 conv4 fc5 head"),
    ],
)
def test_blocks_are_the_repeated_units_and_the_leaves_outside_of_them(name, library, blocks):
    module, inputs = network(name, library, 28 if library == "small" else 64)
    assert fired(module, inputs, "blocks") == blocks.split()


def test_blocks_of_the_convolutional_network_hand_on_what_their_pooling_does():
    module, inputs = network("convolutional", "small", 28)
    found = {layer.name: layer for layer in layers.trace(module, inputs)}
    sides = [found[f"block{number}"].shape for number in (1, 2, 3, 4)]
    assert sides == [(64, 14, 14), (64, 7, 7), (64, 3, 3), (64, 1, 1)]
    assert all(found[f"block{number}"].content == found[f"block{number}.pool"].content for number in (1, 2, 3, 4))
    assert found["head"].logits


def test_a_pattern_selects_by_name():
    module, inputs = network("residual", "small", 28)
    assert fired(module, inputs, "layer?") == ["layer1", "layer2", "layer3"]
    with pytest.raises(InputError, match=r"nothing in ResidualNet matches 'layr\*': its modules are conv1, bn1, relu"):
        fired(module, inputs, "layr*")
    with pytest.raises(InputError, match="reused: expected one of last, every, found 'first'"):
        fired(module, inputs, reused="first")


class Axes(nn.Module):
    """Hands on examples along the second axis, a table without examples, pairs of rows an example, and no tensor."""

    def __init__(self):
        super().__init__()
        self.transposed, self.table, self.windows, self.nothing = (nn.Identity() for _ in range(4))
        self.attention = nn.MultiheadAttention(4, 1)

    def forward(self, x):
        self.nothing({"examples": x})
        self.table(torch.ones(6, 5))
        tokens = self.attention(*[self.transposed(x.transpose(0, 1))] * 3)[0]
        return self.windows(tokens.transpose(0, 1).reshape(-1, 3, 4)).sum((1, 2)).reshape(len(x), 2).sum(1)


def test_examples_are_found_on_whatever_axis_they_lie():
    found = {layer.name: (layer.axis, layer.shape) for layer in layers.trace(Axes(), torch.rand(3, 6, 4))}
    assert found == {
        "transposed": (1, (6, 4)),
        "attention": (1, (6, 4)),
        "windows": (0, (2, 3, 4)),
        "(root)": (0, ()),
    }


def test_modes_and_hooks_are_as_before_even_after_an_error():
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).train()
    module[1].eval()
    layers.trace(module, torch.rand(2, 4))
    with pytest.raises(RuntimeError):
        layers.trace(module, torch.rand(2, 5))
    assert [part.training for part in module.modules()] == [True, True, False]
    assert not any(part._forward_hooks for part in module.modules())
    assert module[1].num_batches_tracked == 0
