"""Units and their counterparts in another network (Li et al. 2016), found in the tables: pair by pair of networks.

Networks are told apart by their seed. What is compared is an unordered pair of them: a measure that depends on the
direction, as semi-matching does, is averaged over both. Pairs share networks, three pairs but three of them: they are
no independent samples, and it is networks that `statistics` resamples.
"""

from typing import TYPE_CHECKING

import numpy as np

from transferscope.terms.convergent import AFTER, MATCHING, POSITIONS, SEMI

if TYPE_CHECKING:
    import pandas as pd

PAIR = ["one", "other"]


def select(table: "pd.DataFrame", state: str, activations: str = AFTER, samples: str = POSITIONS) -> "pd.DataFrame":
    """The rows of layers.csv or matches.csv about one state of the networks, by one kind of activation."""
    chosen = (table["state"] == state) & (table["activations"] == activations) & (table["samples"] == samples)
    return table[chosen]


def layers(table: "pd.DataFrame") -> list[str]:
    """The names of the layers, from the bottom up: in the order in which the table has them."""
    return table["layer"].drop_duplicates().tolist()


def convolutional(table: "pd.DataFrame") -> list[str]:
    """Those layers whose units have more than one position in an image. table: layers.csv."""
    return layers(table[table["positions"] > 1])


def networks(table: "pd.DataFrame") -> list[int]:
    """The seeds of all networks."""
    return np.unique(table[["source", "target"]]).tolist()


def by_pair(rows: "pd.DataFrame", column: str, by: str = "layer") -> "pd.DataFrame":
    """Mean of a column over both directions: a row a pair (one, other), a column each layer, in their order.

    rows: of one state, method and so on, so that a layer has one row for each direction. by: in place of layers, e.g.
    "decay" for the rows of one layer. A pair that lacks one of them is left out.
    """
    means = _with_pairs(rows).groupby([*PAIR, by])[column].mean().unstack()
    return means[rows[by].drop_duplicates().tolist()].dropna()


def by_network(rows: "pd.DataFrame", column: str) -> "pd.DataFrame":
    """A column about the source alone: a row a network, a column each layer, in their order."""
    return rows.groupby(["source", "layer"])[column].mean().unstack()[layers(rows)].dropna()


def gaps(rows: "pd.DataFrame") -> "pd.DataFrame":
    """What one-to-one costs: semi-matched minus matched correlation, as in `by_pair`, zero or more.

    rows: of matches.csv, from `select`. The mean over units that have both, of either network: where one network has
    more live units, some of the other's have no match, and a mean over all its semi-matches is about other units.
    """
    key, back = ["layer", "source", "target"], {"source": "target", "target": "source", "unit": "partner"}
    semi = rows.loc[rows["method"] == SEMI, [*key, "unit", "correlation"]]
    matched = rows[rows["method"] == MATCHING].dropna(subset="correlation")
    both = matched.merge(semi, on=[*key, "unit"], suffixes=("", "_there"))
    both = both.merge(semi.rename(columns=back), on=[*key, "partner"], suffixes=("", "_back"))
    best = both[["correlation_there", "correlation_back"]].mean(axis=1)
    return by_pair(both.assign(gap=best - both["correlation"]), "gap")


def matched(rows: "pd.DataFrame", layer: str, one: int, other: int) -> "pd.DataFrame":
    """Matched units of two networks, the best first: columns unit, of `one`, partner, of `other`, and correlation.

    rows: of matches.csv, from `select`. one, other: seeds, the smaller one first.
    """
    chosen = (rows["method"] == MATCHING) & (rows["layer"] == layer)
    chosen &= (rows["source"] == one) & (rows["target"] == other)
    found = rows.loc[chosen, ["unit", "partner", "correlation"]].dropna()
    return found.astype({"partner": int}).sort_values("correlation", ascending=False, kind="stable")


def sorted_correlations(rows: "pd.DataFrame", shares: np.ndarray) -> np.ndarray:
    """Correlations of units with their counterparts, best first: (pairs, shares), mean over both directions.

    rows: of matches.csv, from `select`, of one layer and method. shares: of the units, 0 the best of them and 1 the
    worst, at which to read; between two units by linear interpolation, as networks differ in how many units live.
    """
    found = []
    for _, both in _with_pairs(rows.dropna(subset="correlation")).groupby(PAIR):
        directions = [np.quantile(one, 1 - shares) for _, one in both.groupby("source")["correlation"]]
        found.append(np.mean(directions, axis=0))
    return np.array(found)


def _with_pairs(rows: "pd.DataFrame") -> "pd.DataFrame":
    ends = rows["source"], rows["target"]
    return rows.assign(one=np.minimum(*ends), other=np.maximum(*ends))
