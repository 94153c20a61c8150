"""The same layers of the same source networks by three measures of transfer, and how these agree in rank over layers.

For each half of the classes that a network is trained on, its source is the base network of the other half: lambda_S,
the weight that a gate gives to a layer of the source (Orhand et al. 2021, QUANTA); the accuracy that is left when this
layer and all below are copied and frozen (Yosinski et al. 2014, AnB); and how much the layer changes when all layers
are copied and fine-tuned (1 - CKA, as in Goerttler & Obermayer 2022).

Everywhere, `table` is the table joint.csv, with a row for each seed, half and layer.
"""

from typing import TYPE_CHECKING

import numpy as np

from transferscope import statistics
from transferscope.errors import InputError
from transferscope.terms.anb import BASE, HALVES, TRANSFER

if TYPE_CHECKING:
    import pandas as pd

LAYER = ["seed", "half", "n"]  # which layer of which network
COLUMNS = (
    *LAYER,  # half: trained on; n: number of the layer from the bottom, from 1 on
    "layer",  # its name
    *("lambda_source", "share"),  # of the gate at this layer, at the end of training
    *("accuracy", "base"),  # test top-1 with the first n layers copied and frozen, and of the half's base network
    "relative_accuracy",  # accuracy / base
    *("cka", "cka_debiased"),  # of the layer before and after fine-tuning of all layers
    *("cka_change", "cka_change_debiased"),  # 1 - CKA
)

DEPTH = "n"
GATES = ("lambda_source", "share")
ACCURACY = "relative_accuracy"
CHANGES = ("cka_change", "cka_change_debiased")
# all that the three measures say of each other, by either of their variants, and each beside the layer's depth, which
# alone could make them agree
PAIRS = (
    *((gate, ACCURACY) for gate in GATES),
    *((gate, change) for gate in GATES for change in CHANGES),
    *((ACCURACY, change) for change in CHANGES),
    *((DEPTH, measure) for measure in (*GATES, ACCURACY, *CHANGES)),
)
CORRELATION_COLUMNS = (
    *("x", "y"),  # two columns of joint.csv
    "correlation",  # Spearman's over layers; mean over seeds of the mean over halves
    *("low", "high"),  # its 95 % bootstrap interval over seeds; empty with one seed
    "p",  # two-sided: share of the orders of layers that are correlated as much as they are
    "pooled",  # the same correlation of means over seeds and halves
    "without_order",  # curves that are the same at all layers; their correlation counts as 0
    *("layers", "seeds"),
)
ROUNDING = 1e-9  # by which equal correlations may differ


def rows(final: "pd.DataFrame", accuracy: "pd.DataFrame", change: "pd.DataFrame", split: str) -> list[dict]:
    """The rows of joint.csv, with the keys `COLUMNS`, for every layer that has a gate.

    final: QUANTA's table final.csv, of which the rows with the target "joint" count; its layers are numbered from 0.
    accuracy: AnB's table accuracy.csv, of which the rows of `split` count.
    change: the table layer_change.csv, with the columns seed, half and those of `layer_change.COLUMNS`.
    Raises InputError if there is no such gate, or if a layer of a seed and half lacks a measure or has it twice.
    """
    import pandas as pd

    gates = final[final["target"] == "joint"]
    if gates.empty:
        raise InputError("joint.csv: no gate has the target 'joint': add a section quanta.joint to the config")
    gates = gates.assign(n=gates["layer"].astype(int) + 1).set_index(LAYER)
    of_split = accuracy[accuracy["split"] == split]
    frozen = of_split[of_split["treatment"] == TRANSFER].astype({"n": int}).set_index(LAYER)
    bases = of_split[of_split["treatment"] == BASE].set_index(["seed", "half"])
    change = change.set_index(LAYER)

    seeds, _, layers = (level.unique().sort_values() for level in map(gates.index.get_level_values, LAYER))
    wanted = pd.MultiIndex.from_product([seeds, HALVES, layers], names=LAYER)
    table = pd.DataFrame(index=wanted)
    columns = [(gates, GATES), (frozen, ["accuracy"]), (change, ["layer", "cka", "cka_debiased"])]
    for source, names in columns:
        for name in names:
            table[name] = _found(source, name, wanted)
    table["base"] = _found(bases, "accuracy", wanted.droplevel("n"), "base accuracy")
    table[ACCURACY] = table["accuracy"] / table["base"]
    table["cka_change"], table["cka_change_debiased"] = 1 - table["cka"], 1 - table["cka_debiased"]
    return table.reset_index()[list(COLUMNS)].to_dict("records")


