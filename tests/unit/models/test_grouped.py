"""Networks of one architecture, computed as one: each makes of images, and learns, what it does alone."""

from collections import OrderedDict
from functools import partial

import pytest
import torch
from small_networks import create
from torch import nn

from transferscope.errors import InputError
from transferscope.models.gate import Gate, mixed_in_group
from transferscope.models.grouped import apart, can_be_grouped, grouped

IMAGES = torch.linspace(-1, 1, 3 * 2 * 12 * 12).reshape(3, 2, 12, 12).sin()


def stack(seed: int, **parts: nn.Module) -> nn.Module:
    """A stack within a stack, of all kinds of parts and of settings that matter; `parts` replace some."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ours = {
            "conv1": nn.Conv2d(2, 3, 3, padding=1),
            "relu1": nn.ReLU(inplace=True),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(3, 5, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1), bias=False),
            "conv3": nn.Conv2d(5, 4, 1),
            "same": nn.Identity(),
            "pool2": nn.MaxPool2d(2, ceil_mode=True),
        }
        body = nn.Sequential(OrderedDict(ours | {name: part for name, part in parts.items() if name in ours}))
        top = {
            "body": body,
            "flatten": nn.Flatten(),
            "fc": nn.Linear(24, 6, bias=False),
            "relu": nn.ReLU(),
            "head": nn.Linear(6, 4),
        }
        top |= {name: part for name, part in parts.items() if name not in ours}
        return nn.Sequential(OrderedDict(top)).double()


def gradients(networks: list[nn.Module]) -> list[torch.Tensor]:
    return [parameter.grad for network in networks for parameter in network.parameters()]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_networks_make_and_learn_what_they_do_alone(count, layout):
    images = IMAGES.double().contiguous(memory_format=layout)
    alone, together = ([stack(seed).to(memory_format=layout) for seed in range(count)] for _ in range(2))
    assert can_be_grouped(together)
    expected, found = [network(images) for network in alone], grouped(together, images, {})
    assert len(found) == count
    for logits in (expected, found):
        # another loss for each
        sum((n + 1) * each.square().sum() for n, each in enumerate(logits)).backward()
    torch.testing.assert_close(list(found), expected)
    torch.testing.assert_close(gradients(together), gradients(alone))


@pytest.mark.parametrize("name", ["quanta", "layered"])
def test_the_plain_networks_of_the_demo_are_computed_as_one(name):
    networks, images = [create(name, seed) for seed in range(3)], torch.rand(4, 1, 28, 28)
    assert can_be_grouped(networks)
    for network, logits in zip(networks, grouped(networks, images, {}), strict=True):
        torch.testing.assert_close(logits, network(images))


@pytest.mark.parametrize("name", ["convolutional", "residual", "dense", "transformer"])
def test_networks_that_are_more_than_plain_stacks_are_not(name):
    assert not can_be_grouped([create(name, seed) for seed in range(2)])


class Doubled(nn.Sequential):
    """A stack that does more than call its parts."""

    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "parts",
    [
        {"conv3": nn.Conv2d(5, 5, 1, groups=5)},
        {"conv1": nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")},
        {"same": nn.BatchNorm2d(4)},
        {"same": nn.Dropout(0.5)},
        {"same": nn.LocalResponseNorm(2)},
        {"same": nn.Softmax(1)},
        {"pool1": nn.MaxPool2d(2, return_indices=True)},
        # the words for it do not tell all its settings
        {"pool1": nn.AvgPool2d(2)},
        {"flatten": nn.Flatten(2)},
        {"fc": Doubled(nn.Linear(24, 6))},
        # in front of all weights, what is done is done to images that all networks share
        {"conv1": nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(2, 3, 3))},
        {"same": nn.Linear(4, 4)},
        {"relu": nn.Flatten()},
    ],
    ids=lambda parts: next(f"{name}: {part}" for name, part in parts.items()),
)
def test_parts_that_cannot_be_computed_as_one_are_found(parts):
    assert not can_be_grouped([stack(seed, **parts) for seed in range(2)])


def test_networks_of_different_architectures_are_not_computed_as_one():
    assert not can_be_grouped([stack(0), stack(1, head=nn.Linear(6, 5))])
    assert not can_be_grouped([stack(0), stack(1, pool2=nn.MaxPool2d(2))])
    assert can_be_grouped([stack(0), stack(1)])


@pytest.mark.parametrize("name", ["body.conv2", "body.relu1", "body", "fc", "head"])
def test_what_a_module_hands_on_can_be_changed(name):
    def change(outputs):
        return outputs + torch.ones_like(outputs).cumsum(0 if outputs.dim() == 3 else 1)

    networks, seen = [stack(seed) for seed in range(3)], []
    grouped(networks, IMAGES.double(), {name: lambda outputs: seen.append(outputs) or outputs})
    changed = apart(change(seen[0]), 3)

    found = grouped(networks, IMAGES.double(), {name: change})
    for network, logits, output in zip(networks, found, changed, strict=True):
        network.get_submodule(name).register_forward_hook(lambda *_, output=output: output)
        torch.testing.assert_close(logits, network(IMAGES.double()))


# ---- gates


def gates_of(initial: list[float | None]) -> list[Gate | None]:
    return [value and Gate(value).double() for value in initial]


INITIAL = [None, 0.9, 0.2, None, 0.5]


@pytest.mark.parametrize("shape", [(3, 4, 5, 5), (3, 7)])
def test_gates_of_a_group_mix_and_learn_as_they_do_alone(shape):
    generator = torch.Generator().manual_seed(0)
    source, *parts = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(6))
    alone, together = gates_of(INITIAL), gates_of(INITIAL)
    separate = [part.clone().requires_grad_() for part in parts]
    joined = (torch.stack(parts) if len(shape) == 2 else torch.cat(parts, 1)).requires_grad_()

    expected = [gate(source, part) if gate else part for gate, part in zip(alone, separate, strict=True)]
    mixtures = mixed_in_group(together, source, joined)
    for outputs in (expected, apart(mixtures, 5)):
        sum((n + 1) * each.sin().sum() for n, each in enumerate(outputs)).backward()

    torch.testing.assert_close(list(apart(mixtures, 5)), expected, rtol=0, atol=0)
    torch.testing.assert_close(list(apart(joined.grad, 5)), [part.grad for part in separate])
    torch.testing.assert_close(*([gate.v.grad for gate in gates if gate] for gates in (together, alone)))


def test_a_group_of_gates_has_the_gradients_of_what_it_computes():
    generator = torch.Generator().manual_seed(1)
    source, targets = (torch.randn(2, n, 3, 3, generator=generator, dtype=torch.float64) for n in (2, 10))
    gates = gates_of(INITIAL)
    vectors = [gate.v for gate in gates if gate]

    def mixtures(given, *_vectors):
        return mixed_in_group(gates, source, given)

    assert torch.autograd.gradcheck(mixtures, (targets.requires_grad_(), *vectors))


def test_no_gradient_goes_to_the_source_of_a_group():
    source = torch.rand(2, 2, 3, 3, requires_grad=True)
    mixed_in_group([Gate(0.5)], source, torch.rand(2, 2, 3, 3, requires_grad=True)).sum().backward()
    assert source.grad is None


@pytest.mark.parametrize("shape", [(2, 3, 3, 3), (2, 2, 5, 5)])
def test_a_source_of_another_shape_is_refused_by_a_group_of_gates(shape):
    with pytest.raises(InputError, match="expected the same shape: take networks that differ in their heads only"):
        mixed_in_group([None, Gate(0.5)], torch.rand(shape), torch.rand(2, 4, 3, 3))


def test_gates_of_a_group_are_measured_in_evaluation_mode_as_they_are_alone():
    generator = torch.Generator().manual_seed(2)
    source, *parts = (torch.randn(4, 2, 3, 3, generator=generator) for _ in range(6))
    alone, together = gates_of(INITIAL), gates_of(INITIAL)
    for gates, compute in (
        (alone, lambda: [gate(source, part) for gate, part in zip(alone, parts, strict=True) if gate]),
        (together, partial(mixed_in_group, together, source, torch.cat(parts, 1))),
    ):
        for mode in (False, True):
            for gate in gates:
                if gate:
                    gate.train(mode)
            # what is seen in train mode does not count
            compute()
    shares = [[gate.share for gate in gates if gate] for gates in (together, alone)]
    assert shares[0] == pytest.approx(shares[1], rel=1e-6)
    assert len(set(shares[0])) == 3
