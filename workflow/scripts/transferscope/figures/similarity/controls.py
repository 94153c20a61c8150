"""Controls that the paper lacks: two seeds of the same run and two untrained nets, beside the similarities reported."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.similarity.panels import Curve, Panel, by_reference, draw_panels, explanation
from transferscope.tables.profiles import CROSS, PRETRAINED, RANDOM, SAME, SHIFTED, cast, layers, profiles, select

if TYPE_CHECKING:
    import pandas as pd

PARTS = (PRETRAINED, SAME, RANDOM, SHIFTED, CROSS)
MEASURES = {"cka": "biased CKA", "cka_debiased": "debiased CKA"}
NULL = {"color": "#000000", "marker": "v", "linestyle": ":"}
UNTRAINED = {"color": style.GREY, "marker": "D", "linestyle": ":"}


@style.styled
def draw(similarity: "pd.DataFrame", scale: str) -> Figure:
    """Similarity to the pre-trained weights and to the initialisation when training ended, beside two controls.

    The controls are similarities between two seeds of the same run (the null of all others) and between two untrained
    nets. A column for each run, a row for each estimator.
    """
    grid = []
    for measure in MEASURES:
        rows = select(similarity, measure, "end")
        untrained = similarity[(similarity["measure"] == measure) & (similarity["reference"] == "untrained")]
        grid.append([Panel(_curves(rows, untrained, part), labelled=part is PARTS[-1]) for part in PARTS])
    figure = style.new_figure(
        style.PAGE_WIDTH,
        4.9,
        _title(grid[0]),
        style.scale_note(scale, similarity["seed"].nunique()),
        explanation(select(similarity, "cka", "end"), "When training ended,"),
    )
    draw_panels(figure, layers(similarity), grid, PARTS, list(MEASURES.values()))
    return figure


def _curves(rows: "pd.DataFrame", untrained: "pd.DataFrame", part: str) -> list[Curve]:
    runs = cast(rows)
    seen = untrained[untrained["probe"].isin(rows.loc[rows["run"] == runs[part], "probe"])]  # on the same images
    controls = {
        "two seeds": (rows, (runs[part], "other seed"), NULL),
        "two untrained": (seen, (runs[PRETRAINED], "untrained"), UNTRAINED),
    }
    found = [Curve(name, profiles(*where)[:, 0], kind) for name, (*where, kind) in controls.items()]
    return [*by_reference(rows, part), *(curve for curve in found if len(curve.values))]


def _title(panels: Sequence[Panel]) -> str:
    """How many layers of all fine-tuned nets are nearer to their start than two seeds are to each other."""
    above = []
    for curves in ({curve.name: curve.values.mean(0) for curve in panel.curves} for panel in panels):
        if {"to pre-trained", "two seeds"} <= set(curves):
            above.extend(curves["to pre-trained"] > curves["two seeds"])
    if not above:
        return "Similarity beside that of two untrained nets"
    return (
        f"{np.count_nonzero(above)} of {len(above)} layers of fine-tuned nets are more similar to what they started "
        "from than two seeds are to each other"
    )
