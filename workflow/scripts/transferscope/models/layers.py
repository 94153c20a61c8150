"""Which modules of a network count as its layers, in which order, and which of them hand on the same tensor.

A *layer* is a call of a module that hands on a tensor with an axis of examples (of a tuple, its first element, which
is the output of attention). Magai & Soroka 2023 count every module that is called, containers and the network itself
included: 151 for torchvision's ResNet-50, 433 for DenseNet-121, 140 for ViT-B/16 (12 of its 152 modules, the output
projections inside attention, are never called).
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from transferscope.errors import InputError

ROOT = "(root)"  # the name of the network itself, which has none among its own modules
REUSED = ("last", "every")
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Layer:
    """A call of a module, as a forward pass of the network shows it."""

    name: str  # the module's name; with reused="every", name#2, name#3, ... from its second call on
    module: str  # the module's name
    call: int  # which of the module's calls in a forward pass, from 1
    axis: int  # the output's axis of examples
    shape: tuple[int, ...]  # of the output for one example
    content: int  # layers with the same number hand on the very same tensor, unchanged; counted from 0
    logits: bool  # whether that tensor is the network's output


def trace(module: nn.Module, inputs: Tensor, selection: str = "modules", reused: str = "last") -> list[Layer]:
    """The layers of a network, in the order in which they hand on their outputs.

    inputs: a few examples (b, C, S, S), on the module's device. From two on, the axis of examples is found by comparing
        with one example alone, and a module whose output has none (a table of relative positions) is no layer; of
        one example alone, the first axis is taken.
    selection: "modules", all that are called, containers and the network itself included; "leaves", those inside of
        which no other is called; "blocks", the repeated units of the network (outermost modules of a class of its own
        that occurs more than once: bottlenecks, dense blocks and transitions, encoder blocks) and the leaves outside
        of them; anything else is a shell-style pattern over module names, such as "layer?.*".
    reused: of a module that is called several times in a pass, "last" keeps the last call, in that call's place;
        "every" makes each call a layer of its own.
    Raises InputError if `reused` is unknown or no layer matches the pattern.
    """
    if reused not in REUSED:
        raise InputError(f"reused: expected one of {', '.join(REUSED)}, found '{reused}'")
    calls = _calls(module, inputs)
    alone = _calls(module, inputs[:1]) if len(inputs) > 1 else calls
    last = {name: call for name, call in calls}
    chosen = _chosen(module, selection, set(last))
    contents: dict[tuple[int, int], int] = {}
    layers = []
    for (name, call), (output, version) in calls.items():
        example = alone[name, call][0]
        axis = _axis_of_examples(output.shape, example.shape, len(inputs))
        if name not in chosen or axis is None or (reused == "last" and call != last[name]):
            continue
        shape = tuple(example.movedim(axis, 0).shape)
        layers.append(
            Layer(
                name=name if reused == "last" or call == 1 else f"{name}#{call}",
                module=name,
                call=call,
                axis=axis,
                shape=shape[1:] if shape[0] == 1 else shape,
                content=contents.setdefault((id(output), version), len(contents)),
                logits=_same(calls.get((ROOT, 1)), (output, version)),
            )
        )
    if not layers:
        examples = ", ".join(list(last)[:8])
        raise InputError(
            f"layers: nothing in {type(module).__name__} matches '{selection}': its modules are {examples}, ..."
        )
    return layers


def blocks(module: nn.Module) -> list[str]:
    """Names of a network's blocks (see `trace`) in the order in which it defines them, known without an input.

    Of modules that no other contains, also those are leaves here that a forward pass never calls.
    """
    defined = {name or ROOT for name, _ in module.named_modules()}
    chosen = _blocks(module, defined)
    return [name for name, _ in module.named_modules() if name in chosen]


@contextlib.contextmanager
def observed(module: nn.Module, observe: Callable[[str, int, Tensor], None]) -> Iterator[None]:
    """Within the block, each call of a module of the network ends with observe(name, call, output).

    The output is what the module hands on (of a tuple, the first element), not yet overwritten by the in-place
    operations that may follow: an observer that keeps it must copy it at once. `call` counts the module's calls in this
    forward pass, from 1. Outputs that are no tensors are passed over.
    """
    counts = Counter()

    def hook(name: str) -> Callable:
        def after(_module: nn.Module, _arguments: tuple, output: object) -> None:
            counts[name] += 1
            while isinstance(output, tuple | list) and output:
                output = output[0]
            if isinstance(output, Tensor):
                observe(name, counts[name], output)
            if name == ROOT:
                counts.clear()

        return after

    handles = [part.register_forward_hook(hook(name or ROOT)) for name, part in module.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def evaluation(module: nn.Module) -> Iterator[None]:
    """Within the block, the network is in evaluation mode and no gradients are recorded; then each module is in the
    mode that it was in before.
    """
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        # not inference_mode, whose tensors do not count the in-place operations on them
        with torch.no_grad():
            yield
    finally:
        for part, training in modes.items():
            part.training = training


def _calls(module: nn.Module, inputs: Tensor) -> dict[tuple[str, int], tuple[Tensor, int]]:
    """(module, call) -> (output, how many in-place operations it had seen), in the order of a forward pass.

    All outputs are kept alive, so that two of them are the same tensor only if they are the same object.
    """
    calls = {}

    def note(name: str, call: int, output: Tensor) -> None:
        calls[name, call] = output, output._version

    with evaluation(module), observed(module, note):
        module(inputs)
    return calls


def _same(one: tuple[Tensor, int] | None, other: tuple[Tensor, int]) -> bool:
    return one is not None and one[0] is other[0] and one[1] == other[1]


def _axis_of_examples(shape: torch.Size, alone: torch.Size, examples: int) -> int | None:
    """The axis along which an output of several examples is that many times as long as the output of one alone."""
    if examples == 1:
        return 0 if shape else None
    if len(shape) != len(alone):
        return None
    longer = [axis for axis, (several, one) in enumerate(zip(shape, alone, strict=True)) if several != one]
    return longer[0] if len(longer) == 1 and shape[longer[0]] == examples * alone[longer[0]] else None


def _chosen(module: nn.Module, selection: str, called: Set[str]) -> Set[str]:
    """The called modules that a selection means."""
    if selection == "modules":
        return called
    if selection == "leaves":
        return _leaves(called)
    if selection == "blocks":
        return _blocks(module, called)
    return {name for name in called if fnmatchcase(name, selection)}


def _parents(name: str) -> list[str]:
    """Names of the modules around a module, e.g. (root), layer1 and layer1.0 around layer1.0.conv1."""
    if name == ROOT:
        return []
    parts = name.split(".")
    return [ROOT, *(".".join(parts[:depth]) for depth in range(1, len(parts)))]


def _leaves(names: Set[str]) -> Set[str]:
    return names - {parent for name in names for parent in _parents(name)}


def _blocks(module: nn.Module, called: Set[str]) -> Set[str]:
    leaves = _leaves(called)
    classes = Counter(type(part) for part in module.modules())
    units = {
        name
        for name, part in module.named_modules()
        if name in leaves or (name in called and classes[type(part)] > 1 and type(part) not in CONTAINERS)
    }
    return {name for name in units if units.isdisjoint(_parents(name))}
