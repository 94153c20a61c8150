"""Profiles: similarity layer by layer, from the table similarity.csv, by the part that each run plays in the paper."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# the parts that runs of Goerttler & Obermayer 2022 play: two that start from nothing, five that start from the first
PRETRAINED, NOISE = "pre-training", "random labels from scratch"
SAME, RANDOM, SHIFTED = "same task", "random labels", "shifted labels"
CROSS, CROSS_RANDOM = "cross-domain", "cross, random"

_PARTS = {
    ("pretrain", "random", "true"): PRETRAINED,
    ("pretrain", "random", "fully random"): NOISE,
    ("finetune", "random", "true"): SAME,
    ("finetune", "random", "fully random"): RANDOM,
    ("finetune", "shifted", None): SHIFTED,
    ("finetune", "cross", None): CROSS,
    ("finetune", "cross random", None): CROSS_RANDOM,
}


def cast(table: "pd.DataFrame") -> dict[str, str]:
    """The run that plays each part, {part: run}; a part that no run plays is left out.

    table: similarity.csv or history.csv. Labels are fully random at the highest degree in the table.
    """
    degrees = {table["randomness"].max(): "fully random", 0: "true"}
    runs = table[["phase", "condition", "randomness", "run"]].drop_duplicates()
    found = {}
    for phase, condition, randomness, run in runs.itertuples(index=False):
        degree = degrees.get(randomness) if condition == "random" else None
        found[_PARTS.get((phase, condition, degree))] = run
    return {part: found[part] for part in _PARTS.values() if part in found}


def degrees(table: "pd.DataFrame", phase: str) -> dict[int, str]:
    """The runs of a phase on (partially) random labels of the usual task, {degree d: run}, from true labels on."""
    chosen = table[(table["phase"] == phase) & (table["condition"] == "random")]
    runs = chosen[["randomness", "run"]].drop_duplicates().sort_values("randomness")
    return {int(degree): run for degree, run in runs.itertuples(index=False)}


def sizes(table: "pd.DataFrame") -> dict[float, str]:
    """The runs from scratch on fully random labels, {number of training images: run}, smallest first.

    The run on the whole training set, if it names no number, has infinity.
    """
    chosen = table[table["condition"] == "size"]
    runs = chosen[["size", "run"]].drop_duplicates().sort_values("size")
    found = {float(size): run for size, run in runs.itertuples(index=False)}
    if NOISE in (parts := cast(table)):
        whole = table.loc[table["run"] == parts[NOISE], "size"].astype(float).iloc[0]
        found[float("inf") if np.isnan(whole) else whole] = parts[NOISE]
    return dict(sorted(found.items()))


def fixed_lengths(table: "pd.DataFrame") -> dict[str, int]:
    """The epochs that every run of a phase was trained for, whether or not it then went on: {phase: epochs}.

    table: similarity.csv, whose checkpoints up to there are named epoch0, epoch1, ...
    """
    checkpoints = table[["phase", "run", "checkpoint"]].drop_duplicates()
    numbers = checkpoints["checkpoint"].str.extract(r"^epoch(\d+)$")[0].astype(float)
    last = numbers.groupby([checkpoints["phase"], checkpoints["run"]]).max()
    return {phase: int(epochs) for phase, epochs in last.groupby("phase").min().items()}


def in_own_domain(table: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of the whole similarity.csv, or of one measure, on images of each run's own domain.

    Cross-domain runs are seen on held-out images of the other domain, all others on those of the usual one.
    """
    crossed = table["condition"].isin(["cross", "cross random"])
    usual = table.loc[(table["phase"] == "finetune") & ~crossed, "probe"].iloc[0]
    return table[(table["probe"] == usual) != crossed]


def select(table: "pd.DataFrame", measure: str, stage: str) -> "pd.DataFrame":
    """The rows of similarity.csv by one measure at one stage of training, on images of each run's own domain.

    measure: cka, cka_debiased or rsa. stage: "fixed", after the `fixed_lengths`, or "end", when training ended: for a
    run that never was to go on (it has no checkpoint of that name), the same.
    """
    rows = in_own_domain(table[table["measure"] == measure])
    fixed = rows["checkpoint"] == rows["phase"].map(fixed_lengths(table)).map("epoch{}".format)
    if stage == "fixed":
        return rows[fixed]
    end = rows["checkpoint"] == "end"
    return rows[end | (fixed & ~rows["run"].isin(rows.loc[end, "run"]))]


def layers(rows: "pd.DataFrame") -> list[str]:
    """The layers in the order in which they run, the head last."""
    return rows["layer"].unique().tolist()


def profiles(rows: "pd.DataFrame", *comparisons: tuple[str, str]) -> np.ndarray:
    """Similarity of runs to references, (seeds, comparisons, layers), in the seeds that have all of them.

    rows: from `select`. comparisons: pairs of a run and its reference, e.g. ("finetune-random0", "pre").
    """
    names = layers(rows)
    columns = [(*comparison, layer) for comparison in comparisons for layer in names]
    by_seed = rows.pivot(index="seed", columns=["run", "reference", "layer"], values="value")
    complete = by_seed.reindex(columns=columns).dropna().to_numpy()
    return complete.reshape(len(complete), len(comparisons), len(names))
