"""Loss and accuracy along straight lines between networks (Neyshabur et al. 2020, figure 4)."""

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from transferscope.landscape.modules import expect_same_shapes
from transferscope.landscape.probe import Probe, batch_norms


def along_path(
    one: nn.Module, other: nn.Module, points: Sequence[float], probe: Probe, statistics: Probe | None = None
) -> list[dict[str, float | str]]:
    """Loss and accuracy of the networks (1 - t) theta_1 + t theta_2.

    one, other: networks of one architecture, the head included; neither is changed. points: values of t, each 0 and 1
        at the two networks themselves, below 0 and above 1 beyond them.
    probe: the examples, test images in the paper, with the inputs that both networks want.
    statistics: training images from which the statistics of batch norm are estimated anew at every t, both ends
        included, where the network has any: averages of two networks' are those of neither, nor of the network between
        them (the paper's networks have no batch norm). None: they are interpolated like parameters.
    Returns a row each point: t, loss, accuracy (fraction), auc (with two classes, else None) and batch_norm, what
    became of its statistics: "estimated", "interpolated", or "none" in a network without. Deterministic. Raises
    InputError if the architectures differ.
    """
    start, end = (state_of(each, probe.device) for each in (one, other))
    expect_same_shapes(start, end)
    network = copy.deepcopy(one).to(probe.device)
    rows = []
    for t in points:
        set_between(network, start, end, t)
        treatment = settle(network, statistics)
        score = probe.score(network)
        seen = {"loss": score.loss, "accuracy": score.accuracy, "auc": score.auc}
        rows.append({"t": t, **seen, "batch_norm": treatment})
    return rows


def set_between(
    network: nn.Module, start: dict[str, Tensor], end: dict[str, Tensor], t: float, names: Iterable[str] | None = None
) -> None:
    """Set tensors of a network to (1 - t) start + t end: exactly to one of the two at t = 0 and t = 1.

    names: which tensors of its state dict, all by default. Counters, which have no values between, come from the end.
    """
    state = network.state_dict()
    for name in state if names is None else names:
        if state[name].is_floating_point():
            state[name].copy_((1 - t) * start[name] + t * end[name])
        else:
            state[name].copy_(end[name])


def settle(network: nn.Module, statistics: Probe | None) -> str:
    """Give a network whose tensors were set the statistics of batch norm that it is to have; returns their origin.

    "estimated" from the images of `statistics`, "interpolated" if there are none, "none" without batch norm.
    """
    if not batch_norms(network):
        return "none"
    if statistics is None:
        return "interpolated"
    statistics.estimate_statistics(network)
    return "estimated"


def state_of(module: nn.Module, device: torch.device) -> dict[str, Tensor]:
    """A network's tensors, buffers included, by name and on a device."""
    return {name: tensor.detach().to(device) for name, tensor in module.state_dict().items()}
