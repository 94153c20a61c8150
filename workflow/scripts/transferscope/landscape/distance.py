"""How far apart networks lie in the space of parameters."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

BODY = "(body)"  # all of a network but its head


def relative_distance(tensors: Mapping[str, "torch.Tensor"], reference: Mapping[str, "torch.Tensor"]) -> float:
    """How far parameters have moved: ||theta - theta_0|| / ||theta_0||, over all of them at once.

    tensors, reference: theta and theta_0 by name; the same names, with the same shapes. Summed in float64.
    Returns a number >= 0; infinite if the reference is all zeros. Raises KeyError if a name is missing.
    """
    moved = distance(tensors, reference, reference)
    length = math.sqrt(sum(start.double().square().sum().item() for start in reference.values()))
    return moved / length if length else math.inf


def distance(one: Mapping[str, "torch.Tensor"], other: Mapping[str, "torch.Tensor"], names: Iterable[str]) -> float:
    """||theta_1 - theta_2|| over the tensors of these names at once, summed in float64."""
    return math.sqrt(sum((one[name].double() - other[name].double()).square().sum().item() for name in names))


def distances(one: "nn.Module", other: "nn.Module") -> dict[str, float]:
    """L2 distance between two networks' parameters, module by module and in total (Neyshabur et al. 2020, table 2).

    Parameters alone count: running statistics are not learned, and nothing else a network holds is.
    Returns module -> distance in the network's order, the head last, then BODY -> distance over all modules but the
    head, which is the paper's: sqrt of the sum of their squares. The head's is NaN where the two have heads for
    different numbers of classes, as a pre-trained and a fine-tuned network have.
    Raises InputError if the networks differ in more than that.
    """
    from transferscope.landscape.modules import expect_same_shapes, parameters_by_module

    # as they lie on any device
    first, second = ({name: tensor.detach().cpu() for name, tensor in each.named_parameters()} for each in (one, other))
    *modules, (head, of_head) = parameters_by_module(one).items()
    body = [name for _, names in modules for name in names]
    expect_same_shapes(
        *({name: tensor for name, tensor in each.items() if name not in of_head} for each in (first, second))
    )
    found = {module: distance(first, second, names) for module, names in modules}
    comparable = all(name in second and first[name].shape == second[name].shape for name in of_head)
    found[head] = distance(first, second, of_head) if comparable else math.nan
    found[BODY] = distance(first, second, body)
    return found
