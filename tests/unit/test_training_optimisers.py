"""Adam and SGD, against torch.optim."""

import copy

import pytest
import torch
from torch import nn

from transferscope.training.optimisers import optimiser
from transferscope.training.recipe import Recipe

RECIPES = [
    Recipe(1, 8, "adam", 1e-2),
    Recipe(1, 8, "adam", 1e-2, weight_decay=0.1),
    Recipe(1, 8, "sgd", 1e-2),
    Recipe(1, 8, "sgd", 1e-2, momentum=0.9, weight_decay=0.1),
]


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.Flatten(), nn.Linear(20, 6))
    return layers.double().to(memory_format=torch.channels_last)


def loss(module: nn.Module, step: int) -> torch.Tensor:
    images = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return module(images.to(memory_format=torch.channels_last)).square().mean()


def by_torch(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(module.parameters(), momentum=recipe.momentum, **options)
    return torch.optim.Adam(module.parameters(), **options)


@pytest.mark.parametrize("recipe", RECIPES)
def test_steps_are_those_of_torch(recipe):
    ours, theirs = network(), network()
    our_steps, their_steps = optimiser(ours, recipe), by_torch(recipe, theirs)
    for step in range(20):
        our_steps.step(loss(ours, step))
        their_steps.zero_grad()
        loss(theirs, step).backward()
        their_steps.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_optimiser_goes_on_from_its_state_to_the_bit(recipe):
    whole = network()
    steps = optimiser(whole, recipe)
    for step in range(5):
        steps.step(loss(whole, step))
    resumed = copy.deepcopy(whole)
    state = {name: tensor.clone() for name, tensor in steps.state().items()}
    restored = optimiser(resumed, recipe)
    restored.restore(state)
    for step in range(5, 9):
        steps.step(loss(whole, step))
        restored.step(loss(resumed, step))
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("recipe", [RECIPES[0], RECIPES[2]])
def test_what_the_loss_does_not_depend_on_and_what_is_frozen_stays(recipe):
    module = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)])
    module[1].requires_grad_(False)
    before = copy.deepcopy(module)
    optimiser(module, recipe).step(module[1](module[0](torch.ones(2, 3))).square().sum())
    assert not torch.equal(module[0].weight, before[0].weight)
    assert torch.equal(module[1].weight, before[1].weight)
    assert torch.equal(module[2].weight, before[2].weight)
