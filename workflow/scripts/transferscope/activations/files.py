"""Activations in memory and in HDF5 files of kind "activations".

A file holds, for N layers that hand on U distinct tensors for n examples:

- `layers` (N,) strings: names in forward-execution order;
- `content` (N,) int64: which of the U tensors a layer hands on;
- `logits` (N,) bool: whether that tensor is the network's output;
- `examples` (n,) int64: rows of the examples in the test set of their task;
- `grams` (U, n, n) float32: centred Gram matrices of their flattened features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.errors import InputError


@dataclass(frozen=True, eq=False)
class Activations:
    """What a network's layers hand on for n examples; a tensor that several layers hand on is there once.

    layers: the N layers' names, in forward-execution order.
    content: (N,) int64, which of the U tensors each layer hands on.
    logits: (N,) bool, which layers hand on the network's output.
    examples: (n,) int64, rows of the examples in the test set of their task.
    grams: (U, n, n) float32, centred Gram matrices of their flattened features.
    """

    layers: tuple[str, ...]
    content: np.ndarray
    logits: np.ndarray
    examples: np.ndarray
    grams: np.ndarray

    def of(self, layer: str) -> np.ndarray:
        """The Gram matrix of one layer. Raises InputError if there is no such layer."""
        if layer not in self.layers:
            raise InputError(f"no layer '{layer}' was captured: there are {', '.join(self.layers[:8])}, ...")
        return self.grams[self.content[self.layers.index(layer)]]


def write(path: str | Path, activations: Activations, facts: Mapping) -> None:
    """An activations file; it appears whole or not at all."""
    with store.write_hdf5(path, "activations", facts) as file:
        file.create_dataset("layers", data=list(activations.layers))
        file.create_dataset("content", data=activations.content)
        file.create_dataset("logits", data=activations.logits)
        file.create_dataset("examples", data=activations.examples)
        file.create_dataset("grams", data=activations.grams)


def read(path: str | Path) -> tuple[Activations, dict]:
    """The activations in a file, and the file's facts.

    Raises InputError if the file is missing, truncated, damaged or something else.
    """
    with store.open_hdf5(path, "activations") as file:
        try:
            names, content, grams = tuple(file["layers"].asstr()[:]), file["content"][:], file["grams"][:]
            logits, examples = file["logits"][:].astype(bool), file["examples"][:]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} lacks a part of an activations file, or has another in its place ({error}): "
                "delete it and run again"
            ) from error
        if not (len(names) == len(content) == len(logits) and set(content) <= set(range(len(grams)))):
            raise InputError(f"{path}: its layers do not fit its {len(grams)} Gram matrices: delete it and run again")
        return Activations(names, content, logits, examples, grams), store.read_facts(file)
