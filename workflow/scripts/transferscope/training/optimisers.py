"""Adam and SGD as torch.optim computes them, without the compiler that torch.optim imports (4 s of every process)."""

import math
from collections.abc import Mapping, Sequence

import torch

from transferscope.training.recipe import Recipe


class Optimiser:
    """Moves parameters down the gradient of a loss, by the learning rate and the weight decay of a recipe.

    What it remembers from step to step are moving averages, of the shapes of the parameters, and the number of steps.
    """

    AVERAGES: Sequence[str] = ()

    def __init__(self, parameters: Sequence[torch.nn.Parameter], recipe: Recipe):
        self.parameters, self.recipe, self.steps = list(parameters), recipe, 0
        self.averages = {name: [torch.zeros_like(each) for each in self.parameters] for name in self.AVERAGES}

    def step(self, loss: torch.Tensor) -> None:
        """Take one step. A parameter on which the loss does not depend has the gradient 0."""
        gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        with torch.no_grad():
            if self.recipe.weight_decay:
                gradients = torch._foreach_add(gradients, self.parameters, alpha=self.recipe.weight_decay)
            self.steps += 1
            self._move(gradients)

    def state(self) -> dict[str, torch.Tensor]:
        """All that is remembered: "steps" and, by name and parameter, the averages."""
        averages = {f"{name}.{k}": each for name, tensors in self.averages.items() for k, each in enumerate(tensors)}
        return averages | {"steps": torch.tensor(self.steps)}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a `state` of the same parameters."""
        self.steps = int(state["steps"])
        for name, tensors in self.averages.items():
            for k, each in enumerate(tensors):
                each.copy_(state[f"{name}.{k}"])

    def _move(self, gradients: Sequence[torch.Tensor]) -> None:
        raise NotImplementedError


class SGD(Optimiser):
    """Stochastic gradient descent with momentum: v = momentum v + gradient; parameter -= learning rate v."""

    AVERAGES = ("velocity",)

    def _move(self, gradients: Sequence[torch.Tensor]) -> None:
        velocity = self.averages["velocity"]
        torch._foreach_mul_(velocity, self.recipe.momentum)
        torch._foreach_add_(velocity, gradients)
        torch._foreach_add_(self.parameters, velocity, alpha=-self.recipe.learning_rate)


class Adam(Optimiser):
    """Adam (Kingma & Ba 2015, algorithm 1), with the constants that they and torch use."""

    AVERAGES = ("first_moment", "second_moment")
    BETAS = (0.9, 0.999)
    EPSILON = 1e-8

    def _move(self, gradients: Sequence[torch.Tensor]) -> None:
        first, second = (self.averages[name] for name in self.AVERAGES)
        torch._foreach_lerp_(first, gradients, 1 - self.BETAS[0])
        torch._foreach_mul_(second, self.BETAS[1])
        torch._foreach_addcmul_(second, gradients, gradients, 1 - self.BETAS[1])
        # both moments start at 0: their bias towards it is divided out
        unbiased_first, unbiased_second = (1 - beta**self.steps for beta in self.BETAS)
        scale = torch._foreach_sqrt(second)
        torch._foreach_div_(scale, math.sqrt(unbiased_second))
        torch._foreach_add_(scale, self.EPSILON)
        torch._foreach_addcdiv_(self.parameters, first, scale, -self.recipe.learning_rate / unbiased_first)


def optimiser(module: torch.nn.Module, recipe: Recipe) -> Optimiser:
    """The recipe's optimiser of all parameters of a module that require a gradient."""
    parameters = [each for each in module.parameters() if each.requires_grad]
    return {"adam": Adam, "sgd": SGD}[recipe.optimiser](parameters, recipe)
