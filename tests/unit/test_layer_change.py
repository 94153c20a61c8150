"""How similar layers are before and after fine-tuning: 1 where nothing has changed, less from the first change on."""

import copy

import numpy as np
import pytest
import torch
from training_runs import as_tensor, examples

from transferscope.errors import InputError
from transferscope.layer_change import COLUMNS, similarity_to_source
from transferscope.models import zoo
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


def test_networks_of_two_architectures_are_refused(images):
    with pytest.raises(InputError, match=r"one architecture, found the layers conv1, .* and block1, "):
        similarity_to_source(network(), network("convolutional"), as_tensor, images)
