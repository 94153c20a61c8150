"""Small untrained networks by name."""

import torch
from torch import nn

from transferscope.models import zoo

NAMES = ["quanta", "layered", "convolutional", "residual", "dense", "transformer"]
OPTIONS = {"quanta": {"widths": [3, 4, 4, 5], "hidden": 6}}


def create(name: str, seed: int = 0, library: str = "small") -> nn.Module:
    """A network of ten classes in evaluation mode; a small one is for grey images of 28 pixels."""
    channels, size = (1, 28) if library == "small" else (3, 64)
    shape = {"classes": 10, "channels": channels, "image_size": size}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return zoo.create({"library": library, "name": name, "options": OPTIONS.get(name, {})} | shape).eval()
