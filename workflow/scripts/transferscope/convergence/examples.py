"""What the pictures show of two networks: files of kind "examples".

A file holds `networks` (2,) int64, the networks' seeds, `layers`, the layers' names from the bottom up, and for each
state and layer, under `{state}/{number of the layer}`, an `Example`: a dataset for each of its fields that is not None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.errors import InputError
from transferscope.terms.convergent import TRAINED, UNTRAINED


@dataclass(frozen=True, eq=False)
class Example:
    """A layer of two networks in one state: its live units, those of the one network (u) before the other's (v).

    network: (u + v,) int64, 0 or 1, of which network a unit is.
    unit:    (u + v,) int64, its number among all units of the layer in its network, as in matches.csv.
    correlation: (u + v, u + v) float32, within and between the networks, over all positions, after the ReLU.
    cluster: (u + v,) int64, the cluster that a unit is in, from 0 on, where there are three units or more.
    filters: (u + v, h, w, C) float32, the units' weights, where the layer's weights are images.
    shown:   (p, 2) int64, units and their semi-matches to be shown, the best first: rows of `correlation`.
    patches: (p, 2, k, h, w, C) uint8, the pieces of images that excite them the most, the most exciting first.
    """

    network: np.ndarray
    unit: np.ndarray
    correlation: np.ndarray
    cluster: np.ndarray | None = None
    filters: np.ndarray | None = None
    shown: np.ndarray | None = None
    patches: np.ndarray | None = None

    def rows(self, network: int, units: np.ndarray) -> np.ndarray:
        """Where units of a network are in all that is here, given their numbers."""
        first, count = int(np.argmax(self.network == network)), np.count_nonzero(self.network == network)
        return first + np.searchsorted(self.unit[first : first + count], units)


@dataclass(frozen=True, eq=False)
class Examples:
    """Layers of two networks, by state and name, and the networks' seeds."""

    networks: tuple[int, int]
    states: Mapping[str, Mapping[str, Example]]

    @property
    def first(self) -> str:
        """The name of the first layer."""
        return next(iter(self.states[TRAINED]))


def best_and_worst(correlations: np.ndarray, count: int) -> np.ndarray:
    """Which units are to be shown, given their correlations (u,): up to `count` of the best, and of the worst.

    Returns (p,) int64, the best first; all units where there are not more.
    """
    order = np.argsort(-np.asarray(correlations), kind="stable")
    return order if len(order) <= 2 * count else np.concatenate([order[:count], order[-count:]])


def write(path: str | Path, examples: Examples, facts: Mapping) -> None:
    """An examples file; it appears whole or not at all."""
    with store.write_hdf5(path, "examples", facts) as file:
        file["networks"] = np.array(examples.networks, np.int64)
        file["layers"] = list(examples.states[TRAINED])
        for state, layers in examples.states.items():
            for number, example in enumerate(layers.values()):
                for field in fields(Example):
                    if getattr(example, field.name) is not None:
                        file[f"{state}/{number}/{field.name}"] = getattr(example, field.name)


def read(path: str | Path) -> Examples:
    """The examples in a file. Raises InputError if it is missing, truncated, damaged or something else."""
    with store.open_hdf5(path, "examples") as file:
        try:
            names = file["layers"].asstr()[:]
            states = {
                state: {
                    name: Example(**{field: array[()] for field, array in file[f"{state}/{number}"].items()})
                    for number, name in enumerate(names)
                }
                for state in (TRAINED, UNTRAINED)
            }
            return Examples(tuple(file["networks"][:].tolist()), states)
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} lacks what examples have ({error}): delete it and run again") from error