def _found(source: "pd.DataFrame", column: str, wanted: "pd.MultiIndex", what: str | None = None) -> np.ndarray:
    """A column of a table at each place wanted, all of which it must have once."""
    what = what or column
    twice = source.index[source.index.duplicated()].intersection(wanted)
    if len(twice):
        raise InputError(f"joint.csv: more than one {what} for {_places(twice)}: expected one of each layer")
    found = source[column].reindex(wanted)
    missing = wanted[found.isna()].unique()
    if len(missing):
        raise InputError(
            f"joint.csv: no {what} for {_places(missing)}: the sections quanta.joint and anb need the same seeds, and "
            "anb.layers every layer, with the treatments transfer and transfer+"
        )
    return found.to_numpy()


def _places(index: "pd.MultiIndex") -> str:
    places = [", ".join(f"{name} {value}" for name, value in zip(index.names, one, strict=True)) for one in index]
    return "; ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def curves(table: "pd.DataFrame", measure: str) -> np.ndarray:
    """A measure over layers, (seeds, halves, layers); `measure` is a column, `DEPTH` among them."""
    ordered = table.sort_values(LAYER)
    return ordered[measure].to_numpy(float).reshape([ordered[column].nunique() for column in LAYER])


def by_seed(table: "pd.DataFrame", x: str, y: str) -> np.ndarray:
    """Spearman's rank correlation of two measures over layers, mean over halves: (seeds,) float64.

    Where a measure is the same at all layers, it has no order, and the correlation counts as 0.
    """
    return statistics.rank_correlations(curves(table, x), curves(table, y)).mean(axis=1)


def chance(table: "pd.DataFrame", x: str, y: str) -> float:
    """The share of the orders of layers in which two measures are correlated as much as they are, up or down.

    It is the two-sided p of a permutation test of their mean rank correlation, see `statistics.correlations_by_chance`;
    with L layers it is 1 / L! or more, however many the seeds, for they are seeds of the same layers.
    """
    orders = np.abs(statistics.correlations_by_chance(curves(table, x), curves(table, y)))
    return float(np.mean(orders >= orders[0] - ROUNDING))


def width_of_chance(layers: int) -> float:
    """The absolute rank correlation that 95 % of all orders of so many layers do not exceed."""
    order = np.arange(layers)
    return float(np.quantile(np.abs(statistics.correlations_by_chance(order, order)), 0.95, method="inverted_cdf"))


def correlations(table: "pd.DataFrame") -> list[dict]:
    """The rank correlations of all `PAIRS`: rows with the keys `CORRELATION_COLUMNS`."""
    return [_correlation(table, x, y) for x, y in PAIRS]


def _correlation(table: "pd.DataFrame", x: str, y: str) -> dict:
    found = by_seed(table, x, y)
    both = np.stack([curves(table, measure) for measure in (x, y)])
    low, high = statistics.bootstrap_interval(found)
    return {
        **{"x": x, "y": y, "correlation": float(found.mean()), "low": low, "high": high},
        "p": chance(table, x, y),
        "pooled": float(statistics.rank_correlations(*both.mean(axis=(1, 2)))),
        "without_order": int((np.ptp(both, axis=-1) == 0).any(axis=0).sum()),
        **{"layers": both.shape[-1], "seeds": len(found)},
    }
