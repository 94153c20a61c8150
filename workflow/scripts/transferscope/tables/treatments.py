"""Networks whose first n layers were copied (Yosinski et al. 2014), as accuracy.csv has them: found by their treatment.

Everywhere, `table` is the table accuracy.csv. A base network is one with n = 0: nothing in it was copied.
"""

from typing import TYPE_CHECKING

from transferscope.terms.anb import BASE, DISSIMILAR, RANDOM, SELFFER, SELFFER_TUNED, SIMILAR, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd

# the paper's names; n stands for the number of layers copied, B for the task trained on last, whichever half that is
NOTATION = {
    BASE: "base",
    SELFFER: "BnB",
    TRANSFER: "AnB",
    SELFFER_TUNED: "BnB⁺",
    TRANSFER_TUNED: "AnB⁺",
    RANDOM: "random",
}

PAPERS_LAST = 7  # n of the last layer to copy of the paper's net


def at_depth(n: int, last: int) -> int:
    """The layer that lies as deep in a net with `last` layers to copy as layer `n` of the paper's in its own."""
    return max(1, round(n * last / PAPERS_LAST))


def layers(table: "pd.DataFrame") -> list[int]:
    """Every n that was run, lowest first."""
    return sorted(table.loc[table["treatment"] != BASE, "n"].dropna().astype(int).unique().tolist())


def last_layer(table: "pd.DataFrame") -> int:
    """The highest n that the network has, whether it was run or not."""
    return int(table["layers"].iloc[0])


def splits(table: "pd.DataFrame", *treatments: str) -> list[str]:
    """Those of the two splits on which all of these treatments were run, the similar one first."""
    run = {split: set(rows["treatment"]) for split, rows in table.groupby("split")}
    return [split for split in (SIMILAR, DISSIMILAR) if run.get(split, set()).issuperset((BASE, *treatments))]


def complete_seeds(table: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of those seeds that have every run."""
    return table[table.groupby("seed")["run"].transform("nunique") == table["run"].nunique()]


def networks(
    table: "pd.DataFrame", split: str, treatment: str, column: str = "accuracy", half: str | None = None
) -> "pd.DataFrame":
    """A column of every network of a treatment: a row a seed, columns (n, half), of the seeds that have all of them.

    half: A or B, of networks trained on this half alone.
    """
    chosen = (table["split"] == split) & (table["treatment"] == treatment)
    if half is not None:
        chosen &= table["half"] == half
    rows = table[chosen]
    known = rows.assign(n=rows["n"].fillna(0).astype(int))
    return known.pivot(index="seed", columns=["n", "half"], values=column).dropna()


def accuracies(
    table: "pd.DataFrame", split: str, treatment: str, column: str = "accuracy", half: str | None = None
) -> "pd.DataFrame":
    """Mean over the two directions, A to B and B to A: a row a seed, a column each n; arguments as in `networks`."""
    return networks(table, split, treatment, column, half).T.groupby(level="n").mean().T


def sweep(table: "pd.DataFrame", split: str, treatment: str, half: str | None = None) -> "pd.DataFrame":
    """Accuracy of a treatment over n, from that of base at n = 0 on: a row a seed; arguments as in `networks`."""
    base, copied = (accuracies(table, split, which, half=half) for which in (BASE, treatment))
    return base.join(copied, how="inner")


def gap(
    table: "pd.DataFrame",
    split: str,
    minuend: str,
    subtrahend: str,
    column: str = "accuracy",
    half: str | None = None,
) -> "pd.DataFrame":
    """Accuracy of one treatment minus another's, seed by seed: a row a seed, a column each n that both have.

    A base network is compared with every n. Further arguments are as in `networks`. After the paper, section 4,
    gap(base, selffer) is what co-adapted layers lose when they are parted, gap(selffer, transfer) what the
    specificity of features to their task costs, and gap(transfer+, base) what fine-tuning gains.
    """
    found = [accuracies(table, split, treatment, column, half) for treatment in (minuend, subtrahend)]
    both = [n for n in layers(table) if all(n in one or 0 in one for one in found)]
    first, second = (one[[0] * len(both)].set_axis(both, axis=1) if 0 in one else one[both] for one in found)
    return (first - second).dropna()
