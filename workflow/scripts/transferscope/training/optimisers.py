"""The optimiser of a run: which parameters it moves, at which rates."""

from collections.abc import Iterator

import torch

from transferscope.models.side_by_side import SideBySide
from transferscope.training.eager import eager
from transferscope.training.recipe import Biases, Recipe


def optimiser_of(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser of all parameters of a module that require a gradient.

    It is fused, which on a CPU and on a GPU is deterministic and as fast as any. It is one also for networks side by
    side, as it does to each parameter what it would do without the others.
    """
    groups = [{"params": [each for each in module.parameters() if each.requires_grad]}]
    if isinstance(module, SideBySide):
        groups = module.parameter_groups()
    if recipe.biases:
        groups = [part for group in groups for part in _biases_apart(group, recipe, recipe.biases)]
    options = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": True}
    if recipe.optimiser == "sgd":
        return eager(torch.optim.SGD)(groups, momentum=recipe.momentum, **options)
    return eager(torch.optim.Adam)(groups, **options)


def _biases_apart(group: dict, recipe: Recipe, biases: Biases) -> Iterator[dict]:
    """A group of parameters, parted into weights and biases; one with options of its own, the gates, as it is."""
    if group.keys() > {"params"}:
        yield group
        return
    yield {"params": [each for each in group["params"] if each.dim() > 1]}
    yield {
        "params": [each for each in group["params"] if each.dim() <= 1],
        "lr": recipe.learning_rate * biases.learning_rate_factor,
        "weight_decay": recipe.weight_decay if biases.weight_decay is None else biases.weight_decay,
    }
