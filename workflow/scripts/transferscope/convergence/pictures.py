"""What pictures show of two networks: correlations and clusters of units, their filters, and what excites them."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from transferscope.convergence import excitations, files, units
from transferscope.convergence.examples import Example, Examples, best_and_worst
from transferscope.convergence.excitations import Excitations
from transferscope.convergence.matching import semi_match
from transferscope.convergence.tables import clustered, units_file
from transferscope.convergence.units import LayerUnits
from transferscope.terms.convergent import AFTER, POSITIONS, STATES

LAYERS = 3  # the first ones, as in the paper
SHOWN = 8  # of the best semi-matches, and of the worst, as in the paper

Images = Callable[[np.ndarray], np.ndarray]


def of_two(folder: str | Path, seeds: Sequence[int], most: int, images: Images) -> Examples:
    """What is shown of the first two networks, trained and untrained.

    folder: as for `tables.tabulate`, and of each state the two networks' excitations files, `excitations_file`, and
    their filters, `filters_file`. most: clusters, as there.
    images: gives the images of some rows, uint8 (b, H, W, C), that the networks were shown.
    """
    states = {}
    for state in STATES:
        layers = islice(units.one_by_one(units_file(folder, state, AFTER, POSITIONS)), LAYERS)
        excited = [excitations.read(excitations_file(folder, state, network))[0] for network in (0, 1)]
        weights, _ = files.read(filters_file(folder, state), "filters", ("filters",))
        filters = [network["filters"] for network in weights.values()]
        states[state] = {
            name: picture(layer, most, [each[name] for each in excited], images, None if number else filters)
            for number, (name, layer) in enumerate(layers)
        }
    return Examples((seeds[0], seeds[1]), states)


def picture(
    layer: LayerUnits,
    most: int,
    excited: Sequence[Excitations],
    images: Images,
    filters: Sequence[np.ndarray] | None = None,
) -> Example:
    """What is shown of a layer of the first two networks.

    most, images: see above. excited: what excites each of the two. filters: of all units of each (units, h, w, C).
    """
    live = [np.flatnonzero(layer.live(network)) for network in (0, 1)]
    partner, correlation = semi_match(layer.correlation(0, 1))
    groups = clustered(layer, 0, 1, most)
    shown = best_and_worst(correlation, SHOWN)
    ends = live[0][shown], live[1][partner[shown]]
    patches = [_patches(*each, images) for each in zip(excited, ends, strict=True)]
    return Example(
        network=np.repeat([0, 1], [len(units) for units in live]),
        unit=np.concatenate(live),
        correlation=layer.joint_correlation(0, 1).astype(np.float32),
        cluster=groups and groups.labels,
        filters=filters and np.concatenate([each[units] for each, units in zip(filters, live, strict=True)]),
        shown=np.column_stack([shown, len(live[0]) + partner[shown]]),
        patches=np.stack(patches, axis=1),
    )


def _patches(excited: Excitations, chosen: np.ndarray, images: Images) -> np.ndarray:
    """(p, k, h, w, C) uint8, what some units see of the images that excite them the most."""
    return np.stack([excited.patches(unit, images(excited.images[unit])) for unit in chosen])


def excitations_file(folder: str | Path, state: str, network: int) -> Path:
    """Where it is said what excites the units of the first network, 0, or of the second, 1, in a state."""
    return Path(folder, state, f"excitations{network}.h5")


def filters_file(folder: str | Path, state: str) -> Path:
    """Where the filters of both networks are, in a state."""
    return Path(folder, state, "filters.h5")
