"""What frozen first layers make of images that are the same each time, computed once in a run and not once an epoch."""

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.models import layers
from transferscope.models.transplant import frozen_layers

if TYPE_CHECKING:
    from transferscope.data.tasks import Examples

# features that take more are computed in every epoch
MEMORY_BYTES = 2 * 2**30
IMAGES_AT_ONCE = 256
# a name that no module inside of a network has
IMAGES = ""


class FrozenFeatures:
    """Features, the outputs of a network's last frozen layer, of a run's images, and passes that go on from them.

    layer: the name of that layer.
    shapes: of what such a pass puts a constant for, without the axis of examples: module -> shape of its output, of
        those called before that layer (not of those inside of others), and IMAGES -> shape of an image.
    features: of the examples of each part, (N, ...).
    """

    def __init__(
        self,
        module: nn.Module,
        layer: str,
        shapes: Mapping[str, Sequence[int]],
        features: Mapping["Examples", Tensor],
    ):
        self._module, self._layer, self._shapes, self._features = module, layer, shapes, features

    def __contains__(self, part: "Examples") -> bool:
        """Whether there are those of a part."""
        return part in self._features

    def batch(self, part: "Examples", rows: np.ndarray) -> Tensor:
        """Features, (b, ...), of the examples at `rows`, int (b,), of a part."""
        features = self._features[part]
        return features[torch.from_numpy(rows).to(features.device)]

    def outputs(self, batch: Tensor, constant: float = 0.0) -> Tensor | tuple:
        """What the network, in the mode in which it is, makes of images with these features, (b, ...).

        constant: stands for all that comes before them; nothing depends on it.
        """

        def stand_in(name: str, *_given: object, **_named: object) -> Tensor:
            return batch.new_full((len(batch), *self._shapes[name]), constant)

        forwards = {name: partial(stand_in, name) for name in self._shapes if name != IMAGES}
        with _replaced(self._module, forwards | {self._layer: lambda *_given, **_named: batch}):
            return self._module(stand_in(IMAGES))


def frozen_features(
    module: nn.Module, parts: Sequence["Examples"], images: Callable[["Examples", np.ndarray], Tensor]
) -> FrozenFeatures | None:
    """The features of the examples; None if the network has no frozen layers, or cannot go on from their features.

    It cannot where these are not the same each time (something in front of the last frozen layer draws numbers), or are
    not all that the layers above see of an image (a shortcut leads past them). A few images are tried to find that out,
    and a line of the log tells. Parts whose features take too much memory, with those of parts before them, have none.

    module: on its device; left as it is. Frozen are its first layers, as far as they hold nothing to train.
    parts: examples that it will see, each the same each time; none is empty.
    images: (part, rows) -> what the module takes in, (b, C, S, S), the same each time.
    """
    frozen = frozen_layers(module)
    if not frozen:
        return None
    layer = frozen[-1]
    # batches of two sizes, which tell the axis of examples
    batches = [images(parts[0], rows % len(parts[0])) for rows in (np.arange(2), np.arange(2, 5))]
    with layers.evaluation(module):
        shapes = _shapes(module, layer, batches)
        obstacle = _obstacle(module, layer, shapes, batches)
        if obstacle:
            print(f"frozen up to {layer}, whose outputs are computed in every epoch: {obstacle}", flush=True)
            return None
        known = {
            part: _features(module, layer, part, images)
            for part in _that_fit(parts, layer, _reached(module, layer, batches[0])[0].nbytes)
        }
    del shapes[layer]
    return FrozenFeatures(module, layer, shapes, known) if known else None


def _that_fit(parts: Sequence["Examples"], layer: str, size: int) -> list["Examples"]:
    """The parts whose features there is memory for; the log tells of all. size: bytes of those of an image."""
    fitting, left = [], MEMORY_BYTES
    for part in parts:
        needed, once = len(part) * size, f"frozen up to {layer}, whose outputs for {len(part):,} images are computed"
        if needed <= left:
            fitting.append(part)
            left -= needed
            print(f"{once} once", flush=True)
        else:
            room = f"they take {needed / 1e9:,.1f} GB, more than the {left / 1e9:,.1f} GB that are left"
            print(f"{once} in every epoch: {room}", flush=True)
    return fitting


def _features(
    module: nn.Module, layer: str, part: "Examples", images: Callable[["Examples", np.ndarray], Tensor]
) -> Tensor:
    """A layer's outputs for all examples of a part, (N, ...)."""
    # always the same batches, whose sizes a sum's last bits may depend on
    starts = range(0, len(part), IMAGES_AT_ONCE)
    batches = [np.arange(start, min(start + IMAGES_AT_ONCE, len(part))) for start in starts]
    return torch.cat([_reached(module, layer, images(part, rows)) for rows in batches])


