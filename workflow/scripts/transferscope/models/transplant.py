"""The first layers of one network put into another, to be trained on or frozen (Yosinski et al. 2014)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from types import MethodType

from torch import Tensor, nn

from transferscope.errors import InputError
from transferscope.models import layers, zoo

# the heads that GoogLeNet and Inception v3 call while they learn, and in no test, as torchvision and timm name them
AUXILIARY_HEADS = ("aux1", "aux2", "AuxLogits")


def layers_of(module: nn.Module) -> list[str]:
    """Names of the layers that can be transferred, in the order in which the network defines them.

    They are its blocks (see `layers.blocks`) that hold a matrix or a kernel of weights, without the head and without
    auxiliary ones: conv1 to fc7 of CaffeNet, the first convolution and the bottlenecks of a residual network, the
    patches' projection and the encoder blocks of a vision transformer. What they leave over (a normalisation between
    blocks, a class token, position embeddings) is part of the layer before it, or of the first where there is none
    before.
    """
    head, _ = zoo.head(module)
    return [
        name
        for name in layers.blocks(module)
        if not f"{head}.".startswith(f"{name}.")
        and name.partition(".")[0] not in AUXILIARY_HEADS
        and any(parameter.dim() > 1 for parameter in module.get_submodule(name).parameters())
    ]


def transplant(target: nn.Module, source: nn.Module, n: int, frozen: bool) -> nn.Module:
    """Give the target, changed in place, the first n layers of the source; the rest, head included, stays as it is.

    Parameters and buffers are copied, the running statistics of batch norm among them. With n = 0 nothing is.
    source: of the same architecture up to layer n. Where it is untrained, the target gets random features.
    frozen: these layers are not trained on: their parameters require no gradient, and they, with what the target
        defines between them, stay in evaluation mode even when it is put in train mode, so that neither batch
        statistics nor dropout change what the last of them hands on.
    Raises InputError if the target has no n layers to transfer, or if the source's do not fit.
    """
    tensors = tensors_by_layer(target)
    if not 0 <= n <= len(tensors):
        raise InputError(
            f"layers to transfer: expected a number from 0 to {len(tensors)} ({', '.join(tensors)}), found {n}"
        )
    transferred = dict(list(tensors.items())[:n])
    names = [name for layer in transferred.values() for name in layer]
    own, given = target.state_dict(), source.state_dict()
    _expect_fit(names, own, given)
    for name in names:
        own[name].copy_(given[name])
    if frozen and transferred:
        _freeze(target, list(transferred), names)
    return target


def frozen_layers(module: nn.Module) -> list[str]:
    """Names of the first layers (see `layers_of`) as far as they hold nothing to train."""
    if all(parameter.requires_grad for parameter in module.parameters()):
        return []
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    return list(takewhile(lambda layer: not any(name.startswith(f"{layer}.") for name in trained), layers_of(module)))


def tensors_by_layer(module: nn.Module) -> dict[str, list[str]]:
    """Layer -> names of its tensors in the network's state dict, with those that no layer holds, without the head's."""
    head, _ = zoo.head(module)
    tensors = {name: [] for name in layers_of(module)}
    layer = next(iter(tensors), None)
    for tensor in module.state_dict():
        if tensor.startswith(f"{head}."):
            continue
        layer = next((name for name in tensors if tensor.startswith(f"{name}.")), layer)
        tensors[layer].append(tensor)
    return tensors


def _expect_fit(names: Iterable[str], own: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    wrong = [
        f"{name} is {tuple(given[name].shape) if name in given else 'missing'}, expected {tuple(own[name].shape)}"
        for name in names
        if name not in given or given[name].shape != own[name].shape
    ]
    if wrong:
        raise InputError(
            f"the source's layers do not fit the target: {'; '.join(wrong[:3])}{'; ...' if len(wrong) > 3 else ''}: "
            "transfer between networks of the same architecture"
        )


def _freeze(module: nn.Module, transferred: Sequence[str], tensors: Iterable[str]) -> None:
    parameters = dict(module.named_parameters(remove_duplicate=False))
    for name in tensors:
        if name in parameters:
            parameters[name].requires_grad_(False)
    owners = {name.rpartition(".")[0] for name in tensors}
    # a module around others that holds a tensor of its own, such as a position embedding, has no mode that matters
    leaves = {name for name in owners if not any(module.get_submodule(name).children())}
    for name in leaves.union(transferred, _still_before(module, transferred[-1])):
        part = module.get_submodule(name)
        part.train = MethodType(_stay_in_evaluation, part)
        part.eval()


def _still_before(module: nn.Module, layer: str) -> Iterator[str]:
    """Names of modules that hold nothing to train, such as dropout, and that a network defines before a layer.

    Those around the layer, which may hold more behind it, are left out.
    """
    for name, part in takewhile(lambda named: named[0] != layer, module.named_modules()):
        around = not name or layer.startswith(f"{name}.")
        if not around and not any(parameter.requires_grad for parameter in part.parameters()):
            yield name


def _stay_in_evaluation(part: nn.Module, mode: bool = True) -> nn.Module:
    """The method `train` of a frozen module; that of a network around it calls it with the network's new mode."""
    return nn.Module.train(part, False)
