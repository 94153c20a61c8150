"""How similar layers are before and after fine-tuning: 1 where nothing has changed, less from the first change on."""

import copy

import numpy as np
import pytest
import torch
from torchvision.models import alexnet, resnet18
from training_runs import as_tensor, examples

from transferscope.errors import InputError
from transferscope.layer_change import COLUMNS, similarity_to_source
from transferscope.models import zoo
from transferscope.models.layers import observed
from transferscope.models.transplant import layers_of
from transferscope.similarity import cka


def network(name: str = "layered", seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    architecture = {"library": "small", "name": name, "classes": 4, "channels": 1, "image_size": 28}
    return zoo.create(architecture).eval()


@pytest.fixture
def images() -> np.ndarray:
    return examples(24, size=28).images(np.arange(24))


def redraw(module: torch.nn.Module) -> None:
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()


@pytest.mark.parametrize("name", ["layered", "residual", "transformer"])
def test_a_layer_that_has_not_changed_is_similar_to_itself(name, images):
    source = network(name)
    found = similarity_to_source(source, copy.deepcopy(source), as_tensor, images)
    assert [row["layer"] for row in found] == layers_of(source) and all(tuple(row) == COLUMNS for row in found)
    assert [row["n"] for row in found] == list(range(1, len(found) + 1))
    for row in found:
        assert (row["cka"], row["cka_debiased"]) == pytest.approx((1, 1), abs=1e-6)


@pytest.mark.parametrize("changed", [1, 3, 5])
def test_layers_differ_from_the_one_that_was_drawn_anew_on(changed, images):
    source = network()
    tuned = copy.deepcopy(source)
    redraw(tuned.get_submodule(layers_of(tuned)[changed - 1]))
    for row in similarity_to_source(source, tuned, as_tensor, images):
        same = row["n"] < changed
        assert (row["cka"] == pytest.approx(1, abs=1e-6)) is same, row
        assert (row["cka_debiased"] == pytest.approx(1, abs=1e-5)) is same, row


def test_the_head_does_not_count(images):
    source = network()
    tuned = copy.deepcopy(source)
    redraw(zoo.head(tuned)[1])
    assert all(
        row["cka"] == pytest.approx(1, abs=1e-6) for row in similarity_to_source(source, tuned, as_tensor, images)
    )


def test_similarity_is_cka_of_what_the_blocks_hand_on(images):
    source, tuned = network(), network(seed=1)
    found = similarity_to_source(source, tuned, as_tensor, images)
    features = {}
    for module in (source, tuned):
        x, outputs = as_tensor(images, "cpu"), []
        with torch.no_grad():
            for layer in layers_of(module):
                x = module.get_submodule(layer)(x)
                outputs.append(x.double().numpy())
        features[module] = outputs
    for row, before, after in zip(found, features[source], features[tuned], strict=True):
        assert row["cka"] == pytest.approx(cka(before, after), abs=1e-5)
        assert row["cka_debiased"] == pytest.approx(cka(before, after, debiased=True), abs=1e-5)


class SharedNonlinearity(torch.nn.Module):
    """Two convolutions with one ReLU, which follows either."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 4, 3, 4)
        self.relu, self.head = torch.nn.ReLU(), torch.nn.Linear(4 * 6 * 6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.relu(self.conv2(self.relu(self.conv1(x)))).flatten(1))


ALEXNET = {0: "features.2", 3: "features.5", 6: "features.7", 8: "features.9", 10: "features.12"}


@pytest.mark.parametrize(
    ("create", "ends"),
    [
        # conv1, bn1, relu and maxpool; then blocks, which hand on what they make
        (resnet18, {"conv1": "maxpool", "layer1.0": "layer1.0", "layer4.1": "layer4.1"}),
        (
            alexnet,
            {f"features.{conv}": end for conv, end in ALEXNET.items()}
            | {"classifier.1": "classifier.2", "classifier.4": "classifier.5"},
        ),
        (SharedNonlinearity, {"conv1": "relu", "conv2": "relu#2"}),
    ],
)
def test_a_layer_without_a_block_hands_on_what_its_norm_nonlinearity_and_pooling_make_of_it(create, ends, rng):
    torch.manual_seed(0)
    source, tuned = create().eval(), create().eval()
    shape = (8, 28, 28, 1) if create is SharedNonlinearity else (8, 64, 64, 3)
    images = rng.integers(0, 256, shape).astype(np.uint8)
    rows = {row["layer"]: row for row in similarity_to_source(source, tuned, as_tensor, images)}
    assert list(rows) == layers_of(source)
    made = []
    for network in (source, tuned):
        outputs = {}

        def note(name: str, call: int, output: torch.Tensor, outputs: dict = outputs) -> None:
            outputs[name if call == 1 else f"{name}#{call}"] = output.double().numpy().copy()

        with torch.no_grad(), observed(network, note):
            network(as_tensor(images, "cpu"))
        made.append(outputs)
    for layer, end in ends.items():
        own, found = (cka(*(outputs[name] for outputs in made)) for name in (layer, end))
        assert rows[layer]["cka"] == pytest.approx(found, abs=1e-6), layer
        assert end == layer or abs(found - own) > 1e-5, layer


def test_networks_of_two_architectures_are_refused(images):
    with pytest.raises(InputError, match=r"one architecture, found the layers conv1, .* and block1, "):
        similarity_to_source(network(), network("convolutional"), as_tensor, images)
