"""Where solutions lie in the space of parameters."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def relative_distance(tensors: Mapping[str, "torch.Tensor"], reference: Mapping[str, "torch.Tensor"]) -> float:
    """How far parameters have moved: ||theta - theta_0|| / ||theta_0||, over all of them at once.

    tensors, reference: theta and theta_0 by name; the same names, with the same shapes. Summed in float64.
    Returns a number >= 0; infinite if the reference is all zeros. Raises KeyError if a name is missing.
    """
    moved = sum((tensors[name].double() - start.double()).square().sum().item() for name, start in reference.items())
    length = sum(start.double().square().sum().item() for start in reference.values())
    return math.sqrt(moved / length) if length else math.inf
