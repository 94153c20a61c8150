"""Activations in memory and in HDF5 files of kind "activations".

A file holds, for N layers that hand on U distinct tensors for n examples:

- `layers` (N,) strings: names in forward-execution order;
- `content` (N,) int64: which of the U tensors a layer hands on;
- `logits` (N,) bool: whether that tensor is the network's output;
- `examples` (n,) int64: rows of the examples in the test set of their task;
- `grams` (U, n, n) float32: centred Gram matrices; or else `features/{u}` (n, d_u) float32: raw or pooled features;
- the attribute `keep`: which of the three ("gram", "raw", "pooled").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.errors import InputError


@dataclass(frozen=True, eq=False)
class Activations:
    """What a network's layers hand on for n examples; a tensor that several layers hand on is there once.

    keep: "gram", centred Gram matrices; "raw", all features, flattened; "pooled", their means over positions.
    layers: the N layers' names, in forward-execution order.
    content: (N,) int64, which of the U arrays each layer has.
    logits: (N,) bool, which layers hand on the network's output.
    examples: (n,) int64, rows of the examples in the test set of their task.
    arrays: the U arrays, float32: (U, n, n) Gram matrices, or a sequence of (n, d_u) features.
    """

    keep: str
    layers: tuple[str, ...]
    content: np.ndarray
    logits: np.ndarray
    examples: np.ndarray
    arrays: np.ndarray | Sequence[np.ndarray]

    def of(self, layer: str) -> np.ndarray:
        """The array of one layer. Raises InputError if there is no such layer."""
        return self.arrays[self.content[_position(self.layers, layer, "these activations")]]


def write(path: str | Path, activations: Activations, facts: Mapping) -> None:
    """An activations file; it appears whole or not at all."""
    with store.write_hdf5(path, "activations", facts) as file:
        file.attrs["keep"] = activations.keep
        file.create_dataset("layers", data=list(activations.layers))
        file.create_dataset("content", data=activations.content)
        file.create_dataset("logits", data=activations.logits)
        file.create_dataset("examples", data=activations.examples)
        if activations.keep == "gram":
            file.create_dataset("grams", data=activations.arrays)
        else:
            for number, array in enumerate(activations.arrays):
                file.create_dataset(f"features/{number}", data=array)


def read(path: str | Path, layers: Sequence[str] | None = None) -> tuple[Activations, dict]:
    """The activations in a file, and the file's facts.

    layers: names of those to read, in the order wanted; by default all. Only their arrays are loaded.
    Raises InputError if the file is missing, truncated, damaged or something else, or has no layer of that name.
    """
    with store.open_hdf5(path, "activations") as file:
        try:
            keep = file.attrs["keep"]
            stored = file["grams"] if keep == "gram" else file["features"]
            names, content = list(file["layers"].asstr()[:]), file["content"][:]
            logits, examples = file["logits"][:].astype(bool), file["examples"][:]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} lacks a part of an activations file, or has another in its place ({error}): "
                "delete it and run again"
            ) from error
        if not (len(names) == len(content) == len(logits) and set(content) <= set(range(len(stored)))):
            raise InputError(f"{path}: its layers do not fit its {len(stored)} arrays: delete it and run again")
        if layers is not None:
            chosen = [_position(names, layer, path) for layer in layers]
            names, content, logits = [names[position] for position in chosen], content[chosen], logits[chosen]
        used, content = np.unique(content, return_inverse=True)
        if keep == "gram":
            arrays = stored[:] if len(used) == len(stored) else stored[used]
        else:
            arrays = [stored[str(number)][:] for number in used]
        return Activations(keep, tuple(names), content, logits, examples, arrays), store.read_facts(file)


def _position(layers: Sequence[str], layer: str, origin: str | Path) -> int:
    if layer not in layers:
        raise InputError(f"{origin}: no layer '{layer}': there are {', '.join(layers[:8])}, ...")
    return list(layers).index(layer)
