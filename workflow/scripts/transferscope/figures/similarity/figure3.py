"""Figure 3: similarity to the initialisation, by the randomness of the labels and by the number of images."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.similarity.panels import (
    Panel,
    by_degree,
    by_size,
    counted,
    draw_panels,
    explanation,
    stages,
)
from transferscope.tables.profiles import layers, select

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(similarity: "pd.DataFrame", scale: str) -> Figure:
    """Figure 3: CKA to the initialisation over layers, (a) for each degree d, (b) of random labels for each set size.

    One row of panels when training ended, and one after the fixed number of epochs, where these differ.
    """
    shown = stages(similarity, "pretrain")
    grid = []
    for stage in shown:
        rows = select(similarity, "cka", stage)
        grid.append([Panel(by_degree(rows, "pretrain", "init")), Panel(by_size(rows, "init"))])
    figure = style.new_figure(
        5.2,
        1.2 + 1.6 * len(grid),
        _title(shown, [random for random, _ in grid]),
        style.scale_note(scale, similarity["seed"].nunique()),
        explanation(select(similarity, "cka", "end").query("phase == 'pretrain'")),
    )
    columns = ["(a) true (d=0) to random labels", "(b) random labels, by number of images"]
    labels = [f"CKA to initialisation\n{name}" for name in shown.values()]
    draw_panels(figure, layers(similarity), grid, columns, labels)
    return figure


def _title(shown: Mapping[str, str], panels: Sequence[Panel]) -> str:
    """How many early layers, all but the last two, stay nearer to their initialisation on random labels."""
    pairs = [[curve.values.mean(0)[:-2] for curve in (panel.curves[0], panel.curves[-1])] for panel in panels]
    what = "early layers stay nearer to their initialisation than on true labels"
    return f"On random labels, {counted([random > true for true, random in pairs], what, shown.values())}"
