"""Tables about units and their counterparts as networks leave them, whose every value is known."""

import itertools

import numpy as np
import pandas as pd

from transferscope.convergence.examples import Example, Examples, best_and_worst
from transferscope.terms.convergent import AFTER, BEFORE, MATCHING, POSITIONS, SEMI, SUMS, TRAINED, UNTRAINED

CONVOLUTIONAL = ("conv1", "conv2", "conv3", "conv4", "conv5")
DENSE = ("fc6",)
UNITS = {"conv1": 12, "conv2": 24, "conv3": 24, "conv4": 24, "conv5": 24, "fc6": 32}
# mean correlation of matched units, and what a semi-match has more
MATCHED = {"conv1": 0.62, "conv2": 0.5, "conv3": 0.45, "conv4": 0.38, "conv5": 0.42, "fc6": 0.52}
UNTRAINED_MATCHED = {"conv1": 0.55, "conv2": 0.4, "conv3": 0.36, "conv4": 0.3, "conv5": 0.31, "fc6": 0.3}
GAP = 0.03
HALF_RANGE = 0.3  # of matched correlations around their mean
NATURAL, WITHIN = 0.02, 0.6
DECAYS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
# of conv1 and conv2 the paper's own
ERRORS = {
    "conv1": (0.170, 0.169, 0.162, 0.172, 0.485, 0.519),
    "conv2": (0.373, 0.368, 0.337, 0.392, 0.518, 0.513),
    "conv3": (0.43, 0.42, 0.38, 0.46, 0.497, 0.496),
}
KEPT = (1.0, 0.9, 0.6, 0.25, 0.02, 0.0)  # share of weights, by decay
SPREAD = (0.0, 0.005, -0.005)  # by pair: no claim turns on it, and it leaves the mean as it is
DEAD = (UNTRAINED, "conv4", 1)  # the unit 0 of this layer of the network of seed 1


def layer_names(convolutional: int = 5) -> list[str]:
    return [*CONVOLUTIONAL[:convolutional], *DENSE]


def variants() -> list[tuple[str, str, str]]:
    """Every state, kind of activations, and kind of samples."""
    return list(itertools.product((TRAINED, UNTRAINED), (AFTER, BEFORE), (POSITIONS, SUMS)))


def live(state: str, layer: str, seed: int) -> np.ndarray:
    """The numbers of the units that are alive."""
    return np.arange(int((state, layer, seed) == DEAD), UNITS[layer])


