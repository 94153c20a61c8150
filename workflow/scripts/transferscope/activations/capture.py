"""Capture of what a network's layers hand on, batch by batch, within a memory budget.

A Gram matrix needs all examples of a layer at once, and all layers of a large network at once are too much: layers
are captured in groups that fit, with a pass over all examples for each group, and a layer that does not fit by itself
in slices of its features, whose Gram matrices add up.
"""

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.activations.files import Activations
from transferscope.errors import InputError
from transferscope.gram import centred_gram
from transferscope.machine.devices import deterministic, passes_in
from transferscope.models import zoo
from transferscope.models.layers import Layer, evaluation, observed, trace

IMAGES_AT_A_TIME = 64
FEATURES_AT_A_TIME = 4096
FLOAT32_BYTES = 4


def capture(
    module: nn.Module,
    inputs: Callable[[np.ndarray, torch.device], Tensor],
    images: np.ndarray,
    selection: str = "modules",
    reused: str = "last",
    device: torch.device | str = "cpu",
    memory_gb: float = 4.0,
    examples: np.ndarray | None = None,
    precision: str = "fp32",
) -> Activations:
    """The Gram matrices of what a network's layers hand on for some images, in evaluation mode.

    module: is moved to `device`; the training mode of each of its modules is left as it was.
    inputs: makes the network's input of images: see `data.inputs.Inputs`.
    images: uint8 (n, H, W, C).
    selection, reused: which calls of which modules are layers: see `models.layers.trace`.
    memory_gb: bounds the features held at a time, in 10^9 bytes; a result beyond it lies in a temporary file.
    examples: (n,) rows of the images in the test set of their task, kept with the result; by default 0, 1, 2, ...
    precision: that the network computes in, as `devices.passes_in` takes it; Gram matrices are always of float32,
        in full.

    An output is copied at the moment it is handed on: in-place operations that follow do not change the result.
    Raises InputError if there are fewer than two images, if the selection matches nothing, or if an activation is not
    finite or too large to be squared, naming its layer.
    """
    if len(images) < 2:
        raise InputError(f"images: expected at least two to compare, found {len(images)}")
    device = torch.device(device)
    budget = int(memory_gb * 1e9)
    module.to(device)
    with deterministic(device), evaluation(module):
        probe = _Probe(module, inputs, images, device, precision)
        with passes_in(device, precision):
            layers = trace(module, probe.batch(slice(0, 2)), selection, reused)
        firsts = {layer.content: layer for layer in reversed(layers)}
        distinct = [firsts[content] for content in sorted(firsts)]
        grams = _grams(probe, distinct, budget)
    return Activations(
        layers=tuple(layer.name for layer in layers),
        content=np.array([layer.content for layer in layers]),
        logits=np.array([layer.logits for layer in layers]),
        examples=np.arange(len(images)) if examples is None else np.asarray(examples),
        grams=grams,
    )


@dataclass
class _Piece:
    """Some of a layer's features, those from `start` on, for all examples: rows (n, width), to be filled."""

    layer: Layer
    start: int
    rows: Tensor


@dataclass
class _Probe:
    """A network and the images that it is shown."""

    module: nn.Module
    inputs: Callable[[np.ndarray, torch.device], Tensor]
    images: np.ndarray
    device: torch.device
    precision: str

    def batch(self, rows: slice) -> Tensor:
        batch = self.inputs(self.images[rows], self.device)
        return batch.contiguous(memory_format=zoo.memory_format(self.module))

    def fill(self, pieces: Sequence[_Piece]) -> None:
        """Show all images once and fill the pieces, in which features are in the order (C, H, W) or (tokens, width)."""
        wanted: dict[tuple[str, int], list[_Piece]] = {}
        for piece in pieces:
            wanted.setdefault((piece.layer.module, piece.layer.call), []).append(piece)
        for start in range(0, len(self.images), IMAGES_AT_A_TIME):
            rows = slice(start, min(start + IMAGES_AT_A_TIME, len(self.images)))

            def take(name: str, call: int, output: Tensor, rows: slice = rows) -> None:
                for piece in wanted.get((name, call), ()):
                    features = output.movedim(piece.layer.axis, 0).reshape(rows.stop - rows.start, -1).float()
                    found = features[:, piece.start : piece.start + piece.rows.shape[1]]
                    if not torch.isfinite(found).all():
                        raise InputError(
                            f"layer {piece.layer.name} hands on values that are not finite for some of the examples "
                            f"{rows.start} to {rows.stop - 1}: has its training diverged?"
                        )
                    piece.rows[rows] = found

            with observed(self.module, take), passes_in(self.device, self.precision):
                self.module(self.batch(rows))


def _grams(probe: _Probe, distinct: Sequence[Layer], budget: int) -> np.ndarray:
    """Centred Gram matrices (U, n, n) of the distinct layers, in as many passes as the budget takes."""
    examples = len(probe.images)
    shape = (len(distinct), examples, examples)
    grams = _room(shape, on_disk=FLOAT32_BYTES * math.prod(shape) > budget)
    for group in _groups(distinct, columns=max(1, budget // (FLOAT32_BYTES * examples))):
        pieces = [
            _Piece(layer, start, torch.empty(examples, stop - start, device=probe.device))
            for layer, start, stop in group
        ]
        probe.fill(pieces)
        for piece in pieces:
            grams[piece.layer.content] += _centred_gram(piece.rows, f"layer {piece.layer.name}")
    return grams


def _groups(layers: Sequence[Layer], columns: int) -> Iterator[list[tuple[Layer, int, int]]]:
    """Layers, or slices from one feature to another of those that are wider than `columns`, in groups of that width."""
    group, room = [], columns
    for layer in layers:
        width = math.prod(layer.shape)
        for start in range(0, width, columns):
            stop = min(start + columns, width)
            if stop - start > room:
                yield group
                group, room = [], columns
            group.append((layer, start, stop))
            room -= stop - start
    yield group


def _centred_gram(rows: Tensor, name: str) -> np.ndarray:
    """`similarity.centred_gram` of features on any device: without leaving a GPU, which has room and speed for it."""
    if rows.device.type == "cpu":
        return centred_gram(rows.numpy(), name)
    gram = torch.zeros(len(rows), len(rows), dtype=torch.float64, device=rows.device)
    for block in rows.split(FEATURES_AT_A_TIME, dim=1):
        centred = (block - block.mean(dim=0, dtype=torch.float64)).to(torch.float32)
        gram += centred @ centred.T
    return gram.to(torch.float32).cpu().numpy()


def _room(shape: tuple[int, ...], on_disk: bool) -> np.ndarray:
    """Zeros in memory, or in a temporary file that goes when the array does."""
    if not on_disk:
        return np.zeros(shape, np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.float32, "w+", shape=shape)
