"""Small networks whose first layers are frozen, and their training."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from training_runs import as_tensor, examples, run

from transferscope.data.tasks import Examples
from transferscope.models import zoo
from transferscope.models.transplant import transplant
from transferscope.training.frozen import FrozenFeatures, frozen_features
from transferscope.training.recipe import Recipe

TRAIN, TEST = examples(24, classes=10, size=28), examples(10, classes=10, size=28)
RECIPE = Recipe(2, batch_size=8, optimiser="sgd", learning_rate=0.05, momentum=0.9)


def frozen_network(name: str, n: int, **options) -> nn.Module:
    """A small untrained network whose first n layers are frozen."""
    architecture = {"library": "small", "name": name, "classes": 10, "channels": 1, "image_size": 28}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = zoo.create(architecture | {"options": options})
    return transplant(module, module, n, frozen=True)


def train(folder: Path, module: nn.Module, **changes) -> Path:
    return run(folder, **{"module": module, "train": TRAIN, "test": TEST, "recipe": RECIPE} | changes)


def in_float64(images: np.ndarray, device: torch.device) -> Tensor:
    """Where training makes more of a last bit, it is still less than anything else could be."""
    return as_tensor(images, device).double()


def images(part: Examples, rows: np.ndarray) -> Tensor:
    return as_tensor(part.images(rows), "cpu")


def features_of(module: nn.Module) -> FrozenFeatures | None:
    return frozen_features(module, [TRAIN, TEST], images)
