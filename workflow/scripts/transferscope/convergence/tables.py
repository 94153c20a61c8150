"""The tables about units of several networks: their counterparts, what predicts them, and what goes with them.

Networks are named by their seeds, which are in ascending order. A row about two of them has a `source` and a `target`,
in both orders where it says what the source's units find in the target, else the lower seed first. What is not there,
the partner of a unit that is left over or a mean over nothing, is None or NaN: an empty cell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, permutations, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transferscope.convergence import units
from transferscope.convergence.clusters import Clusters, cluster
from transferscope.convergence.mapping import sparse_mappings
from transferscope.convergence.matching import match, semi_match
from transferscope.convergence.units import LayerUnits
from transferscope.terms.convergent import ACTIVATIONS, AFTER, MATCHING, POSITIONS, SAMPLES, SEMI, STATES

if TYPE_CHECKING:
    import pandas as pd


def tabulate(folder: str | Path, seeds: Sequence[int], decays: Sequence[float], most: int) -> dict[str, list[dict]]:
    """The rows of the tables matches, layers, mapping and clusters, by name.

    folder: units files of these networks, `units_file` of every kind. decays, most: see `mapping_rows`, `cluster_rows`.
    The last two tables are about activations after the ReLU with positions as samples. Sparse mappings are between
    convolutional layers, as in the paper: between dense ones of thousands of units they would take days.
    """
    found = {"matches": [], "layers": [], "mapping": [], "clusters": []}
    for state, activations, samples in product(STATES, ACTIVATIONS, SAMPLES):
        for name, layer in units.one_by_one(units_file(folder, state, activations, samples)):
            kind = {"state": state, "activations": activations, "samples": samples, "layer": name}
            matches = [kind | row for row in match_rows(layer, seeds)]
            found["matches"] += matches
            found["layers"] += [
                kind | {"positions": layer.positions} | row for row in layer_rows(layer, seeds, matches)
            ]
            if (activations, samples) == (AFTER, POSITIONS):
                kind = {"state": state, "layer": name}
                found["clusters"] += [kind | row for row in cluster_rows(layer, seeds, most)]
                if layer.positions > 1:
                    found["mapping"] += [kind | row for row in mapping_rows(layer, seeds, decays)]
    return found


def units_file(folder: str | Path, state: str, activations: str, samples: str) -> Path:
    """Where the units of all networks are, of one state and kind of activations and samples."""
    return Path(folder, state, f"{activations}-{samples}.h5")


def accuracy_row(seed: int, history: "pd.DataFrame") -> dict:
    """A network's line in accuracy.csv: seed, top1 of its last test, epochs. history: the table that training left."""
    last = history[history["split"] == "test"].sort_values("step").iloc[-1]
    return {"seed": seed, "top1": float(last["top1"]), "epochs": int(last["epoch"])}


def match_rows(layer: LayerUnits, seeds: Sequence[int]) -> Iterator[dict]:
    """Each live unit of a layer and its counterpart in each other network.

    method: semi-matching, in both orders, or matching, in one, as a match is mutual.
    unit, partner: numbers among all units of source and target, dead ones included. correlation: of the two.
    """
    for (one, source), (other, target) in permutations(enumerate(seeds), 2):
        correlation = layer.correlation(one, other)
        units, others = (np.flatnonzero(layer.live(network)).tolist() for network in (one, other))
        for method, find in ((SEMI, semi_match), (MATCHING, match)):
            if method == SEMI or source < target:
                described = {"source": source, "target": target, "method": method}
                for unit, position, value in zip(units, *(found.tolist() for found in find(correlation)), strict=True):
                    partner = others[position] if position >= 0 else None
                    yield described | {"unit": unit, "partner": partner, "correlation": value}


def layer_rows(layer: LayerUnits, seeds: Sequence[int], matches: Iterable[Mapping]) -> Iterator[dict]:
    """What the counterparts of a layer's units are like in the mean, a row a pair and method.

    matches: of `match_rows`.
    mean, median, best, worst: of the correlations of the source's units with their counterparts, where they have one.
    units: live units of the source. dead_source, dead_target: units that are not.
    natural: mean correlation of units of the same number, the diagonal of the correlation matrix as it is.
    aligned: that of the matrix after matching. source_within: the largest magnitude for two units of the source.
    """
    found = {}
    for row in matches:
        found.setdefault((row["source"], row["target"], row["method"]), []).append(row["correlation"])
    number = {seed: network for network, seed in enumerate(seeds)}
    dead = {seed: int((~layer.live(network)).sum()) for seed, network in number.items()}
    within = {seed: _largest_within(layer, network) for seed, network in number.items()}
    for (source, target, method), correlations in found.items():
        known = np.array(correlations)[np.isfinite(correlations)]
        natural = layer.natural_order(number[source], number[target])
        yield {
            **{"source": source, "target": target, "method": method},
            **{"mean": float(known.mean()), "median": float(np.median(known))},
            **{"best": float(known.max()), "worst": float(known.min())},
            **{"units": len(correlations), "dead_source": dead[source], "dead_target": dead[target]},
            "natural": float(natural.mean()) if natural.size else None,
            "aligned": float(known.mean()) if method == MATCHING else None,
            "source_within": within[source],
        }


def mapping_rows(layer: LayerUnits, seeds: Sequence[int], decays: Sequence[float]) -> Iterator[dict]:
    """How well the units of the target are predicted from those of the source at each decay, in both orders.

    layer: its samples in two parts. decays: as in `sparse_mappings`.
    error: mean over the target's units, on the second part; about 0.5 is that of predicting each by its mean.
    nonzero: from how many units one is predicted in the mean, of all live `units` of the source.
    """
    for (one, source), (other, target) in permutations(enumerate(seeds), 2):
        for mapping in sparse_mappings(layer, one, other, decays):
            yield {
                **{"source": source, "target": target, "decay": mapping.decay, "error": float(mapping.loss.mean())},
                **{"nonzero": float(mapping.nonzero.mean()), "units": mapping.weights.shape[1]},
            }


def cluster_rows(layer: LayerUnits, seeds: Sequence[int], most: int) -> Iterator[dict]:
    """What the units in each cluster have in common, those first that have most, the lower seed as the source.

    Of a pair with fewer than three live units there is no row. most: number of clusters, see `clustered`.
    source_units, target_units: how many of each network. within: mean correlation between the networks inside the
    cluster; of units of one network alone, none. inside, outside: that of all pairs of units, one of each network, in
    the same cluster, whichever it is, and in different ones.
    """
    for (one, source), (other, target) in combinations(enumerate(seeds), 2):
        found = clustered(layer, one, other, most)
        if found is None:
            continue
        inside, outside = found.contrast()
        shared = zip(found.members.tolist(), found.between.tolist(), strict=True)
        for number, ((source_units, target_units), within) in enumerate(shared):
            yield {
                **{"source": source, "target": target, "cluster": number},
                **{"source_units": source_units, "target_units": target_units, "within": within},
                **{"inside": inside, "outside": outside},
            }


def clustered(layer: LayerUnits, one: int, other: int, most: int) -> Clusters | None:
    """The units of two networks in so many clusters, or in as many as can be where there are few live ones.

    Fewer than three are not to be divided, and there is nothing to return.
    """
    live = sum(int(layer.live(network).sum()) for network in (one, other))
    return cluster(layer, one, other, min(most, live - 1)) if live > 2 else None


def _largest_within(layer: LayerUnits, network: int) -> float | None:
    correlation = np.abs(layer.correlation(network, network))
    return float(correlation[~np.eye(len(correlation), dtype=bool)].max()) if len(correlation) > 1 else None
