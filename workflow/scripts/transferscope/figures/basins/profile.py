"""How critical each module is: criticality, the noise that it bears when trained, and how far training moved it."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import KINDS, NAMES, label_modules, most_often
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import DIRECT, OPTIMISATION, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

# column of modules.csv, heading, label of the axis
PANELS = {
    "mu": ("criticality", "criticality μ"),
    "width": ("valley at the end", "largest noise σ at α = 1"),
    "distance": ("way of training", "distance ‖θ−θ₀‖"),
}
LINES = {DIRECT: "-", OPTIMISATION: ":"}


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """A panel each for mu, width and distance over modules, a row a target: P-T and RI-T, each on both paths."""
    modules, shown = tables.modules, pairs.targets(tables.modules)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        min(1.3 + 2.1 * len(shown), style.PAGE_HEIGHT),
        _title(modules, shown),
        style.scale_note(scale, modules["seed"].nunique()),
        "Lines: median over seeds, bands: their range. Criticality: least squared distance from the initial value over "
        "squared noise among all points that pass, 0 if the initial value itself does; missing where no point passes "
        "in half of the seeds. Below it the network's: the sum over its modules on the direct path, ∞ if one of them "
        f"bears no noise. Solid: direct path, dotted: path of the optimisation. {NAMES}",
    )
    grid = figure.subplots(len(shown), len(PANELS), sharex=True, squeeze=False)
    for row, target in zip(grid, shown, strict=True):
        for axes, (column, (_, label)) in zip(row, PANELS.items(), strict=True):
            axes.set_ylabel(label)
            _draw_column(axes, modules, target, column)
        row[0].set_xlabel(_of_networks(modules, target), fontsize=style.SMALL_SIZE)
        if len(shown) > 1:
            row[0].set_ylabel(f"{style.readable(target)}\n{row[0].get_ylabel()}")
    for axes, (heading, _) in zip(grid[0], PANELS.values(), strict=True):
        axes.set_title(heading)
    return figure


def _draw_column(axes: Axes, modules: "pd.DataFrame", target: str, column: str) -> None:
    """The lines of one column; its scale is logarithmic, and linear from below the smallest value down to 0."""
    values = modules.loc[modules["target"] == target, column]
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        axes.set_yscale("symlog", linthresh=10.0 ** np.floor(np.log10(values.min())))
    ends = []
    for treatment, (path, line) in itertools.product((TUNED, SCRATCH), LINES.items()):
        found = _values(modules, target, treatment, column, path)
        if len(found):
            kind = {**KINDS[treatment], "linestyle": line}
            median = _draw_line(axes, found.to_numpy(), kind)
            label_modules(axes, list(found), most=6)
            if path == DIRECT and np.isfinite(median).any():
                ends.append((median[np.isfinite(median)][-1], treatment, kind["color"]))
    style.label_ends(axes, ends)


def _values(modules: "pd.DataFrame", target: str, treatment: str, column: str, path: str) -> "pd.DataFrame":
    """A row a seed, a column a module; what bears no noise anywhere is infinitely critical."""
    return pairs.by_module(modules, target, treatment, column, path, unknown=np.inf)


def _of_networks(modules: "pd.DataFrame", target: str) -> str:
    """The criticality of P-T and RI-T as a whole: median over seeds and, of several, their range."""
    said = []
    for treatment in (TUNED, SCRATCH):
        found = pairs.network_criticality(modules, target, treatment)
        if len(found):
            median, low, high = (
                f"{value:.3g}".replace("inf", "∞") for value in (found.median(), found.min(), found.max())
            )
            said.append(f"{treatment}: {median}" + (f" ({low} to {high})" if len(found) > 1 else ""))
    return "\n".join(["network, sum of μ", *said])


def _draw_line(axes: Axes, values: np.ndarray, kind: Mapping[str, str]) -> np.ndarray:
    """Median, which is returned, and range over seeds (rows); what is infinite is left out, and NaN."""
    places = range(values.shape[1])
    median, low, high = (
        np.where(np.isfinite(line), line, np.nan) for line in (np.median(values, 0), values.min(0), values.max(0))
    )
    axes.plot(places, median, **kind)
    axes.fill_between(places, low, high, color=kind["color"], alpha=0.2, linewidth=0)
    return median


def _title(modules: "pd.DataFrame", shown: Sequence[str]) -> str:
    """Which module is most critical on the direct path."""
    most: dict[str, list[str]] = {}
    for treatment in (TUNED, SCRATCH):
        found = [_values(modules, target, treatment, "mu", DIRECT) for target in shown]
        worst = [values.median().idxmax() for values in found if len(values)]
        if worst:
            _, words = most_often(worst)
            most.setdefault(words, []).append(treatment)
    said = [f"{module} for {' and '.join(treatments)}" for module, treatments in most.items()]
    return f"The most critical module is {', '.join(said)} ({', '.join(map(style.readable, shown))})"
