"""Figure 6: valleys of low training error around the way of each module from its initial to its final value."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import NAMES
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import DIRECT, OPTIMISATION, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [(treatment, path) for treatment in (TUNED, SCRATCH) for path in (DIRECT, OPTIMISATION)]
MOST = 6  # modules that fit a page


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 6: a row of heat maps a module; P-T and RI-T, each on the direct path and on that of the optimisation.

    Where there are many modules, some are shown, evenly spaced from the first to the head.
    """
    table = tables.criticality
    modules = list(dict.fromkeys(table["module"]))
    shown = [modules[place] for place in np.linspace(0, len(modules) - 1, min(MOST, len(modules))).round().astype(int)]
    columns = [one for one in COLUMNS if len(_grid(table, modules[0], *one))]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.3 + 1.15 * len(shown),
        _title(table, modules),
        style.scale_note(scale, table["seed"].nunique()),
        f"Mean over seeds and draws of the noise. White: edge of the valley, training error ε. α: position on the way "
        "from the initial value, 0, to the final one, 1; ‖θ−θ₀‖: their distance. Optimisation path: straight from each "
        f"checkpoint of training to the next. {len(shown)} of {len(modules)} modules. {NAMES}",
    )
    panels = figure.subplots(len(shown), len(columns), sharex=True, sharey=True, squeeze=False)
    colours = ScalarMappable(Normalize(0, 100 * table["error"].max()), style.SEQUENTIAL)
    for row, module in zip(panels, shown, strict=True):
        for axes, (treatment, path) in zip(row, columns, strict=True):
            _draw_map(axes, table, module, treatment, path, colours)
            if path == DIRECT:
                axes.set_title(_length(tables.modules, module, treatment), fontsize=style.SMALL_SIZE, pad=2)
        row[0].set_ylabel(f"{module}\nnoise σ")
    for axes, (treatment, path) in zip(panels[0], columns, strict=True):
        axes.set_title(f"{treatment}, {path} path\n{axes.get_title()}", fontsize=style.FONT_SIZE, pad=2)
    for axes in panels[-1]:
        axes.set_xlabel("α")
    figure.colorbar(colours, ax=panels, label="training error (%)", fraction=0.03, shrink=min(1, 3 / len(shown)))
    return figure


def _grid(table: "pd.DataFrame", module: str, treatment: str, path: str, column: str = "error") -> "pd.DataFrame":
    """A column, mean over seeds: a row a sigma, lowest first, a column an alpha."""
    chosen = (table["module"] == module) & (table["treatment"] == treatment) & (table["path"] == path)
    return table[chosen].groupby(["sigma", "alpha"])[column].mean().unstack()


def _draw_map(
    axes: Axes, table: "pd.DataFrame", module: str, treatment: str, path: str, colours: ScalarMappable
) -> None:
    """A heat map whose cells are as large for each alpha and each sigma, and an edge around those that pass."""
    error = _grid(table, module, treatment, path)
    epsilon = _grid(table, module, treatment, path, "epsilon")
    axes.imshow(error.to_numpy() * 100, origin="lower", aspect="auto", norm=colours.norm, cmap=colours.cmap)
    edge = {"colors": "white", "linewidths": 1.2}
    passes = (error <= epsilon).to_numpy()
    rows, columns = np.nonzero(np.diff(passes, axis=1))
    axes.vlines(columns + 0.5, rows - 0.5, rows + 0.5, **edge)
    rows, columns = np.nonzero(np.diff(passes, axis=0))
    axes.hlines(rows + 0.5, columns - 0.5, columns + 0.5, **edge)
    axes.set_xticks(*_ticks(error.columns))
    axes.set_yticks(*_ticks(error.index))


def _ticks(values: Sequence[float]) -> tuple[list[int], list[str]]:
    """Some of the positions on an axis, and their values: the first, the middle and the last."""
    places = sorted({0, (len(values) - 1) // 2, len(values) - 1})
    return places, [f"{values[place]:.2g}" for place in places]


def _length(modules: "pd.DataFrame", module: str, treatment: str) -> str:
    return f"‖θ−θ₀‖ = {pairs.by_module(modules, treatment, 'distance')[module].mean():.2g}"


def _title(table: "pd.DataFrame", modules: Sequence[str]) -> str:
    """Of how many modules the initial value is within the valley, by what the maps of the direct path show."""
    said = []
    for treatment in (TUNED, SCRATCH):
        margins = [
            _grid(table, module, treatment, DIRECT, "epsilon") - _grid(table, module, treatment, DIRECT)
            for module in modules
        ]
        within = [margin.iat[0, 0] >= 0 for margin in margins if len(margin)]
        if within:
            said.append(f"{sum(within)} of {len(within)} modules of {treatment}")
    return f"The initial value is within the valley, with the least noise, for {' and '.join(said)}"
