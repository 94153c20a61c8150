"""Figure 6: training error, and loss, around the way of each module from its initial to its final value."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from transferscope.figures import style
from transferscope.figures.basins.looks import NAMES, of_batch_norm
from transferscope.landscape.criticality import in_valley
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import DIRECT, OPTIMISATION, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

Where = tuple[str, str, str, str]  # target, module, treatment and path of a map
WAYS = [(treatment, path) for treatment in (TUNED, SCRATCH) for path in (DIRECT, OPTIMISATION)]
# inches: of all maps beside each other, of a row of them, of what is written above and below rows, of its letters
BESIDE, ROW, HEADING, LETTER = 6.2, 0.65, 0.65, 0.6 * style.SMALL_SIZE / 72
SHORTEST = 11  # letters that have room above every map


class Map(NamedTuple):
    """What is seen around a module's path: a row a sigma, lowest first, a column an alpha.

    values: on training images, mean over seeds. within: whether a point is in the valley of more than half of the
    seeds, as the medians over seeds of what is found of it are.
    """

    values: "pd.DataFrame"
    within: np.ndarray


class Quantity(NamedTuple):
    """What maps show: a column of criticality.csv, times a factor, its scale with marks, and what the title says."""

    column: str
    factor: float
    scale: Callable[["pd.Series"], Normalize]
    marks: Locator
    label: str
    title: Callable[[Mapping[Where, Map]], str]


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 6: heat maps of training error around every module, in lines from the first module to the head.

    A line has a column a module and a row each for P-T and RI-T on the direct path and on that of the optimisation. The
    lines of each target are below each other, so that the figure is as tall as many modules and targets need.
    """
    return _drawn(tables, scale, ERROR)


@style.styled
def draw_loss(tables: Tables, scale: str) -> Figure:
    """The same of training loss, with the edges of the valleys of low error."""
    return _drawn(tables, scale, LOSS)


def _drawn(tables: Tables, scale: str, quantity: Quantity) -> Figure:
    table, targets = tables.criticality, pairs.targets(tables.criticality)
    maps = _maps(table, quantity)
    ways = [way for way in WAYS if way in {where[2:] for where in maps}]
    lines = list(itertools.product(targets, _lines(list(dict.fromkeys(table["module"])))))
    columns = max(len(modules) for _, modules in lines)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.6 + (HEADING + ROW * len(ways)) * len(lines),
        f"{quantity.title(maps)} ({', '.join(map(style.readable, targets))})",
        style.scale_note(scale, table["seed"].nunique()),
        "Mean over seeds and draws of the noise. White: edge of the valley; in it, training error is at most ε in more "
        "than half of the seeds. α: position on the way from the initial value, 0, to the final one, 1; ‖θ−θ₀‖: their "
        "distance; σ: noise. Optimisation path: straight from each checkpoint of training to the next. "
        f"{of_batch_norm(table)} {NAMES}",
    )
    panels = figure.subplots(len(lines) * len(ways), columns, squeeze=False)  # sharing axes would take minutes
    colours = ScalarMappable(quantity.scale(quantity.factor * table[quantity.column]), style.SEQUENTIAL)
    for (target, modules), rows in zip(lines, panels.reshape(len(lines), len(ways), columns), strict=True):
        for module, column in zip(modules, rows.T, strict=False):
            for axes, way in zip(column, ways, strict=True):
                _draw_map(axes, maps[target, module, *way], colours)
            _head(column, ways, module, tables.modules[tables.modules["target"] == target])
        for axes in rows.T[len(modules) :].flat:
            axes.set_axis_off()
        for axes in rows[:, 1:].flat:
            axes.tick_params(labelleft=False)
        for axes in rows[:-1].flat:
            axes.tick_params(labelbottom=False)
        _label(rows[:, 0], ways, style.readable(target) if len(targets) > 1 else "")
    legend = {"label": quantity.label, "ticks": quantity.marks, "format": "{x:g}"}
    place = {"location": "top", "shrink": 0.5, "aspect": 40, "pad": 0.1 / figure.get_figheight()}
    figure.colorbar(colours, ax=panels, **legend, **place).minorticks_off()
    return figure


def _maps(table: "pd.DataFrame", quantity: Quantity) -> dict[Where, Map]:
    """Every map of a quantity in criticality.csv, over its seeds."""
    found = {}
    for where, points in table.groupby(["target", "module", "treatment", "path"], sort=False):
        points = points.assign(within=in_valley(points["error"], points["epsilon"]))
        seen, within = (
            points.groupby(["sigma", "alpha"])[name].mean().unstack() for name in (quantity.column, "within")
        )
        found[where] = Map(quantity.factor * seen, (within > 0.5).to_numpy())
    return found


