"""Tables of accuracy as sweeps over copied layers leave them, whose every value is known."""

import pandas as pd

from transferscope.figures.anb.table1 import PAPER
from transferscope.terms.anb import BASE, DISSIMILAR, HALVES, RANDOM, SELFFER, SIMILAR, TRANSFER

CLASSES = {SIMILAR: {"A": 500, "B": 500}, DISSIMILAR: {"A": 551, "B": 449}}
SPREAD = {0: 0.0, 1: 0.001, 2: -0.001}  # by seed: no claim turns on it, and it leaves the mean as it is


def accuracy_table(layers: int = 7, seeds: int = 3) -> pd.DataFrame:
    """The paper's own numbers as if its net had this many layers, up to 7, in both directions and under each seed.

    What the paper lacks, it is given: on dissimilar halves, all but AnB as on similar ones; random features keep
    the share of base's accuracy that they keep in the paper.
    """
    rows = []
    for seed in range(seeds):
        for split in (SIMILAR, DISSIMILAR):
            for half in HALVES:
                rows += _rows(split, half, layers, seed)
    return pd.DataFrame(rows)


def value(split: str, treatment: str, half: str, n: int) -> float:
    """The mean over seeds of accuracy, a fraction."""
    if treatment == RANDOM:
        numbers = PAPER[SIMILAR, RANDOM, None]
        return value(split, BASE, half, 0) * numbers[n] / numbers[0]
    if split == DISSIMILAR and treatment in (BASE, TRANSFER):
        return PAPER[DISSIMILAR, TRANSFER, half][n] / 100
    treatment = SELFFER if treatment == BASE else treatment
    return PAPER[SIMILAR, treatment, None][n] / 100


def _rows(split: str, half: str, layers: int, seed: int) -> list[dict]:
    """Every network trained on a half under a seed."""
    other = "AB"[half == "A"]
    sources = {"base": "", "selffer": half, "selffer+": half, "transfer": other, "transfer+": other, "random": "random"}
    rows = []
    for treatment, source in sources.items():
        for n in [None] if treatment == BASE else range(1, layers + 1):
            accuracy = value(split, treatment, half, n or 0) + SPREAD[seed]
            tuned = "+" if treatment.endswith("+") else ""
            name = f"{split}-base{half}" if n is None else f"{split}-{source}{n}{half}{tuned}"
            row = {"run": name, "treatment": treatment, "split": split, "half": half, "source": source or None}
            row |= {"n": n, "seed": seed, "accuracy": accuracy, "best": accuracy + 0.002, "epochs": 10}
            rows.append(row | {"classes": CLASSES[split][half], "layers": layers})
    return rows
