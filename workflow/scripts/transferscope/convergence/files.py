"""Arrays by layer in HDF5 files, each layer with a digest of what it holds."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transferscope import store
from transferscope.errors import InputError

if TYPE_CHECKING:
    import h5py


def write(path: str | Path, kind: str, layers: Mapping[str, Mapping[str, np.ndarray]], facts: Mapping) -> None:
    """A file that appears whole or not at all: `layers`, their names in order, and for each a group under `arrays`.

    layers: layer -> name -> array.
    """
    with store.write_hdf5(path, kind, facts) as file:
        file.create_dataset("layers", data=list(layers))
        for number, arrays in enumerate(layers.values()):
            group = file.create_group(f"arrays/{number}")
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
            group.attrs["digest"] = _digest(arrays)


def read(
    path: str | Path, kind: str, names: Iterable[str], layers: Sequence[str] | None = None
) -> tuple[dict[str, dict[str, np.ndarray]], dict]:
    """Layer -> name -> array, and the file's facts.

    names: the arrays that each layer must have. layers: those to read, in the order wanted; by default all.
    Raises InputError if the file is missing, truncated, of another kind, lacks a layer or an array, or if an array is
    another than the one that was written.
    """
    with store.open_hdf5(path, kind) as file:
        stored = _names(file)
        found = {}
        for layer in stored if layers is None else layers:
            if layer not in stored:
                raise InputError(f"{path}: no layer '{layer}': there are {', '.join(stored)}")
            found[layer] = _arrays(file.get(f"arrays/{stored.index(layer)}"), set(names))
            if found[layer] is None:
                raise InputError(f"{path} is damaged (layer {layer} is not what was written): delete it and run again")
        return found, store.read_facts(file)


def names(path: str | Path, kind: str) -> list[str]:
    """The layers in a file, in their order. Raises InputError if it is missing, damaged or of another kind."""
    with store.open_hdf5(path, kind) as file:
        return _names(file)


def _names(file: "h5py.File") -> list[str]:
    if "layers" not in file:
        raise InputError(f"{file.filename} is damaged (it does not name its layers): delete it and run again")
    return list(file["layers"].asstr()[:])


def _arrays(group: "h5py.Group | None", names: set[str]) -> dict[str, np.ndarray] | None:
    """The arrays of a layer, or None if they are not all there or not those that were written."""
    if group is None or not names <= set(group):
        return None
    arrays = {name: dataset[()] for name, dataset in group.items()}
    return arrays if group.attrs.get("digest") == _digest(arrays) else None


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of named arrays: names, types, shapes and values, in the order of the names."""
    content = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        content.update(f"{name} {array.dtype.str} {array.shape}".encode())
        content.update(array.reshape(-1).view(np.uint8))
    return content.hexdigest()
