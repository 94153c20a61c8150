"""Correlations of units with their counterparts, sorted: the first layer unit by unit, every layer in the mean."""

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.convergent.panels import (
    METHOD_KINDS,
    PAIRS,
    STATE_KINDS,
    STATES,
    draw_range,
    method_label,
    number,
)
from transferscope.tables.counterparts import by_pair, layers, networks, select, sorted_correlations
from transferscope.terms.convergent import MATCHING, METHODS, SEMI, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

SHARES = np.linspace(0, 1, 101)
COLUMNS = 5  # panels beside each other
BARS = {SEMI: {"color": "#7fb8d8", "width": 0.9}, MATCHING: {"color": "#f2a76b", "width": 0.5}}  # the narrow in front


@style.styled
def draw(matches: "pd.DataFrame", scale: str) -> Figure:
    """Above every unit of the first layer of one pair of networks, below all pairs: best match left, worst right."""
    names, seeds = layers(matches), networks(matches)
    rows = math.ceil(len(names) / COLUMNS)
    columns = math.ceil(len(names) / rows)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.0 + 1.35 * rows,
        _title(matches),
        style.scale_note(scale, len(seeds)),
        f"Above: net 1 is seed {seeds[0]}, net 2 seed {seeds[1]}; bars: trained, the narrow ones by matching, none for "
        f"a unit without a match. Below: units by their rank, best first. {PAIRS} Dashed, everywhere: untrained "
        "networks, sorted likewise.",
    )
    grid = figure.add_gridspec(1 + rows, columns, height_ratios=(1.5, *[1] * rows))
    top = figure.add_subplot(grid[0, :])
    _draw_units(top, matches, names[0], *seeds[:2])
    axes = None
    for place, name in enumerate(names):
        axes = figure.add_subplot(grid[1 + place // columns, place % columns], sharey=axes)
        ends = _draw_layer(axes, matches, name)
        axes.set(title=name, xlim=(0, 100), xticks=[0, 50, 100])
        axes.tick_params(labelleft=place % columns == 0)
        if place % columns == 0:
            axes.set_ylabel("correlation")
        if place + columns >= len(names):
            axes.set_xlabel("units (%)")
    axes.set_ylim(top=1)
    style.label_ends(axes, ends)
    return figure


def _draw_units(axes: Axes, matches: "pd.DataFrame", layer: str, one: int, other: int) -> None:
    """Every unit of a layer of a network by the correlation of its semi-match, and with it that of its match."""
    for state in STATES:
        found = _of_units(matches, state, layer, one, other)
        x = np.arange(1, len(found) + 1)
        for method in METHODS:
            if state == TRAINED:
                axes.bar(x, found[method], **BARS[method])
            else:
                axes.plot(x, found[method], **METHOD_KINDS[method] | STATE_KINDS[state] | {"marker": ""})
    axes.set(title=f"{layer}, each unit of net 1 in net 2", xlabel="unit of net 1, by its semi-match")
    axes.set(ylabel="correlation", ylim=(min(0, axes.get_ylim()[0]), 1))
    axes.margins(x=0.005)
    axes.xaxis.get_major_locator().set_params(integer=True)


def _of_units(matches: "pd.DataFrame", state: str, layer: str, one: int, other: int) -> "pd.DataFrame":
    """Correlations of the units of `one`, a row a unit, a column each method, sorted by semi-matching."""
    rows = select(matches, state)
    rows = rows[(rows["layer"] == layer) & (rows["source"] == one) & (rows["target"] == other)]
    units = rows.pivot(index="unit", columns="method", values="correlation")
    return units.sort_values([SEMI, MATCHING], ascending=False)


def _draw_layer(axes: Axes, matches: "pd.DataFrame", layer: str) -> list[tuple[float, str, str]]:
    """Sorted correlations over all pairs. Returns the labels of the lines' ends, for `style.label_ends`."""
    ends = []
    for state in STATES:
        rows = select(matches, state)
        for method in METHODS:
            values = sorted_correlations(rows[(rows["layer"] == layer) & (rows["method"] == method)], SHARES)
            draw_range(axes, 100 * SHARES, values, METHOD_KINDS[method] | STATE_KINDS[state] | {"marker": ""})
            ends.append((values[:, -1].mean(), method_label(method, state), METHOD_KINDS[method]["color"]))
    return ends


def _title(matches: "pd.DataFrame") -> str:
    """Mean correlation at the first layer, by both methods, trained and untrained."""
    first, means = layers(matches)[0], {}
    for state in STATES:
        rows = select(matches, state)
        for method in METHODS:
            of_units = by_pair(rows[(rows["layer"] == first) & (rows["method"] == method)], "correlation")
            means[state, method] = number(of_units.to_numpy().mean())
    return (
        f"A unit of {first} has a mean correlation of {means[TRAINED, SEMI]} with its semi-match and "
        f"{means[TRAINED, MATCHING]} with its match; untrained, {means[UNTRAINED, SEMI]} and "
        f"{means[UNTRAINED, MATCHING]}"
    )
