"""Figure 4: similarity to the pre-trained weights, by what a model is fine-tuned on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.similarity.panels import Panel, by_degree, by_part, draw_panels, explanation, stages
from transferscope.tables.profiles import CROSS, CROSS_RANDOM, RANDOM, SAME, SHIFTED, layers, select

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(similarity: "pd.DataFrame", scale: str) -> Figure:
    """Figure 4: CKA to the pre-trained weights over layers, after fine-tuning on different labels and domains.

    (a) each degree d of random labels, (b) the other domain and its randomised version, (c) same task, shifted labels,
    other domain and random labels. One row of panels when training ended, and one after the fixed number of epochs,
    where these differ.
    """
    shown = stages(similarity, "finetune")
    grid = []
    for stage in shown:
        rows = select(similarity, "cka", stage)
        domains, tasks = (CROSS, CROSS_RANDOM), (SAME, SHIFTED, CROSS, RANDOM)
        curves = (by_degree(rows, "finetune", "pre"), by_part(rows, domains, "pre"), by_part(rows, tasks, "pre"))
        grid.append([Panel(one) for one in curves])
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.2 + 1.6 * len(grid),
        _title(grid),
        style.scale_note(scale, similarity["seed"].nunique()),
        explanation(select(similarity, "cka", "end")),
    )
    columns = ["(a) true (d=0) to random labels", "(b) another domain", "(c) tasks and domains"]
    labels = [f"CKA to pre-trained\n{name}" for name in shown.values()]
    draw_panels(figure, layers(similarity), grid, columns, labels)
    return figure


def _title(grid: Sequence[Sequence[Panel]]) -> str:
    """In how many layers, all but the head, random labels change more than true ones do, by domain and stage."""
    curves = [(panel.curves[0], panel.curves[-1]) for panels in grid for panel in panels[:2]]
    further = np.array([random.values.mean(0)[:-1] < true.values.mean(0)[:-1] for true, random in curves])
    said = "convolutional layer further from its pre-trained state than true labels do"
    if further.all():
        return f"Random labels take every {said}"
    return f"Random labels take a {said} in {further.sum()} of {further.size} cases: layers by domains and stages"
