"""Table 2 module by module: L2 distance between the parameters of two networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from transferscope.figures import style
from transferscope.figures.basins.looks import (
    LINES,
    NAMES,
    PAIR_KINDS,
    draw_key,
    draw_line,
    label_modules,
    panels_for,
    rows_of_panels,
)
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH_AND_P, SCRATCH_PAIR, TOTAL, TUNED_AND_P, TUNED_PAIR

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    **PAIR_KINDS,
    TUNED_AND_P: {"color": "#000000", "marker": "^"},
    SCRATCH_AND_P: {"color": "#009E73", "marker": "v"},
}


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """A panel for each target, a line for each pair over modules from the input to the head, on a logarithmic scale."""
    table = tables.distance[tables.distance["module"] != TOTAL]
    shown = pairs.targets(table)
    present = [pair for pair in KINDS if pair in set(table["pair"])]
    modules, rows = list(dict.fromkeys(table["module"])), rows_of_panels(shown)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.8 + 1.9 * rows,
        _title(table, shown),
        style.scale_note(scale, table["seed"].nunique()),
        f"{LINES} P has a head for another task: the distance from it is not shown. {NAMES}",
    )
    key, drawn = figure.subfigures(2, 1, height_ratios=(0.6, 1.9 * rows))
    draw_key(key.subplots(), {pair: KINDS[pair] for pair in present}, columns=3)
    for axes, target in zip(panels_for(drawn, shown), shown, strict=True):
        axes.set(ylabel="L2 distance", yscale="log")
        axes.yaxis.set(major_locator=LogLocator(subs=(1, 3)), major_formatter="{x:g}", minor_formatter=NullFormatter())
        label_modules(axes, modules)
        for pair in present:
            values = _by_module(table, target, pair)
            if pair in (TUNED_AND_P, SCRATCH_AND_P):
                values = values.drop(columns=modules[-1], errors="ignore")
            if len(values):
                draw_line(axes, [modules.index(module) for module in values], values, KINDS[pair], factor=1)
    return figure


def _by_module(table: "pd.DataFrame", target: str, pair: str) -> "pd.DataFrame":
    """A row a seed, a column a module that both networks of a pair have."""
    return pairs.by_seed(table, "distance", "module", target=target, pair=pair)


def _title(table: "pd.DataFrame", shown: Sequence[str]) -> str:
    """Where two P-T are nearest to each other, and where farthest apart, as a multiple of two RI-T."""
    ratios = {}
    for target in shown:
        tuned, scratch = (_by_module(table, target, pair).mean() for pair in (TUNED_PAIR, SCRATCH_PAIR))
        ratios |= {(target, module): tuned[module] / scratch[module] for module in tuned.index if module in scratch}
    ends = [f"{ratios[at]:.2f} ({at[1]}, {style.readable(at[0])})" for at in sorted(ratios, key=ratios.get)]
    return f"Module by module, two P-T are {ends[0]} to {ends[-1]} times as far apart as two RI-T"
