"""Networks of one architecture computed as one, by grouped convolutions: fewer operations, each of more work."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

# letters by which ORDER tells what may follow what; all else is not computed in groups
KINDS = {
    nn.Conv2d: "c",
    nn.ReLU: "r",
    nn.Identity: "r",
    nn.MaxPool2d: "p",
    nn.Flatten: "f",
    nn.Linear: "l",
}
# channels of images, whatever network they are of, until they are rows of numbers
ORDER = re.compile("c[crp]*f[lr]*")


def can_be_grouped(networks: Sequence[nn.Module]) -> bool:
    """Whether `grouped` computes these networks: stacks of such parts as KINDS has, all of one architecture.

    What draws numbers (dropout), keeps statistics (batch norm) or mixes channels (local response normalisation) is none
    of them.
    """
    # a network in words tells all settings and sizes of such parts
    same = len({str(network) for network in networks}) == 1
    return same and all(ORDER.fullmatch("".join(map(_kind, _parts(network)))) for network in networks)


def grouped(
    networks: Sequence[nn.Module], images: Tensor, changes: Mapping[str, Callable[[Tensor], Tensor]]
) -> Sequence[Tensor]:
    """What each of some networks makes of the same images, (b, C, S, S): logits (b, classes), as if it were alone.

    networks: such as `can_be_grouped` holds for. Their weights are put side by side in every pass, so that each network
        keeps its own, and gets their gradients, whatever optimiser they have.
    changes: by names of modules, what becomes of their outputs: of all networks together, as `apart` takes them.
    """
    return apart(_through(networks, "", images, changes), len(networks))


def apart(outputs: Tensor, networks: int) -> Sequence[Tensor]:
    """The outputs of each network, (b, C, S, S) or (b, n), in those of all.

    outputs: channels of one network after the other, (b, networks * C, S, S), or rows of numbers, (networks, b, n).
    """
    return outputs.unbind() if outputs.dim() == 3 else outputs.chunk(networks, 1)


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    """The parts of a module of which it calls one after the other: of stacks, those they hold."""
    if _is_stack(module):
        for part in module:
            yield from _parts(part)
    else:
        yield module


def _is_stack(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _kind(part: nn.Module) -> str:
    """The letter of a part; one with settings for which `_computed` is not made has another, as have all others."""
    settings = {
        nn.Conv2d: lambda: part.groups == 1 and part.padding_mode == "zeros",
        nn.Flatten: lambda: (part.start_dim, part.end_dim) == (1, -1),
        nn.MaxPool2d: lambda: not part.return_indices,
    }
    fits = settings.get(type(part), lambda: True)()
    return KINDS.get(type(part), "?") if fits else "?"


def _through(modules: Sequence[nn.Module], name: str, given: Tensor, changes: Mapping) -> Tensor:
    """What modules, of each network the one of this name, make of what is given them, changed as is asked for.

    given: images that all share, (b, C, S, S), or outputs of all networks, as in `apart`.
    """
    if _is_stack(modules[0]):
        for (child, _), *parts in zip(modules[0].named_children(), *modules, strict=True):
            given = _through(parts, f"{name}.{child}" if name else child, given, changes)
    else:
        given = _computed(modules, given)
    return changes[name](given) if name in changes else given


def _computed(parts: Sequence[nn.Module], given: Tensor) -> Tensor:
    """What parts of one kind and size make of what is given them, as in `_through`."""
    first = parts[0]
    if isinstance(first, nn.Conv2d):
        weight = torch.cat([part.weight for part in parts])
        bias = None if first.bias is None else torch.cat([part.bias for part in parts])
        # images that all share are not in groups
        groups = given.shape[1] // first.in_channels
        return conv2d(given, weight, bias, first.stride, first.padding, first.dilation, groups)
    if isinstance(first, nn.Linear):
        weight = torch.stack([part.weight for part in parts]).transpose(1, 2)
        if first.bias is None:
            return given @ weight
        return torch.baddbmm(torch.stack([part.bias for part in parts])[:, None], given, weight)
    if isinstance(first, nn.Flatten):
        return given.unflatten(1, (len(parts), -1)).flatten(2).transpose(0, 1)
    return first(given)
