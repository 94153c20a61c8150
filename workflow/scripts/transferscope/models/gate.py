"""The gate of Orhand et al. 2021 (QUANTA): how much of a layer of a frozen source network a target network uses."""

import math
from collections.abc import Callable, Sequence, Set

import torch
from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models.grouped import apart
from transferscope.models.transplant import layers_of


class Gate(nn.Module):
    """lambda_S Z_S + lambda_T Z_T, where (lambda_S, lambda_T) = softmax(v_S, v_T) and v = (v_S, v_T) is learned.

    v starts at (ln initial, ln(1 - initial)), so that lambda_S starts at `initial`.
    Raises InputError unless `initial` lies strictly between 0 and 1.
    """

    def __init__(self, initial: float):
        super().__init__()
        if not 0 < initial < 1:
            raise InputError(
                f"a gate's initial lambda_S: expected a number strictly between 0 and 1, found {initial!r}"
            )
        self.v = nn.Parameter(torch.tensor([math.log(initial), math.log1p(-initial)]))
        # sums of the squares of Z_S and of Z_T
        self.register_buffer("squares", torch.zeros(2, dtype=torch.float64), persistent=False)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """The mixture of the weighted inputs Z_S and Z_T, (b, ...) each. No gradient goes to the source.

        In evaluation mode, both are also measured for `share`.
        Raises InputError if they are not of one shape.
        """
        self.measure(source, target)
        of_source, of_target = self.v.softmax(0)
        return of_source * source.detach() + of_target * target

    def measure(self, source: Tensor, target: Tensor) -> None:
        """In evaluation mode, take in Z_S and Z_T, (b, ...) each, for `share`.

        Raises InputError if they are not of one shape, in any mode.
        """
        if source.shape != target.shape:
            raise InputError(
                f"a gate got {tuple(source.shape[1:])} for an image from the source and {tuple(target.shape[1:])} from "
                "the target, expected the same shape: take networks that differ in their heads only"
            )
        if not self.training:
            self.squares = self.squares + torch.stack([z.detach().float().square().sum() for z in (source, target)])

    def train(self, mode: bool = True) -> "Gate":
        if not mode:
            self.squares = torch.zeros_like(self.squares)
        return super().train(mode)

    @property
    def lambda_source(self) -> float:
        """lambda_S, in 0..1."""
        return self.v.detach().softmax(0)[0].item()

    @property
    def share(self) -> float:
        """The source's part of the mixture, lambda_S rms(Z_S) / (lambda_S rms(Z_S) + lambda_T rms(Z_T)), in 0..1.

        Each rms is over all elements for all images since the gate was put in evaluation mode; without any, or if all
        were 0, the share is NaN. It can be compared between layers where lambda_S cannot: a target can make up for any
        lambda_T by the scale of its weights.
        """
        # both have as many elements, so that the number cancels out
        parts = self.v.detach().softmax(0) * self.squares.sqrt()
        return (parts[0] / parts.sum()).item()


class GatedNetwork(nn.Module):
    """A target network with a gate in one of its layers: what comes after it is computed from the mixture.

    layer: number of the layer, counted from 0 as in the paper: see `gated_module`. initial: lambda_S at the start.
    Raises InputError if there is no such layer, or unless `initial` lies strictly between 0 and 1.
    """

    def __init__(self, network: nn.Module, layer: int, initial: float):
        super().__init__()
        self.layer = layer
        self.gated = gated_module(network, layer)
        self.network = network
        self.gate = Gate(initial)

    def forward(self, images: Tensor, source: Tensor) -> Tensor:
        """Logits (b, classes) of images (b, C, S, S). source: what the source computes for them at the gated layer."""

        def mixed(_module: nn.Module, _arguments: tuple, output: Tensor) -> Tensor:
            return self.gate(source, output)

        handle = self.network.get_submodule(self.gated).register_forward_hook(mixed)
        try:
            return self.network(images)
        finally:
            handle.remove()