def _lines(modules: Sequence[str]) -> list[Sequence[str]]:
    """Modules in lines of about the same length, no more in one than have room for what is written above them."""
    most = max(1, int(BESIDE / (LETTER * max(SHORTEST, 1 + max(map(len, modules))))))
    count = -(-len(modules) // most)
    length = -(-len(modules) // count)
    return [modules[start : start + length] for start in range(0, len(modules), length)]


def _draw_map(axes: Axes, shown: Map, colours: ScalarMappable) -> None:
    """A heat map whose cells are as large for each alpha and each sigma, and an edge around those in the valley."""
    values, within = shown
    axes.imshow(values.to_numpy(), origin="lower", aspect="auto", norm=colours.norm, cmap=colours.cmap)
    edge = {"colors": "white", "linewidths": 1.2}
    rows, columns = np.nonzero(np.diff(within, axis=1))
    axes.vlines(columns + 0.5, rows - 0.5, rows + 0.5, **edge)
    rows, columns = np.nonzero(np.diff(within, axis=0))
    axes.hlines(rows + 0.5, columns - 0.5, columns + 0.5, **edge)
    axes.set_xticks(*_ticks(values.columns))
    axes.set_yticks(*_ticks(values.index))


def _ticks(values: Sequence[float]) -> tuple[list[int], list[str]]:
    """The ends of an axis, and their values."""
    return [0, len(values) - 1], [f"{values[place]:.2g}" for place in (0, -1)]


def _head(column: Sequence[Axes], ways: Sequence[tuple[str, str]], module: str, modules: "pd.DataFrame") -> None:
    """What is written above the maps of a module, its name, above each direct path, its length, and below them."""
    for axes, (treatment, path) in zip(column, ways, strict=True):
        if path == DIRECT:
            length = modules.loc[(modules["module"] == module) & (modules["treatment"] == treatment), "distance"].mean()
            number = f"{length:.0f}" if length >= 100 else f"{length:.2g}"
            axes.set_title(f"‖θ−θ₀‖ {number}", fontsize=style.SMALL_SIZE, pad=2)
    column[0].set_title(f"{module}\n{column[0].get_title()}", fontsize=style.SMALL_SIZE, pad=2)
    column[-1].set_xlabel("α", labelpad=1)


def _label(rows: Sequence[Axes], ways: Sequence[tuple[str, str]], target: str) -> None:
    """What is written at the left of a line: the ways, and above the first of them the target, or nothing."""
    for axes, (treatment, path) in zip(rows, ways, strict=True):
        axes.set_ylabel(f"{treatment}\n{path}\nσ", fontsize=style.SMALL_SIZE)
    rows[0].annotate(
        target, (0, 1), (-30, 24), "axes fraction", "offset points", ha="left", va="bottom", fontweight="bold"
    )


def _in_valley(maps: Mapping[Where, Map]) -> str:
    """Of how many modules the initial value is within the valley, by what the maps of the direct path show."""
    said = []
    for treatment in (TUNED, SCRATCH):
        within = [shown.within[0, 0] for where, shown in maps.items() if where[2:] == (treatment, DIRECT)]
        if within:
            said.append(f"{sum(within)} of {len(within)} modules of {treatment}")
    return f"The initial value is within the valley, with the least noise, for {' and '.join(said)}"


def _added_loss(maps: Mapping[Where, Map]) -> str:
    """By how much a module's initial value raises the loss, by what the maps of the direct path show."""
    said = []
    for treatment in (TUNED, SCRATCH):
        lowest = [shown.values.iloc[0] for where, shown in maps.items() if where[2:] == (treatment, DIRECT)]
        if lowest:
            added = np.median([along.iloc[0] - along.iloc[-1] for along in lowest])
            said.append(f"{added:z.2f}".replace("-", "−") + f" nats for {treatment}")
    return (
        f"The initial value of a module, with the least noise, adds to training loss in the median {' and '.join(said)}"
    )


def _even(values: "pd.Series") -> Normalize:
    return Normalize(0, values.max())


def _logarithmic(values: "pd.Series") -> Normalize:
    """A scale that tells low losses apart: noise that destroys a network multiplies its loss."""
    known = values[np.isfinite(values) & (values > 0)]
    return LogNorm(known.min(), known.max())


ERROR = Quantity("error", 100, _even, MaxNLocator(), "training error (%)", _in_valley)
LOSS = Quantity("loss", 1, _logarithmic, LogLocator(subs=(1, 3)), "training loss (nats)", _added_loss)