class _Reached(Exception):
    """Ends a pass at the layer that was asked for, with its output."""


def _reached(module: nn.Module, layer: str, images: Tensor) -> Tensor:
    """The output of a layer that a pass calls, for some images; the layers above it are not computed."""

    def stop(_part: nn.Module, _given: tuple, output: Tensor) -> None:
        raise _Reached(output)

    handle = module.get_submodule(layer).register_forward_hook(stop)
    try:
        module(images)
    except _Reached as reached:
        return reached.args[0]
    finally:
        handle.remove()


@contextlib.contextmanager
def _replaced(module: nn.Module, forwards: Mapping[str, Callable]) -> Iterator[None]:
    """Within the block, these modules of a network do something else when they are called."""
    parts = {name: module.get_submodule(name) for name in forwards}
    try:
        for name, part in parts.items():
            # hides the method of the module's class
            part.forward = forwards[name]
        yield
    finally:
        for part in parts.values():
            vars(part).pop("forward", None)


def _shapes(module: nn.Module, layer: str, batches: Sequence[Tensor]) -> dict[str, Sequence[int]]:
    """The shapes that `FrozenFeatures` wants, with the layer's own; without it if its outputs cannot be replaced.

    Replaced is what is called once in a pass and hands on one tensor, examples first; all else runs as ever.
    """
    calls, others = (_calls(module, batch) for batch in batches)
    names, sizes = [name for name, _ in calls], [len(batch) for batch in batches]
    shapes = {IMAGES: batches[0].shape[1:]}
    for (name, shape), (_, other) in zip(calls, others, strict=True):
        if names.count(name) == 1 and shape and other and [shape[0], other[0]] == sizes and shape[1:] == other[1:]:
            shapes[name] = shape[1:]
        if name == layer:
            break
    around = [name for name in shapes if name != IMAGES]
    return {name: shape for name, shape in shapes.items() if not any(name.startswith(f"{each}.") for each in around)}


def _calls(module: nn.Module, images: Tensor) -> list[tuple[str, torch.Size | None]]:
    """The calls of modules inside of a network, in the order in which they end, with the shapes of their outputs.

    The shape is None where the output is no tensor.
    """
    calls = []

    def note(name: str, _part: nn.Module, _given: tuple, output: object) -> None:
        calls.append((name, output.shape if isinstance(output, Tensor) else None))

    handles = [part.register_forward_hook(partial(note, name)) for name, part in module.named_modules() if name]
    try:
        module(images)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _obstacle(
    module: nn.Module, layer: str, shapes: Mapping[str, Sequence[int]], batches: Sequence[Tensor]
) -> str | None:
    """Why a network cannot go on from a layer's outputs; None: it can.

    module: in evaluation mode. shapes: as `_shapes` found them.
    """
    if layer not in shapes:
        return "it is not called once and once only, or does not hand on one tensor"
    features = [_reached(module, layer, batch) for batch in batches]
    before = {name: shape for name, shape in shapes.items() if name != layer}
    for training in (True, False):
        whole, upper = (copy.deepcopy(module).train(training) for _ in range(2))
        shortened = FrozenFeatures(upper, layer, before, {})
        for images, known in zip(batches, features, strict=True):
            with torch.enable_grad():
                reached = _reached(whole, layer, images)
            if reached.requires_grad or not _close(reached, known):
                return "something in front of it is trained or draws numbers"
            # what depends on a NaN is one
            found = _seeded(partial(shortened.outputs, constant=math.nan), known.clone())
            if not _close(found, _seeded(whole, images)):
                return "they are not all that the layers above see"
        # passes in train mode leave running statistics behind
        if not all(map(_close, upper.state_dict().values(), whole.state_dict().values())):
            return "they are not all that the layers above see"
    return None


def _seeded(forward: Callable[[Tensor], Tensor | tuple], given: Tensor) -> Tensor:
    """The logits of a pass in which dropout draws what it draws in every seeded pass."""
    with torch.random.fork_rng([given.device] if given.is_cuda else []):
        torch.manual_seed(0)
        outputs = forward(given)
    return outputs[0] if isinstance(outputs, tuple) else outputs


def _close(found: Tensor, expected: Tensor) -> bool:
    """Whether these are the same numbers but for rounding."""
    return torch.allclose(found, expected, rtol=1e-4, atol=1e-5)