def mixed_in_group(gates: Sequence[Gate | None], source: Tensor, targets: Tensor) -> Tensor:
    """What the gates of networks that are computed as one make of their Z_T, and of the Z_S that they have in common.

    gates: of each of the networks; None for one that has none at this place, whose outputs stay as they are.
    source: Z_S, (b, C, S, S) or (b, n). targets: of all networks, as in `grouped.apart`. Returns such as these.
    """
    parts = apart(targets, len(gates))
    for gate, target in zip(gates, parts, strict=True):
        if gate:
            gate.measure(source, target)
    lambdas = [gate and gate.v.softmax(0) for gate in gates]
    return _MixedInGroup.apply(targets, source.detach(), *lambdas)


class _MixedInGroup(torch.autograd.Function):
    """The mixtures of `mixed_in_group`, where `lambdas` are those of the gates.

    Channels of one network lie apart, between those of others, so that each operation on them takes long; of these,
    automatic differentiation would need several times as many.
    """

    @staticmethod
    def forward(ctx, targets: Tensor, source: Tensor, *lambdas: Tensor | None) -> Tensor:
        mixtures = targets.clone()
        for each, mixture in zip(lambdas, apart(mixtures, len(lambdas)), strict=True):
            if each is not None:
                mixture.mul_(each[1]).add_(each[0] * source)
        ctx.save_for_backward(targets, source, *lambdas)
        return mixtures

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        targets, source, *lambdas = ctx.saved_tensors
        of_lambdas, of_targets = [None] * len(lambdas), gradient.clone()
        parts = (apart(each, len(lambdas)) for each in (gradient, targets, of_targets))
        for n, (of_mixture, target, of_target) in enumerate(zip(*parts, strict=True)):
            if lambdas[n] is not None:
                of_lambdas[n] = torch.stack([(of_mixture * z).sum() for z in (source, target)])
                of_target.mul_(lambdas[n][1])
        return of_targets, None, *of_lambdas


def gated_module(network: nn.Module, layer: int) -> str:
    """Name of the module whose output a gate mixes: that of a layer, of those that `transplant.layers_of` tells.

    In a layer with one module of weights, a convolution or a linear layer, it is this module. Its output, bias
    included, is the layer's weighted input: normalisation, activation function and pooling come after the gate. A layer
    with several (a residual block, an encoder block) has no one weighted input: there it is the whole layer, and the
    gate mixes what the layers of the two networks hand on.
    layer: its number, counted from 0. Raises InputError if there is no such layer.
    """
    layers = layers_of(network)
    if not 0 <= layer < len(layers):
        raise InputError(
            f"a gate's layer: expected a number from 0 to {len(layers) - 1} ({', '.join(layers)}), found {layer}"
        )
    name = layers[layer]
    weighted = [
        f"{name}.{inner}" if inner else name
        for inner, part in network.get_submodule(name).named_modules()
        if any(parameter.dim() > 1 for parameter in part.parameters(recurse=False))
    ]
    return weighted[0] if len(weighted) == 1 else name


class _AllFound(Exception):
    """Ends a forward pass as soon as nobody needs the rest of it."""


@torch.no_grad()
def outputs_of(network: nn.Module, modules: Set[str], images: Tensor) -> dict[str, Tensor]:
    """The outputs of some modules of a network, by their names, for images (b, C, S, S): without gradients.

    The network computes no further than the last of these modules, each of which it calls once.
    Raises InputError if it does not call one of them.
    """
    found = {}

    def finding(name: str) -> Callable:
        def hook(_module: nn.Module, _arguments: tuple, output: Tensor) -> None:
            # what follows may overwrite it: an activation function that works in place
            found[name] = output.clone()
            if len(found) == len(modules):
                raise _AllFound

        return hook

    handles = [network.get_submodule(name).register_forward_hook(finding(name)) for name in modules]
    try:
        network(images)
    except _AllFound:
        pass
    finally:
        for handle in handles:
            handle.remove()
    unknown = sorted(modules - found.keys())
    if unknown:
        raise InputError(
            f"{type(network).__name__} does not call {', '.join(unknown)} when it classifies images: expected layers "
            "that it calls, give gates to these alone"
        )
    return found
