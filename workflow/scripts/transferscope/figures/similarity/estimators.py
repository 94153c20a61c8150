"""The main panels by biased CKA, debiased CKA and RSA, side by side: does a conclusion depend on the measure?"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.similarity.panels import (
    Curve,
    Panel,
    by_degree,
    by_part,
    by_reference,
    draw_panels,
    explanation,
)
from transferscope.tables.profiles import CROSS, RANDOM, SAME, SHIFTED, layers, select

if TYPE_CHECKING:
    import pandas as pd

MEASURES = {"cka": "biased CKA", "cka_debiased": "debiased CKA", "rsa": "RSA"}
ROWS = (
    "to initialisation\npre-training (Fig. 3a)",
    "to pre-trained\nfine-tuning (Fig. 4a)",
    "to pre-trained\nfine-tuning (Fig. 4c)",
    "similarity\nrandom labels (Fig. 5)",
)


@style.styled
def draw(similarity: "pd.DataFrame", scale: str) -> Figure:
    """Figures 3a, 4a, 4c and 5 (random labels) when training ended, a row each, a column for each measure."""
    columns = [
        [Panel(curves, labelled=measure == "rsa") for curves in _main_curves(select(similarity, measure, "end"))]
        for measure in MEASURES
    ]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.2 + 1.5 * len(ROWS),
        _title(columns),
        style.scale_note(scale, similarity["seed"].nunique()),
        explanation(select(similarity, "cka", "end"), "When training ended,")
        + " RSA: rank correlation of the Euclidean distances between examples.",
    )
    draw_panels(figure, layers(similarity), list(zip(*columns, strict=True)), list(MEASURES.values()), ROWS)
    return figure


def _main_curves(rows: "pd.DataFrame") -> list[list[Curve]]:
    return [
        by_degree(rows, "pretrain", "init"),
        by_degree(rows, "finetune", "pre"),
        by_part(rows, (SAME, SHIFTED, CROSS, RANDOM), "pre"),
        by_reference(rows, RANDOM),
    ]


def _title(columns: Sequence[Sequence[Panel]]) -> str:
    """How often the other measures order two curves of a panel, at a layer, as biased CKA does."""
    biased, debiased, rsa = (np.concatenate([_orders(panel) for panel in column]) for column in columns)
    return (
        f"Debiased CKA orders {np.mean(debiased == biased):.0%} of all pairs of points as biased CKA does, "
        f"RSA {np.mean(rsa == biased):.0%}"
    )


def _orders(panel: Panel) -> np.ndarray:
    """For every two curves and every layer, whether the first lies above the second in the mean over seeds."""
    means = [curve.values.mean(0) for curve in panel.curves]
    return np.concatenate([one > other for one, other in itertools.combinations(means, 2)])
