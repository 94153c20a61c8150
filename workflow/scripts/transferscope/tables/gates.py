"""Networks with a gate to a frozen source network (Orhand et al. 2021), found in final.csv and history.csv.

Everywhere, `final` is the table final.csv and `history` the table history.csv, or rows of them. A value of a seed is
the mean over its repeats. Layers are numbered from 0, as in the paper.
"""

from typing import TYPE_CHECKING

from transferscope.terms.quanta import PERMUTED, TRAINED, UNGATED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

GATE, SHARE = "lambda_source", "share"  # the gate's value, and how much of the layer's input comes through it

PAPERS_LAST = 6  # number of the last layer below the head in the paper's net

_NETWORK = ["target", "source", "repeat", "layer", "initial", "rate_factor"]  # what tells the networks of a seed apart


def at_depth(layer: int, last: int) -> int:
    """The layer that lies as deep in a net whose last layer has the number `last` as `layer` of the paper's in its own.

    Half-way between two layers, it is the even one.
    """
    return round(layer * last / PAPERS_LAST)


def layers(final: "pd.DataFrame") -> list[int]:
    """The number of every layer that had a gate, lowest first."""
    return sorted(final["layer"].dropna().astype(int).unique().tolist())


def initials(final: "pd.DataFrame", source: str = TRAINED) -> list[float]:
    """The initial values of the gates to a source, with the usual learning rate, largest first."""
    usual = (final["source"] == source) & (final["rate_factor"] == 1)
    return sorted(final.loc[usual, "initial"].unique().tolist(), reverse=True)


def controls(final: "pd.DataFrame") -> list[str]:
    """The sources besides the trained one that were run, in the order of UNTRAINED and PERMUTED."""
    return [source for source in (UNTRAINED, PERMUTED) if (final["source"] == source).any()]


def sensitivity(final: "pd.DataFrame") -> tuple[str, float, list[float]]:
    """Of the gates whose learning rate is another one: target, initial value, and by what it is multiplied.

    The factors come lowest first, with 1, that of all other gates, among them.
    """
    others = final[final["rate_factor"].notna() & (final["rate_factor"] != 1)]
    (target,), (initial,) = (others[column].unique() for column in ("target", "initial"))
    return target, initial, sorted({1, *others["rate_factor"]})


def complete_seeds(final: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of those seeds that have every network."""
    networks = len(final[_NETWORK].drop_duplicates())
    return final[final.groupby("seed")["seed"].transform("size") == networks]


def finals(
    final: "pd.DataFrame", column: str, target: str, initial: float, source: str = TRAINED, factor: float = 1
) -> "pd.DataFrame":
    """A column of the gated networks: a row a seed, a column each layer, of the seeds that have all of the layers.

    column: of final.csv. target: AnA or AnB. initial: the value that the gate started from. factor: by which its
    learning rate is multiplied.
    """
    rows = _gated(final, target, initial, source, factor)
    return rows.groupby(["seed", "layer"])[column].mean().unstack().rename(columns=int).dropna()


def curves(history: "pd.DataFrame", column: str, target: str, initial: float) -> "pd.DataFrame":
    """A column of the gated networks on test images over training: a row a seed, columns (layer, epoch).

    Epoch 0 is before the first step. With the trained source and the usual learning rate, of the seeds that have all
    layers; arguments as in `finals`.
    """
    rows = _gated(history[history["split"] == "test"], target, initial, TRAINED, factor=1)
    return (
        rows.groupby(["seed", "layer", "epoch"])[column].mean().unstack(["layer", "epoch"]).sort_index(axis=1).dropna()
    )


def ungated(final: "pd.DataFrame", column: str, target: str) -> "pd.Series":
    """A column of the networks without a gate, one value a seed.

    target: AnA or AnB, for the network trained from scratch on this task; SOURCE for the source network.
    """
    rows = final[(final["source"] == UNGATED) & (final["target"] == target)]
    return rows.groupby("seed")[column].mean().dropna()


def ungated_curve(history: "pd.DataFrame", column: str, target: str) -> "pd.DataFrame":
    """A column of the networks without a gate on test images: a row a seed, a column each epoch; as in `ungated`."""
    tested = history[history["split"] == "test"]
    rows = tested[(tested["source"] == UNGATED) & (tested["target"] == target)]
    return rows.groupby(["seed", "epoch"])[column].mean().unstack().dropna()


def _gated(table: "pd.DataFrame", target: str, initial: float, source: str, factor: float) -> "pd.DataFrame":
    gated = (table["target"] == target) & (table["source"] == source) & (table["initial"] == initial)
    return table[gated & (table["rate_factor"] == factor)]
