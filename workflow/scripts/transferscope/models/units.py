"""Where in a network the units of a layer are: what they are handed, what they hand on, and what they see."""

import contextlib
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.models.layers import evaluation, trace
from transferscope.models.transplant import layers_of

ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Softplus, nn.Hardswish, nn.Sigmoid, nn.Tanh),
)
# which modules make maps (b, units, H, W), and which (b, H, W, units), by the axis of units
LAYOUTS = {-3: (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.GroupNorm), -1: (nn.Linear, nn.LayerNorm)}
IMAGES_AT_A_TIME = 64


@dataclass(frozen=True)
class Site:
    """The call of a module that hands on the activations of a layer's units."""

    layer: str  # as in `transplant.layers_of`
    module: str
    call: int  # which of the module's calls in a forward pass, from 1
    axis: int  # the output's axis of examples
    units: int  # the output's axis of units, counted from the last, -1, with that of examples in front
    activation: bool  # whether the module is an activation function, so that what it is handed is the weighted input


def sites(module: nn.Module, inputs: Tensor) -> list[Site]:
    """Where the units of each layer below the head are, in the order of a forward pass.

    A layer (see `transplant.layers_of`) reaches from its first module to the next layer's, whatever stands between. Its
    units are taken behind its last activation function: before pooling and normalisation, as the blobs conv1 to fc7 of
    CaffeNet are after their ReLU. Where weights come after that, as in an encoder block, or where there is none, as in
    a network that calls its activations as functions, they are taken where the layer's block ends.
    inputs: a few examples (b, C, S, S), on the module's device.
    Raises InputError if it cannot be told which axis of a layer's output is that of its units.
    """
    names, (head, _) = layers_of(module), zoo.head(module)
    calls = trace(module, inputs, "modules", reused="every")
    leaves = {(call.module, call.call) for call in trace(module, inputs, "leaves", reused="every")}
    ends = {call.module: call for call in calls if call.module in names}
    found, within, layer = {}, {}, None
    for call in calls:
        if (call.module, call.call) not in leaves:
            continue
        if f"{call.module}.".startswith(f"{head}."):
            break
        layer = next((name for name in names if f"{call.module}.".startswith(f"{name}.")), layer)
        if layer is None:
            continue
        part = module.get_submodule(call.module)
        within[call] = layer
        if isinstance(part, ACTIVATIONS):
            found[layer] = call
        elif layer not in found or any(parameter.dim() > 1 for parameter in part.parameters()):
            found[layer] = ends[layer]
    located = []
    for layer, end in found.items():
        until = calls[: calls.index(end) + 1]
        parts = [module.get_submodule(call.module) for call in until if within.get(call) == layer]
        units = _axis_of_units(layer, end.shape, parts)
        activation = isinstance(module.get_submodule(end.module), ACTIVATIONS)
        located.append(Site(layer, end.module, end.call, end.axis, units, activation))
    return located


def _axis_of_units(layer: str, shape: tuple[int, ...], parts: Sequence[nn.Module]) -> int:
    """Which axis of a layer's output is that of its units, counted from the last, -1.

    Of tokens (tokens, units) and dense units (units,) it is the last. Of a map it is the one axis that is as long as
    the last weights have outputs. Where there is none, as behind a block that joins what it is handed, or more than
    one, as in a map that is as high as it has units, it is that on which all modules of the layer have their units.
    shape: of the output for one example. parts: the modules of the layer that it has gone through, in their order.
    Raises InputError if that, too, leaves none or more than one.
    """
    if len(shape) < 3:
        return -1
    weights = [part for part in parts if any(parameter.dim() > 1 for parameter in part.parameters())]
    outputs = [getattr(part, "out_channels", None) or getattr(part, "out_features", None) for part in weights[-1:]]
    axes = [axis - len(shape) for axis, length in enumerate(shape) if length in outputs]
    if len(axes) != 1:
        modules = [module for part in parts for module in part.modules()]
        axes = [axis for axis, kinds in LAYOUTS.items() if any(isinstance(module, kinds) for module in modules)]
    if len(axes) != 1:
        raise InputError(
            f"layer {layer}: its output for one image has the shape {shape}, of which the axis of units is not to be "
            "told: expected one axis that is as long as its last weights have outputs, or either convolutions or "
            "linear maps in the layer, not both: choose another model, or another image_size"
        )
    return axes[0]


