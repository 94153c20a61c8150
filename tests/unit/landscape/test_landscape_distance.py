"""Distances between networks: of parameters alone, module by module, with and without the head."""

import copy
import math

import pytest
import torch
from landscape_nets import product, small

from transferscope.errors import InputError
from transferscope.landscape.distance import BODY, distances, relative_distance
from transferscope.landscape.modules import parameters_by_module, tensors_by_module


def test_a_network_of_two_parameters_is_as_far_as_each_of_them():
    assert distances(product(1, 2), product(4, -3)) == {"first": 3, "head": 5, BODY: 3}


@pytest.mark.parametrize("name", ["layered", "residual", "dense", "transformer", "convolutional"])
def test_the_distance_of_the_body_is_that_of_all_its_parameters_at_once(name):
    one, other = small(name, 0), small(name, 1)
    found = distances(one, other)
    head = list(found)[-2]
    squares = [
        (first.double() - second.double()).square().sum().item()
        for (key, first), second in zip(one.named_parameters(), other.parameters(), strict=True)
        if not key.startswith(f"{head}.")
    ]
    assert found[BODY] == pytest.approx(math.sqrt(sum(squares)), rel=1e-12)
    assert found[BODY] ** 2 == pytest.approx(sum(found[key] ** 2 for key in found if key not in (BODY, head)), rel=1e-9)
    assert list(found) == [*tensors_by_module(one), BODY]


def test_running_statistics_do_not_count():
    one = small("residual", 0)
    other = copy.deepcopy(one)
    for tensor in other.buffers():
        tensor.add_(1)
    assert set(distances(one, other).values()) == {0}
    with torch.no_grad():
        other.bn1.weight.add_(2)
    found = distances(one, other)
    # a normalisation behind a convolution is part of its module
    assert found["conv1"] == found[BODY] == pytest.approx(2 * math.sqrt(other.bn1.weight.numel()))


def test_heads_for_other_classes_have_no_distance_and_the_bodies_have():
    found = distances(small("layered", 0, classes=10), small("layered", 1))
    assert math.isnan(found["head"])
    assert found[BODY] > 0


def test_distances_are_summed_in_double_precision():
    one, other = small("layered", 0), small("layered", 0)
    with torch.no_grad():
        one.conv1.conv.bias.fill_(1e4)
        other.conv1.conv.bias.fill_(1e4)
        one.conv1.conv.bias[0] += 0.0009765625  # the least that float32 can add there
    assert distances(one, other)[BODY] == 0.0009765625


def test_networks_of_other_architectures_are_refused():
    narrow = small("layered", 0, options={"widths": [12, 8, 8, 24]})
    with pytest.raises(
        InputError, match=r"conv2.conv.weight is \(8, 12, 3, 3\), expected \(24, 12, 3, 3\); .*; \.\.\."
    ):
        distances(small("layered", 0), narrow)
    with pytest.raises(InputError, match=r"different architectures: conv1\.conv\.weight is missing"):
        distances(small("layered", 0), small("residual", 0))


def test_every_tensor_belongs_to_one_module_and_parameters_are_those_that_learn():
    for name in ("residual", "transformer"):
        module = small(name, 0)
        tensors, parameters = tensors_by_module(module), parameters_by_module(module)
        assert sorted(key for names in tensors.values() for key in names) == sorted(module.state_dict())
        assert sorted(key for names in parameters.values() for key in names) == sorted(
            key for key, _ in module.named_parameters()
        )


def test_how_far_a_network_has_moved_is_relative_to_where_it_was():
    start = {"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([[4.0]])}
    moved = {"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([[4.0]]), "head": torch.zeros(7)}
    assert relative_distance(moved, start) == pytest.approx(1 / 5)
    assert relative_distance(start, {"a": torch.zeros(2)}) == math.inf
    with pytest.raises(KeyError):
        relative_distance({"a": start["a"]}, start)
