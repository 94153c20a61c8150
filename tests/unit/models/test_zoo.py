"""Networks by name, their heads, and checkpoints of them."""

import pytest
import torch
from torch import nn

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import zoo

SMALL = ["residual", "dense", "transformer", "convolutional", "layered"]
ANY = [("small", name) for name in SMALL] + [
    *[("torchvision", name) for name in ("resnet18", "densenet121", "vit_b_16", "vgg11", "convnext_tiny")],
    *[("timm", name) for name in ("resnet18", "vit_tiny_patch16_224", "convnext_atto", "densenet121", "vgg11")],
]


def architecture(name: str, library: str = "small", **more) -> dict:
    size, channels = (28, 1) if library == "small" else (224, 3)
    return {"library": library, "name": name, "classes": 10, "channels": channels, "image_size": size} | more


def create(name: str, seed: int = 0, **more) -> nn.Module:
    torch.manual_seed(seed)
    return zoo.create(architecture(name, **more))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", SMALL)
def test_a_small_network_learns_with_all_its_parameters(name):
    module = create(name)
    assert 25_000 < parameters(module) < 120_000
    optimiser = torch.optim.Adam(module.parameters(), 3e-3)
    images, labels = torch.randn(32, 1, 28, 28), torch.arange(32) % 10
    for _ in range(25):
        loss = nn.functional.cross_entropy(module(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.5
    assert all(parameter.grad.any() for parameter in module.parameters())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [28, 56])
def test_small_networks_take_any_channels_classes_and_sizes_that_divide_into_patches(name, size):
    module = create(name, channels=3, classes=7, image_size=size)
    assert module(torch.rand(2, 3, size, size)).shape == (2, 7)


@pytest.mark.parametrize(
    ("size", "channels", "width", "expected"), [(32, 3, 64, 115_658), (28, 1, 64, 112_586), (28, 1, 16, 7_418)]
)
def test_the_convolutional_network_is_that_of_the_paper(size, channels, width, expected):
    module = create("convolutional", channels=channels, image_size=size, options={"width": width})
    assert parameters(module) == expected
    blocks = [module.block1, module.block2, module.block3, module.block4]
    assert [[type(part) for part in block] for block in blocks] == [
        [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    ] * 4
    side = size // 16
    features = nn.Sequential(*blocks)(torch.rand(2, channels, size, size))
    assert features.shape == (2, width, side, side)
    assert (features >= 0).all()


def parts(layer: nn.Module) -> list[type]:
    return [type(part) for part in layer]


def test_the_layered_network_pools_after_its_first_second_and_last_convolution():
    module = create("layered")
    weights = 12 * 9 + 12 * 24 * 9 + 2 * 24 * 24 * 9 + 24 * 3**2 * 64 + 64 * 10
    assert parameters(module) == weights + 12 + 3 * 24 + 64 + 10
    convolutions = [module.conv1, module.conv2, module.conv3, module.conv4]
    assert [nn.MaxPool2d in parts(layer) for layer in convolutions] == [True, True, False, True]
    assert parts(module.fc5) == [nn.Flatten, nn.Linear, nn.ReLU]
    deeper = create("layered", options={"widths": [4, 5, 6], "hidden": 7})
    assert [name for name, _ in deeper.named_children()] == ["conv1", "conv2", "conv3", "fc4", "head"]
    assert deeper.fc4.linear.weight.shape == (7, 6 * 3**2)


def test_the_network_of_quanta_is_that_of_the_paper():
    with torch.device("meta"):
        module = zoo.create(architecture("quanta", channels=3, image_size=32))
        shapes, x = [], torch.empty(2, 3, 32, 32)
        for layer in module:
            x = layer(x)
            shapes.append(tuple(x.shape[1:]))
    assert parameters(module) == 21_116_234
    assert [name for name, _ in module.named_children()] == [
        *("conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "fc7", "head"),
    ]
    assert shapes == [
        *((64, 32, 32), (64, 16, 16), (256, 16, 16), (256, 8, 8), (512, 8, 8), (512, 4, 4)),
        *((2048,), (10,)),
    ]
    assert parts(module.conv1) == [nn.Conv2d, nn.ReLU]
    assert parts(module.conv2) == [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    assert parts(module.fc7) == [nn.Flatten, nn.Linear, nn.ReLU]


def test_the_network_of_quanta_starts_from_xaviers_uniform_weights_and_without_biases():
    module = create("quanta", channels=3, image_size=32, options={"widths": [16, 32], "hidden": 64})
    assert not any(parameter.any() for name, parameter in module.named_parameters() if name.endswith("bias"))
    fans = {"conv1.conv": (3 * 9, 16 * 9), "conv2.conv": (16 * 9, 32 * 9), "fc3.linear": (32 * 16**2, 64)}
    for name, (inputs, outputs) in (fans | {"head": (64, 10)}).items():
        weights, bound = module.get_submodule(name).weight.detach(), (6 / (inputs + outputs)) ** 0.5
        assert 0.98 * bound < weights.abs().max() <= bound, name
        assert weights.std() == pytest.approx(bound / 3**0.5, rel=0.1), name


def test_caffenet_is_that_of_the_paper():
    with torch.device("meta"):
        module = zoo.create(architecture("caffenet", channels=3, classes=1000, image_size=227))
        shapes, x = [], torch.empty(2, 3, 227, 227)
        for layer in module:
            x = layer(x)
            shapes.append(tuple(x.shape[1:]))
    assert parameters(module) == 60_965_224
    assert [name for name, _ in module.named_children()] == [
        *("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "dropout", "head"),
    ]
    assert shapes == [(96, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 6, 6)] + [(4096,)] * 3 + [
        (1000,)
    ]
    assert parts(module.conv2) == [nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.LocalResponseNorm]
    assert parts(module.conv4) == [nn.Conv2d, nn.ReLU]
    assert parts(module.conv5) == [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    # dropout on what the two fully connected layers hand on, and nowhere else
    assert parts(module.fc6) == [nn.Flatten, nn.Linear, nn.ReLU]
    assert parts(module.fc7) == [nn.Dropout, nn.Linear, nn.ReLU]


def test_caffenet_without_groups_sees_all_channels_below():
    with torch.device("meta"):
        shape = {"channels": 3, "classes": 1000, "image_size": 227}
        grouped, whole = (
            zoo.create(architecture("caffenet", **shape, options=options)) for options in ({}, {"groups": 1})
        )
    inputs = {name: layer.conv.weight.shape[1] for name, layer in whole.named_children() if name.startswith("conv")}
    assert inputs == {"conv1": 3, "conv2": 96, "conv3": 256, "conv4": 384, "conv5": 384}
    # as many weights more as the two halves of a layer had not from the other
    missing = 256 * 48 * 25 + 384 * 192 * 9 + 256 * 192 * 9
    assert parameters(whole) == parameters(grouped) + missing == 62_378_344


def test_caffenet_starts_from_the_papers_gaussian_weights_and_biases():
    module = create("caffenet", channels=3, image_size=67, options={"hidden": 256})
    weights = {name.split(".")[0]: part for name, part in module.named_modules() if hasattr(part, "weight")}
    deviations = {name: float(layer.weight.detach().std()) for name, layer in weights.items()}
    convolutions = dict.fromkeys(["conv1", "conv2", "conv3", "conv4", "conv5"], 0.01)
    assert deviations == pytest.approx(convolutions | {"fc6": 0.005, "fc7": 0.005, "head": 0.01}, rel=0.05)
    biases = {name: set(layer.bias.tolist()) for name, layer in weights.items()}
    assert [name for name in biases if biases[name] == {1}] == ["conv2", "conv4", "conv5", "fc6", "fc7"]
    assert [name for name in biases if biases[name] == {0}] == ["conv1", "conv3", "head"]


def test_caffenet_learns_in_pixel_values():
    module, images = (
        create("caffenet", channels=3, image_size=67, options={"hidden": 4}).eval(),
        torch.randn(2, 3, 67, 67),
    )
    assert torch.equal(module(images), nn.Sequential(*module)(58 * images))


def test_options_reach_the_architecture():
    assert len(create("residual", options={"blocks": [1, 1]}).stages) == 2
    assert create("dense", options={"growth": 4}).classifier.in_features == 16
    assert create("transformer", options={"width": 16}).heads.head.in_features == 16
    with torch.device("meta"):
        assert zoo.create(architecture("resnet18", "torchvision", options={"width_per_group": 64})).base_width == 64


def test_weights_come_from_the_global_generator():
    one, same, other = (create("dense", seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["features.conv0.weight"], other["features.conv0.weight"])


def test_networks_of_convolutions_are_laid_out_channels_last():
    assert zoo.memory_format(create("residual")) == torch.channels_last
    assert create("residual").layer1[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    assert zoo.memory_format(create("transformer")) == torch.contiguous_format


@pytest.mark.parametrize(("library", "name"), ANY)
def test_the_head_is_the_layer_whose_output_is_the_logits(library, name):
    with torch.device("meta"):
        module = zoo.create(architecture(name, library, classes=13))
        images = torch.empty(2, 1 if library == "small" else 3, *[28 if library == "small" else 224] * 2)
    head_name, head = zoo.head(module)
    assert module.get_submodule(head_name) is head
    assert head.out_features == 13
    seen = []
    head.register_forward_hook(lambda layer, arguments, output: seen.append(output))
    assert module.eval()(images) is seen[0]


def test_a_network_without_a_linear_head_is_refused():
    with torch.device("meta"):
        module = zoo.create(architecture("squeezenet1_0", "torchvision"))
    with pytest.raises(InputError, match="SqueezeNet does not end with a linear layer"):
        zoo.head(module)


@pytest.mark.parametrize(("library", "name"), [("small", "transformer"), ("timm", "test_vit"), ("small", "residual")])
def test_a_new_head_depends_on_its_generator_alone_and_changes_nothing_else(library, name):
    module = create(name, library=library, image_size=28 if library == "small" else 160)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    head_name, old = zoo.head(module)
    assert zoo.with_new_head(module, 4, torch.Generator().manual_seed(5)) is module
    assert torch.equal(torch.get_rng_state(), state)
    _, head = zoo.head(module)
    after = module.state_dict()
    assert [
        key for key in after if after[key].shape != before[key].shape or not torch.equal(after[key], before[key])
    ] == [
        f"{head_name}.weight",
        f"{head_name}.bias",
    ]
    assert head.weight.shape == (4, old.in_features)
    # uniform in ±1/sqrt(inputs): so many draws come close to the bounds and never cross them
    bound = old.in_features**-0.5
    assert 0.9 * bound < head.weight.abs().max() <= bound
    assert head.weight.requires_grad
    first = head.weight.clone()
    zoo.with_new_head(module, 4, torch.Generator().manual_seed(5))
    assert torch.equal(zoo.head(module)[1].weight, first)
    zoo.with_new_head(module, 4, torch.Generator().manual_seed(6))
    assert not torch.equal(zoo.head(module)[1].weight, first)


def test_the_body_is_all_but_the_head():
    module = create("residual")
    names = {name for name, _ in module.named_parameters()}
    assert names - set(zoo.body(module)) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"library": "torchvison"}, "unknown model library 'torchvison': did you mean torchvision"),
        ({"name": "residul"}, "unknown model of library small 'residul': did you mean residual"),
        (
            {"name": "vgg"},
            "unknown model of library small 'vgg': expected one of caffenet, convolutional, dense, layered, quanta, ",
        ),
        ({"library": "torchvision", "name": "resnet5", "channels": 3}, "'resnet5': did you mean resnet50"),
        ({"library": "timm", "name": "resnet5"}, "unknown model of library timm 'resnet5': did you mean resnet50"),
        ({"library": "torchvision", "name": "resnet18"}, "takes 3 channels, found channels: 1"),
        ({"options": {"widht": 3}}, "unknown option of small model residual 'widht': did you mean width"),
        ({"options": {"classes": 3}}, "unknown option of small model residual 'classes'"),
        ({"options": {"width": -1}}, r"small model residual cannot be made with .*'width': -1"),
        ({"name": "convolutional", "image_size": 15}, "expected an image of at least 16 pixels, found 15"),
        ({"name": "layered", "image_size": 7}, "expected an image of at least 8 pixels, found 7"),
        ({"name": "quanta", "image_size": 7}, "expected an image of at least 8 pixels, found 7"),
        (
            {"name": "quanta", "options": {"widths": [4, 4, 8]}},
            r"widths of pairs of convolutions, found 3: \[4, 4, 8\]",
        ),
        ({"name": "caffenet", "image_size": 66}, "expected an image of at least 67 pixels, found 66"),
        ({"name": "transformer", "image_size": 30}, "30 pixels does not divide into patches of 7"),
        ({"name": "transformer", "options": {"heads": 5}}, "a width of 32 does not divide into 5 heads"),
        ({"library": "torchvision", "name": "resnet18", "channels": 3, "options": {"wide": 1}}, "argument 'wide'"),
        ({"library": "timm", "name": "resnet18", "options": {"wide": 1}}, "argument 'wide'"),
        ({"library": "timm", "name": "resnet18", "options": {"act_layer": "rely"}}, "cannot be made with .*'rely'"),
        ({"name": "transformer", "options": {"patch": 0}}, "cannot be made with .*'patch': 0"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_nearest_name(wrong, message):
    with pytest.raises(InputError, match=message):
        zoo.create(architecture("residual") | wrong)


@pytest.mark.parametrize("name", SMALL)
def test_a_checkpoint_comes_back_as_the_same_network(name, tmp_path):
    module = create(name).eval()
    facts = {"architecture": zoo.architecture(architecture(name), classes=10), "epoch": 3}
    store.write_checkpoint(tmp_path / "epoch3.safetensors", module.state_dict(), facts)
    state = torch.get_rng_state()
    loaded, loaded_facts = zoo.load(tmp_path / "epoch3.safetensors")
    assert torch.equal(torch.get_rng_state(), state)
    assert loaded_facts == facts
    assert not any(part.training for part in loaded.modules())
    images = torch.rand(3, 1, 28, 28)
    assert torch.equal(loaded(images), module(images))


def test_a_checkpoint_that_does_not_describe_itself_or_does_not_fit_is_refused(tmp_path):
    path, tensors = tmp_path / "epoch1.safetensors", create("residual").state_dict()
    store.write_checkpoint(path, tensors, {})
    with pytest.raises(InputError, match=r"epoch1.safetensors does not say which architecture it holds"):
        zoo.load(path)
    store.write_checkpoint(path, tensors, {"architecture": architecture("residual", classes=5)})
    with pytest.raises(InputError, match=r"2 of another shape \(fc.bias is \(10,\), expected \(5,\), fc.weight is"):
        zoo.load(path)
    store.write_checkpoint(path, tensors, {"architecture": architecture("dense")})
    missing = r"\d+ missing \(features.conv0.weight \(28, 1, 3, 3\), .*, \.\.\.\)"
    left_over = r"\d+ not known to the architecture \(bn1.bias \(32,\)"
    with pytest.raises(InputError, match=f"does not fit DenseNet: of its tensors, {missing}; {left_over}"):
        zoo.load(path)
