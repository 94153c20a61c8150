"""Random draws: each has a generator of its own, named by a seed and a purpose, so that none disturbs another."""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_for(seed: int, *purpose: str | int) -> int:
    """Seed of the draws that serve one purpose in a run, e.g. seed_for(3, "order", epoch): a number in [0, 2^63).

    It depends on nothing but its arguments: no draw changes when other draws are added, left out or made in another
    order, and a run that was interrupted has no generator state to restore.
    """
    name = json.dumps([seed, *purpose]).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """The NumPy generator of one purpose in a run."""
    return np.random.default_rng(seed_for(seed, *purpose))


def torch_generator(seed: int, *purpose: str | int) -> "torch.Generator":
    """The torch generator (on the CPU) of one purpose in a run."""
    import torch

    return torch.Generator().manual_seed(seed_for(seed, *purpose))
