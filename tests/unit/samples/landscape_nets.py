"""Networks of two parameters, of which everything is known in closed form, small ones of every kind, and a witness."""

import copy
from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from transferscope.data.tasks import Examples
from transferscope.landscape.probe import Probe, Score
from transferscope.models import zoo


def product(w: float, v: float = 1.0) -> nn.Module:
    """Logits (0, v w x) of a number x: one weight a module."""
    module = nn.Sequential(
        OrderedDict(flatten=nn.Flatten(), first=nn.Linear(1, 1, bias=False), head=nn.Linear(1, 2, bias=False))
    )
    with torch.no_grad():
        module.first.weight.fill_(w)
        module.head.weight.copy_(torch.tensor([[0.0], [v]]))
    return module


def numbers(values: list[int], mislabelled: int = 0) -> Examples:
    """Images of one pixel; x is its value less 100, over 50, and the class is 1 where x > 0.

    mislabelled: so many of them, from the first, are said to be of the other class.
    """
    images = np.array(values, np.uint8).reshape(-1, 1, 1, 1)
    labels = (np.array(values) > 100).astype(np.int64)
    labels[:mislabelled] = 1 - labels[:mislabelled]
    return Examples(images, labels, ["below", "above"], 1, np.arange(len(values)))


def as_numbers(images: np.ndarray, device: torch.device) -> torch.Tensor:
    return (torch.from_numpy(images).to(device).float() - 100) / 50


def probe_of(values: list[int], mislabelled: int = 0) -> Probe:
    return Probe(as_numbers, numbers(values, mislabelled), "cpu")


def small(name: str, seed: int, **more) -> nn.Module:
    """A network of the library small, in evaluation mode, with statistics as if it had been trained."""
    torch.manual_seed(seed)
    module = zoo.create({"library": "small", "name": name, "classes": 4, "channels": 1, "image_size": 28} | more)
    for tensor in module.buffers():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) / 10)
    return module.eval()


class Witness(Probe):
    """A probe that remembers the tensors of every network that it is shown."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.states: list[dict[str, torch.Tensor]] = []

    def score(self, module: nn.Module) -> Score:
        self.states.append(copy.deepcopy(module.state_dict()))
        return super().score(module)
