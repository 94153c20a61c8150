"""A small training run, and what tests ask of one."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from transferscope import store
from transferscope.data.tasks import Examples
from transferscope.training.loop import train
from transferscope.training.recipe import Kept, Recipe

CLASSES = 4
# of 20 epochs, long enough to be killed on the way: the labels are not quite memorised
LONG_RECIPE = Recipe(5, 8, "adam", learning_rate=1e-2, memorise={"top1": 1.0, "epochs": 20})
LONG_KEPT = Kept(5, steps=[150, 600])


def examples(count: int, classes: int = CLASSES, size: int = 8) -> Examples:
    """Images of noise around a brightness that tells the class."""
    generator = np.random.default_rng(count)
    labels = np.arange(count) % classes
    images = 50 * labels[:, None, None, None] + generator.integers(0, 60, (count, size, size, 1))
    return Examples(images.astype(np.uint8), labels, [f"class {k}" for k in range(classes)], 1, np.arange(count))


def as_tensor(images: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255


def network() -> nn.Module:
    """A net with all that could break a resume: batch statistics, dropout, weights that lie channels last or not."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1),
            nn.Conv2d(6, 8, 1),
            nn.Dropout(0.2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, CLASSES),
        )


def linear() -> nn.Module:
    """A net of one linear layer."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))


def run(folder: str | Path, **changes) -> Path:
    """A small run; `changes` replace its arguments."""
    arguments = {
        "module": network(),
        "inputs": as_tensor,
        "train": examples(203),
        "test": examples(50),
        "recipe": Recipe(epochs=2, batch_size=8, optimiser="adam", learning_rate=1e-2),
        "seed": 0,
        "kept": Kept(every_epochs=1),
        "folder": folder,
        "identity": "a run",
        "facts": {"provenance": {"source": "noise"}},
        "device": "cpu",
    }
    train(**arguments | changes)
    return Path(folder)


def long_run(folder: str | Path) -> Path:
    """A run of LONG_RECIPE, of 126 steps an epoch."""
    return run(folder, recipe=LONG_RECIPE, kept=LONG_KEPT, train=examples(1003))


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.safetensors") if path.stem != "state")


def tensors(folder: Path, checkpoint: str) -> dict[str, torch.Tensor]:
    return store.read_checkpoint(folder / f"{checkpoint}.safetensors")[0]


def history(folder: Path) -> list[dict[str, str]]:
    """Rows as text, to the bit, without the column that may differ."""
    with open(folder / "history.csv") as stream:
        next(stream)
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]


def same(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    return some.keys() == others.keys() and all(torch.equal(some[name], others[name]) for name in some)


def assert_same_run(one: Path, other: Path, checkpoints: list[str]) -> None:
    for checkpoint in checkpoints:
        assert same(tensors(one, checkpoint), tensors(other, checkpoint)), checkpoint
    assert history(one) == history(other)


def in_a_process(call: str, **environment: str) -> subprocess.Popen:
    """A Python process that runs `call`, e.g. "run('folder', seed=1)", in this module, with these variables set."""
    here = Path(__file__)
    path = os.pathsep.join([str(here.parent), str(here.parents[3] / "workflow" / "scripts")])
    return subprocess.Popen(
        [sys.executable, "-c", f"from training_runs import *; {call}"],
        env=os.environ | {"PYTHONPATH": path} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
