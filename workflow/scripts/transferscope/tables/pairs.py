"""Networks that were fine-tuned or trained from scratch, one by one and in pairs (Neyshabur et al. 2020), in tables.

P is the pre-trained network, P-T one fine-tuned from it, RI-T one trained from a random initialisation.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transferscope.landscape.criticality import in_valley
from transferscope.terms.basins import DIRECT, FIRST_INSTANCE, SAME_INIT_INSTANCE, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

# mistakes of two networks, as shares of all test images
SHARES = ("both wrong, same label", "both wrong, other labels", "first alone wrong", "second alone wrong")
IN_HISTORY = {"accuracy": "top1", "auc": "auc"}  # columns of accuracy.csv as history.csv and path.csv have them


@dataclass(frozen=True)
class Tables:
    """The tables of this paper, one attribute each; fractions and counts are as they were measured.

    In all, `pair`, `treatment`, `path` and `module` have the names that `terms.basins` lists. modules and criticality,
    path and barriers are of the targets whose landscape is explored.
    """

    history: "pd.DataFrame"
    accuracy: "pd.DataFrame"
    mistakes: "pd.DataFrame"
    similarity: "pd.DataFrame"
    distance: "pd.DataFrame"
    path: "pd.DataFrame"
    barriers: "pd.DataFrame"
    criticality: "pd.DataFrame"
    modules: "pd.DataFrame"


def by_seed(table: "pd.DataFrame", column: str, across: str, **where: Hashable) -> "pd.DataFrame":
    """A column of those rows that have these values: a row a seed, a column each value of `across`, as they come.

    Values of `across` that no seed has are left out, and then the seeds that lack one.
    """
    chosen = _where(table, **where)
    found = chosen.pivot(index="seed", columns=across, values=column)[list(dict.fromkeys(chosen[across]))]
    return found.dropna(axis=1, how="all").dropna()


def _where(table: "pd.DataFrame", **values: Hashable) -> "pd.DataFrame":
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def targets(table: "pd.DataFrame") -> list[str]:
    """The targets in a table, as they come."""
    return list(dict.fromkeys(table["target"].dropna()))


def measure(accuracy: "pd.DataFrame", target: str) -> str:
    """The column that says how good networks are on a target: `accuracy`, or as in the paper `auc` with two classes."""
    return "accuracy" if _where(accuracy, target=target)["auc"].isna().any() else "auc"


def final(accuracy: "pd.DataFrame", target: str, treatment: str, column: str | None = None) -> "pd.Series":
    """What P-T or RI-T ends with on whole images, by seed: the mean over the instances that it has of them.

    accuracy: the table accuracy.csv. column: None for the target's `measure`. P-T starts from the last checkpoint of P.
    """
    rows = _without_same_init(_whole(_from_last(_where(accuracy, target=target, treatment=treatment))))
    return rows.groupby("seed")[column or measure(accuracy, target)].mean().dropna()


def accuracies(accuracy: "pd.DataFrame", target: str, treatment: str, column: str | None = None) -> "pd.DataFrame":
    """What P-T or RI-T ends with by block size: a row a seed, a column each size, the whole image last.

    accuracy, column: as in `final`; `speed` has the mean training accuracy over all epochs, which the paper calls
    optimisation speed. Of the first instance alone: there is no other of shuffled images, and what is compared shall
    not differ in its random head, initialisation and order of images, too.
    """
    rows = _first(_from_last(_where(accuracy, target=target, treatment=treatment)))
    return _by_seed(rows, "size", column or measure(accuracy, target))


def relative_gap(accuracy: "pd.DataFrame", target: str) -> "pd.DataFrame":
    """(A of P-T - A of RI-T) / A of P-T by block size (Neyshabur et al. 2020, figure 3): a row a seed, a column a size.

    accuracy: the table accuracy.csv; A: see `accuracies`. A seed where P-T is never right has none.
    """
    tuned, scratch = (accuracies(accuracy, target, treatment) for treatment in (TUNED, SCRATCH))
    both = [size for size in tuned if size in scratch]
    gap = 1 - scratch[both] / tuned[both].where(tuned[both] > 0)
    return gap.dropna()


def from_checkpoints(accuracy: "pd.DataFrame", target: str, column: str | None = None) -> "pd.DataFrame":
    """What P-T ends with by the epoch of P that it started from: a row a seed, a column an epoch.

    accuracy, column: as in `accuracies`, and of the first instance alone for the same reason; `source_accuracy` has P's
    own.
    """
    rows = _first(_whole(_where(accuracy, target=target, treatment=TUNED)))
    return _by_seed(rows, "start", column or measure(accuracy, target))


def learning(
    history: "pd.DataFrame",
    target: str,
    treatment: str,
    split: str = "test",
    size: int | None = None,
    column: str = "top1",
) -> "pd.DataFrame":
    """Accuracy of P-T or RI-T while it is trained: a row a seed, a column an epoch.

    history: the table history.csv. split: train or test. column: `top1` or `auc`.
    size: of blocks, of the first instance as in `accuracies`; None: on whole images, the mean over instances.
    """
    rows = _from_last(_where(history, target=target, treatment=treatment, split=split))
    chosen = _without_same_init(_whole(rows)) if size is None else _first(_where(rows, size=size))
    return _by_seed(chosen, "epoch", column)


def epochs_to_reach(tables: Tables, target: str) -> "pd.Series":
    """After what share of RI-T's epochs P-T first has RI-T's final test accuracy, or AUC (see `measure`), by seed.

    More than 1 where it never has, however long either was trained: one epoch more than the longer of the two.
    """
    column = measure(tables.accuracy, target)
    goal = final(tables.accuracy, target, SCRATCH)
    curve = learning(tables.history, target, TUNED, column=IN_HISTORY[column])
    curve = curve.loc[curve.index.intersection(goal.index)]
    epochs = learning(tables.history, target, SCRATCH).columns.max()
    above = curve.ge(goal.reindex(curve.index), axis=0)
    first = above.idxmax(axis=1).where(above.any(axis=1), max(curve.columns.max(), epochs) + 1)
    return first.astype(float) / epochs


def similarity(table: "pd.DataFrame", target: str, pair: str, column: str) -> "pd.DataFrame":
    """CKA of a pair by stage, from the input to the last below the head: a row a seed, a column a stage.

    table: similarity.csv, layer by layer. column: `cka_debiased` or `cka`.
    """
    found = by_seed(table, column, "layer", target=target, pair=pair)
    last = last_of_stages(list(found))
    return found[list(last.values())].set_axis(list(last), axis=1)


def shares_of_mistakes(mistakes: "pd.DataFrame", target: str) -> dict[str, "pd.DataFrame"]:
    """Each of the `SHARES` on a target, as fractions: a row a seed, a column a pair.

    mistakes: the table mistakes.csv.
    """
    rows = _where(mistakes, target=target)
    images = rows[["common", "first_only", "second_only", "neither"]].sum(axis=1)
    counts = (rows["same_label"], rows["common"] - rows["same_label"], rows["first_only"], rows["second_only"])
    shares = zip(SHARES, counts, strict=True)
    return {name: by_seed(rows.assign(share=count / images), "share", "pair") for name, count in shares}


def last_of_stages(layers: Sequence[str]) -> dict[str, str]:
    """The stages of a network as the paper's table 1 has them, and of each the last layer, which hands on its output.

    Numbered blocks of a numbered group are a stage: layer1.0 to layer1.2 of a ResNet are layer1. Any other layer, such
    as conv1, is a stage by itself. layers: names from the input to the head.
    """
    return {re.sub(r"(?<=\d)\.\d+$", "", layer): layer for layer in layers}


def by_module(
    modules: "pd.DataFrame",
    target: str,
    treatment: str,
    column: str = "drop",
    path: str = DIRECT,
    unknown: float | None = None,
) -> "pd.DataFrame":
    """A column of modules.csv on a target: a row a seed, a column a module, from the input to the head.

    unknown: stands for a missing value; None: a seed that lacks one is left out.
    """
    rows = modules.sort_values("depth")
    if unknown is not None:
        rows = rows.assign(**{column: rows[column].fillna(unknown)})
    return by_seed(rows, column, "module", target=target, treatment=treatment, path=path)


def network_criticality(modules: "pd.DataFrame", target: str, treatment: str) -> "pd.Series":
    """The criticality of a network, by seed: the sum of mu over its modules, each on its direct path.

    modules: the table modules.csv. Infinite where some module bears no noise anywhere.
    """
    return by_module(modules, target, treatment, "mu", unknown=float("inf")).sum(axis=1)


def opening(criticality: "pd.DataFrame", target: str, treatment: str) -> "pd.DataFrame":
    """Where the valley of each module opens, as fraction alpha of its straight path: a row a seed, a column a module.

    This is the first alpha from which on training error with the least noise, or none, is never above epsilon.
    criticality: the table criticality.csv. 0: anywhere on the path will do; 1: the final value alone.
    """
    rows = _where(criticality, target=target, treatment=treatment, path=DIRECT)
    rows = rows[rows["sigma"] == rows["sigma"].min()].sort_values("alpha", ascending=False, kind="stable")
    passes = in_valley(rows["error"], rows["epsilon"]) | (rows["alpha"] == 1)
    unbroken = passes.groupby([rows["seed"], rows["module"]]).cummin()
    found = rows[unbroken].groupby(["seed", "module"])["alpha"].min().unstack()
    return found.reindex(columns=list(dict.fromkeys(criticality["module"]))).dropna(axis=1, how="all").dropna()


def _from_last(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Without the networks fine-tuned from an earlier checkpoint of P than the last; RI-T has none."""
    return rows[rows["start"].isna() | (rows["start"] == rows["start"].max())]


def _whole(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Networks of whole images: those of the largest blocks, which are as large as the image."""
    return rows[rows["size"] == rows["size"].max()]


def _first(rows: "pd.DataFrame") -> "pd.DataFrame":
    # a table that was read has it as a number where no instance has a letter
    return rows[rows["instance"].isin([FIRST_INSTANCE, int(FIRST_INSTANCE)])]


def _without_same_init(rows: "pd.DataFrame") -> "pd.DataFrame":
    return rows[rows["instance"] != SAME_INIT_INSTANCE]


def _by_seed(rows: "pd.DataFrame", across: str, column: str) -> "pd.DataFrame":
    """Mean over the rows of a seed and value of `across`; seeds that lack a value are left out."""
    return rows.groupby(["seed", across])[column].mean().unstack().dropna(axis=1, how="all").dropna()
