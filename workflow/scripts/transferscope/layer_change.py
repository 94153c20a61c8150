"""How much each layer that was copied changes when the network around it is fine-tuned."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.activations.capture import capture
from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.models.transplant import layers_of
from transferscope.similarity import Grams
from transferscope.similarity.cka import layerwise_cka

COLUMNS = ("n", "layer", "cka", "cka_debiased")


def similarity_to_source(
    source: nn.Module,
    tuned: nn.Module,
    inputs: Callable[[np.ndarray, torch.device], Tensor],
    images: np.ndarray,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
) -> list[dict]:
    """Linear CKA of each layer that can be transferred with itself, before and after fine-tuning.

    source: the network whose layers were copied. tuned: the one that was trained on from all of them.
    inputs: makes the input of both networks of images: see `data.inputs.Inputs`.
    images: uint8 (N, H, W, C), N >= 4; what a layer (see `models.transplant.layers_of`) hands on for them is its
        block's output, or, where it is a single convolution or linear map, that of the last of the modules that follow
        it before the next layer: after normalisation, nonlinearity and pooling either way.
    precision: that the networks compute in: see `activations.capture`.
    Returns a row with the keys `COLUMNS` for each layer, n = 1, 2, ... from the bottom; `cka` is biased.
    Raises InputError if the networks have other layers, if there are too few images, or if a layer is constant.
    """
    layers, others = layers_of(source), layers_of(tuned)
    if layers != others:
        raise InputError(
            f"expected two networks of one architecture, found the layers {', '.join(layers)} and {', '.join(others)}"
        )
    before, after = (block_grams(module, inputs, images, device, precision) for module in (source, tuned))
    similarity = layerwise_cka(before, after)
    numbers = zip(layers, similarity["biased"].tolist(), similarity["debiased"].tolist(), strict=True)
    return [dict(zip(COLUMNS, (n, *row), strict=True)) for n, row in enumerate(numbers, start=1)]


def block_grams(
    module: nn.Module,
    inputs: Callable[[np.ndarray, torch.device], Tensor],
    images: np.ndarray,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
) -> Grams:
    """Gram matrices of what each layer that can be transferred hands on; arguments as above."""
    layers = layers_of(module)
    # blocks are all that can be transferred, and the leaves between them; one ReLU may follow several layers
    found = capture(module, inputs, images, "blocks", reused="every", device=device, precision=precision)
    ends = _ends(module, layers, found.layers)
    return Grams.of_matrices(np.stack([found.of(ends[layer]) for layer in layers]), layers=layers, overwrite=True)


def _ends(module: nn.Module, layers: Sequence[str], calls: Sequence[str]) -> dict[str, str]:
    """The call whose output each layer hands on: a block's own, or after a single leaf the last before the next layer.

    calls: the network's blocks and the leaves between them, as `capture` names them, in the order of a forward pass.
    """
    head, _ = zoo.head(module)
    ends, layer = {}, None
    for call in calls:
        name = call.partition("#")[0]
        if name in layers or f"{head}.".startswith(f"{name}."):
            layer = name
        if name == layer or (layer is not None and not any(module.get_submodule(layer).children())):
            ends[layer] = call
    return ends