def matched_units(state: str, layer: str, one: int, other: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matched units of a pair of networks, and their correlations, the best first."""
    rng = np.random.default_rng([one, other, UNITS[layer]])
    units, partners = (rng.permutation(live(state, layer, seed)) for seed in (one, other))
    count = min(len(units), len(partners))
    mean = (MATCHED if state == TRAINED else UNTRAINED_MATCHED)[layer]
    spread = SPREAD[(one + other - 1) % 3]
    return units[:count], partners[:count], mean + spread + np.linspace(HALF_RANGE, -HALF_RANGE, count)


def match_table(convolutional: int = 5, seeds: int = 3) -> pd.DataFrame:
    rows = []
    for variant, layer in itertools.product(variants(), layer_names(convolutional)):
        described = dict(zip(("state", "activations", "samples"), variant, strict=True)) | {"layer": layer}
        for one, other in itertools.combinations(range(seeds), 2):
            rows += [described | row for row in _matches(variant[0], layer, one, other)]
    return pd.DataFrame(rows)


def _matches(state: str, layer: str, one: int, other: int) -> list[dict]:
    """Matching, and semi-matching in both directions; the worst units have another semi-match than their match."""
    units, partners, matched = matched_units(state, layer, one, other)
    better = matched + np.linspace(0, 2 * GAP, len(matched))
    rows = []
    for source, target, first, second in ((one, other, units, partners), (other, one, partners, units)):
        ends = {"source": source, "target": target}
        favourite = np.where(np.arange(len(second)) < len(second) // 2, second, second[0])
        semi = [
            {"method": SEMI, "unit": u, "partner": v, "correlation": r}
            for u, v, r in zip(first, favourite, better, strict=True)
        ]
        pairs = [
            {"method": MATCHING, "unit": u, "partner": v, "correlation": r}
            for u, v, r in zip(first, second, matched, strict=True)
        ]
        left = np.setdiff1d(live(state, layer, source), first)
        semi += [{"method": SEMI, "unit": u, "partner": second[0], "correlation": 0.1} for u in left]
        pairs += [{"method": MATCHING, "unit": u, "partner": np.nan, "correlation": np.nan} for u in left]
        rows += [ends | row for row in (semi + pairs if source < target else semi)]
    return rows


def layer_table(matches: pd.DataFrame) -> pd.DataFrame:
    """What layers.csv says of these matches."""
    key = ["state", "activations", "samples", "layer", "source", "target", "method"]
    rows = []
    for values, found in matches.groupby(key, sort=False):
        row = dict(zip(key, values, strict=True))
        known = found["correlation"].dropna()
        row |= {"mean": known.mean(), "median": known.median(), "best": known.max(), "worst": known.min()}
        dead = {f"dead_{end}": int((row["state"], row["layer"], row[end]) == DEAD) for end in ("source", "target")}
        row |= dead | {"units": len(live(row["state"], row["layer"], row["source"]))}
        row |= {"natural": NATURAL, "source_within": WITHIN, "positions": 196 if row["layer"] in CONVOLUTIONAL else 1}
        row["aligned"] = row["mean"] if row["method"] == MATCHING else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def mapping_table(convolutional: int = 5, seeds: int = 3) -> pd.DataFrame:
    rows = []
    for state, layer in itertools.product((TRAINED, UNTRAINED), layer_names(convolutional)):
        errors = np.array(ERRORS.get(layer, ERRORS["conv3"])) + (0.02 if state == UNTRAINED else 0)
        for source, target in itertools.permutations(range(seeds), 2):
            for decay, error, kept in zip(DECAYS, errors, KEPT, strict=True):
                row = {"state": state, "layer": layer, "source": source, "target": target, "decay": decay}
                spread = SPREAD[(source + target - 1) % 3] / 5
                rows.append(row | {"error": error + spread, "nonzero": kept * UNITS[layer], "units": UNITS[layer]})
    return pd.DataFrame(rows)


def cluster_table(convolutional: int = 5, seeds: int = 3) -> pd.DataFrame:
    """Four clusters a layer: all are mixed in trained networks, in untrained ones half of them."""
    rows = []
    for state, layer in itertools.product((TRAINED, UNTRAINED), layer_names(convolutional)):
        level, mixed_ones = (0.5, 4) if state == TRAINED else (0.3, 2)
        for source, target in itertools.combinations(range(seeds), 2):
            size = UNITS[layer] // 4
            for cluster in range(4):
                mixed = cluster < mixed_ones
                members = (size, size) if mixed else ((2 * size, 0), (0, 2 * size))[cluster % 2]
                row = {"state": state, "layer": layer, "source": source, "target": target, "cluster": cluster}
                row |= {"source_units": members[0], "target_units": members[1]}
                within = level - 0.05 * np.arange(mixed_ones)
                row["within"] = within[cluster] if mixed else np.nan
                rows.append(row | {"inside": within.mean(), "outside": 0.05})
    return pd.DataFrame(rows)


def example_pair(channels: int = 1) -> Examples:
    """Networks 0 and 1 at the first three layers, with the correlations of `matched_units`."""
    return Examples(
        (0, 1),
        {
            state: {layer: _example(state, layer, channels) for layer in CONVOLUTIONAL[:3]}
            for state in (TRAINED, UNTRAINED)
        },
    )


def _example(state: str, layer: str, channels: int) -> Example:
    rng = np.random.default_rng([UNITS[layer], state == TRAINED])
    numbers = [live(state, layer, seed) for seed in (0, 1)]
    first, count = len(numbers[0]), len(numbers[0]) + len(numbers[1])
    correlation = np.corrcoef(rng.standard_normal((count, 12))).astype(np.float32)
    rows, columns, values = matched_units(state, layer, 0, 1)
    rows, columns = np.searchsorted(numbers[0], rows), first + np.searchsorted(numbers[1], columns)
    correlation[rows, columns] = correlation[columns, rows] = values
    shown = best_and_worst(values, 4)
    size = 4 + 4 * CONVOLUTIONAL.index(layer)
    waves = np.sin(
        rng.uniform(0, 1, (len(shown), 1, 1, 1, 1, 1)) * 8 / size * np.indices((size, size)).sum(0)[..., None]
    )
    patches = 128 + 60 * waves + rng.normal(0, 20, (len(shown), 2, 4, size, size, channels))
    return Example(
        network=np.repeat([0, 1], [first, count - first]),
        unit=np.concatenate(numbers),
        correlation=correlation,
        cluster=np.arange(count) % 4,
        filters=rng.standard_normal((count, 3, 3, channels)).astype(np.float32) if layer == "conv1" else None,
        shown=np.column_stack([rows[shown], columns[shown]]),
        patches=patches.clip(0, 255).astype(np.uint8),
    )
