"""Figure 6: valleys of low training error around the way of each module from its initial to its final value."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import NAMES, of_batch_norm
from transferscope.landscape.criticality import in_valley
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import DIRECT, OPTIMISATION, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

Where = tuple[str, str, str, str]  # target, module, treatment and path of a map
COLUMNS = [(treatment, path) for treatment in (TUNED, SCRATCH) for path in (DIRECT, OPTIMISATION)]
MOST = 6  # modules of one target that fit a page
ROWS = 9  # of lower maps that do, of several targets


class Map(NamedTuple):
    """What is seen around a module's path: a row a sigma, lowest first, a column an alpha.

    error: on training images, mean over seeds. within: whether a point is in the valley of more than half of the seeds,
    as the medians over seeds of what is found of it are.
    """

    error: "pd.DataFrame"
    within: np.ndarray


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 6: a row of heat maps a module; P-T and RI-T, each on the direct path and on that of the optimisation.

    The modules of each target are below each other. Where there are many, some are shown, evenly spaced from the first
    to the head.
    """
    table, targets = tables.criticality, pairs.targets(tables.criticality)
    maps = _maps(table)
    modules = list(dict.fromkeys(table["module"]))
    count = min(len(modules), MOST, max(2, ROWS // len(targets)))
    shown = [modules[place] for place in np.linspace(0, len(modules) - 1, count).round().astype(int)]
    rows = list(itertools.product(targets, shown))
    columns = [one for one in COLUMNS if (*rows[0], *one) in maps]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        min(1.3 + 1.15 * len(rows), style.PAGE_HEIGHT),
        _title(maps, targets),
        style.scale_note(scale, table["seed"].nunique()),
        "Mean over seeds and draws of the noise. White: edge of the valley; in it, training error is at most ε in more "
        "than half of the seeds. α: position on the way from the initial value, 0, to the final one, 1; ‖θ−θ₀‖: their "
        f"distance. Optimisation path: straight from each checkpoint of training to the next. {len(shown)} of "
        f"{len(modules)} modules. {of_batch_norm(table)} {NAMES}",
    )
    panels = figure.subplots(len(rows), len(columns), sharex=True, sharey=True, squeeze=False)
    colours = ScalarMappable(Normalize(0, 100 * table["error"].max()), style.SEQUENTIAL)
    for row, (target, module) in zip(panels, rows, strict=True):
        for axes, (treatment, path) in zip(row, columns, strict=True):
            _draw_map(axes, maps[target, module, treatment, path], colours)
            if path == DIRECT:
                length = _length(tables.modules, target, module, treatment)
                axes.set_title(length, fontsize=style.SMALL_SIZE, pad=2)
        of_target = [style.readable(target)] if len(targets) > 1 else []
        row[0].set_ylabel("\n".join([*of_target, module, "noise σ"]))
    for axes, (treatment, path) in zip(panels[0], columns, strict=True):
        axes.set_title(f"{treatment}, {path} path\n{axes.get_title()}", fontsize=style.FONT_SIZE, pad=2)
    for axes in panels[-1]:
        axes.set_xlabel("α")
    figure.colorbar(colours, ax=panels, label="training error (%)", fraction=0.03, shrink=min(1, 3 / len(rows)))
    return figure


def _maps(table: "pd.DataFrame") -> dict[Where, Map]:
    """Every map in criticality.csv, over its seeds."""
    found = {}
    for where, points in table.groupby(["target", "module", "treatment", "path"], sort=False):
        points = points.assign(within=in_valley(points["error"], points["epsilon"]))
        error, within = (points.groupby(["sigma", "alpha"])[name].mean().unstack() for name in ("error", "within"))
        found[where] = Map(error, (within > 0.5).to_numpy())
    return found


def _draw_map(axes: Axes, shown: Map, colours: ScalarMappable) -> None:
    """A heat map whose cells are as large for each alpha and each sigma, and an edge around those in the valley."""
    error, within = shown
    axes.imshow(error.to_numpy() * 100, origin="lower", aspect="auto", norm=colours.norm, cmap=colours.cmap)
    edge = {"colors": "white", "linewidths": 1.2}
    rows, columns = np.nonzero(np.diff(within, axis=1))
    axes.vlines(columns + 0.5, rows - 0.5, rows + 0.5, **edge)
    rows, columns = np.nonzero(np.diff(within, axis=0))
    axes.hlines(rows + 0.5, columns - 0.5, columns + 0.5, **edge)
    axes.set_xticks(*_ticks(error.columns))
    axes.set_yticks(*_ticks(error.index))


def _ticks(values: Sequence[float]) -> tuple[list[int], list[str]]:
    """Some of the positions on an axis, and their values: the first, the middle and the last."""
    places = sorted({0, (len(values) - 1) // 2, len(values) - 1})
    return places, [f"{values[place]:.2g}" for place in places]


def _length(modules: "pd.DataFrame", target: str, module: str, treatment: str) -> str:
    return f"‖θ−θ₀‖ = {pairs.by_module(modules, target, treatment, 'distance')[module].mean():.2g}"


def _title(maps: Mapping[Where, Map], targets: Sequence[str]) -> str:
    """Of how many modules the initial value is within the valley, by what the maps of the direct path show."""
    said = []
    for treatment in (TUNED, SCRATCH):
        within = [shown.within[0, 0] for where, shown in maps.items() if where[2:] == (treatment, DIRECT)]
        if within:
            said.append(f"{sum(within)} of {len(within)} modules of {treatment}")
    names = ", ".join(map(style.readable, targets))
    return f"The initial value is within the valley, with the least noise, for {' and '.join(said)} ({names})"