@contextlib.contextmanager
def watched(
    module: nn.Module, where: Sequence[Site], weighted: bool, take: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Within the block, each forward pass shows the units of its layers: take(layer, activations).

    The activations are (b, positions, units): a map (b, units, H, W) or (b, H, W, units) has its positions row by row,
    tokens (b, tokens, units) are positions, dense units (b, units) have one. They have not yet been overwritten by the
    in-place operations that may follow: one that keeps them must copy them at once.
    weighted: take what the activation function is handed, the units' weighted input, instead of what it hands on. A
        layer whose units do not end with one is taken as it is.
    """
    wanted = {(site.module, site.call): site for site in where}
    counts = Counter()

    def hook(name: str) -> Callable:
        def note(_part: nn.Module, handed: tuple, *output: object) -> None:
            counts[name] += 1
            site = wanted.get((name, counts[name]))
            if site is not None:
                tensor = output[0] if output else handed
                while isinstance(tensor, tuple | list):
                    tensor = tensor[0]
                take(site.layer, _by_position(tensor.movedim(site.axis, 0), site.units))

        return note

    handles = [module.register_forward_pre_hook(lambda _module, _handed: counts.clear())]
    for name, activation in {site.module: site.activation for site in where}.items():
        part = module.get_submodule(name)
        register = part.register_forward_pre_hook if weighted and activation else part.register_forward_hook
        handles.append(register(hook(name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _by_position(output: Tensor, units: int) -> Tensor:
    """(b, U, H, W), (b, H, W, U), (b, tokens, U) or (b, U) as (b, P, U). units: the axis of U."""
    output = output.movedim(units, -1)
    return output.reshape(len(output), -1, output.shape[-1])


def receptive_fields(module: nn.Module, where: Sequence[Site], channels: int, image_size: int) -> dict[str, np.ndarray]:
    """Which pixels each position of each layer sees.

    A pixel that is not a number makes every activation that depends on it not a number, whatever the weights: a row of
    such pixels at a time, then a column at a time, is shown to a copy of the network in float64 on the CPU, where
    convolutions have no fast algorithm that would mix neighbours.
    channels, image_size: of the network's input.
    Returns layer -> (P, 4) int64: top, bottom, left and right of the smallest rectangle around the pixels that a
    position sees, [top, bottom) and [left, right), in pixels of the input, within the image.
    """
    module = copy.deepcopy(module).cpu().double()
    seen = {site.layer: [] for site in where}
    lines = torch.eye(image_size, dtype=torch.bool)
    with (
        evaluation(module),
        watched(module, where, False, lambda layer, units: seen[layer].append(units.isnan().any(dim=2).numpy())),
    ):
        for masks in (lines[:, None, :, None], lines[:, None, None, :]):
            for some in masks.split(IMAGES_AT_A_TIME):
                images = torch.zeros(len(some), channels, image_size, image_size, dtype=torch.float64)
                module(images.masked_fill(some, torch.nan))
    fields = {}
    for layer, batches in seen.items():
        rows, columns = np.split(np.concatenate(batches), 2)
        edges = [edge for line in (rows, columns) for edge in (line.argmax(0), image_size - line[::-1].argmax(0))]
        fields[layer] = np.stack(edges, axis=1)
    return fields


def filters(module: nn.Module) -> np.ndarray:
    """Weights of the first layer's units as small images: (units, h, w, channels) float32.

    Raises InputError if the network does not begin with a convolution, so that its weights are no image.
    """
    part = module.get_submodule(layers_of(module)[0])
    for weights in part.modules():
        if isinstance(weights, nn.Conv2d):
            return weights.weight.detach().cpu().permute(0, 2, 3, 1).float().numpy()
    raise InputError(f"filters: expected a convolution in the first layer of {type(module).__name__}, found none")
