"""Mean correlation of units with their counterparts, layer by layer, and the same by other kinds of activations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.convergent.panels import (
    FEW_NAMES,
    METHOD_KINDS,
    PAIRS,
    STATE_KINDS,
    STATES,
    draw_range,
    label_layers,
    method_label,
    number,
)
from transferscope.tables.counterparts import by_pair, networks, select
from transferscope.terms.convergent import AFTER, BEFORE, MATCHING, METHODS, POSITIONS, SUMS, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = 6  # of the grid, to be shared by one to three panels
# what the panels below show in place of positions after the ReLU
OTHERS = {
    "sums over positions, after ReLU": (AFTER, SUMS),
    "positions, before ReLU": (BEFORE, POSITIONS),
    "sums over positions, before ReLU": (BEFORE, SUMS),
}

Curves = Mapping[tuple[str, str], "pd.DataFrame"]


@style.styled
def draw(layers: "pd.DataFrame", scale: str) -> Figure:
    """Mean correlation of both methods, trained and untrained; small panels, where they were run: other activations."""
    main = _curves(layers, AFTER, POSITIONS)
    others = {title: found for title, chosen in OTHERS.items() if (found := _curves(layers, *chosen))}
    figure = style.new_figure(
        style.PAGE_WIDTH,
        5.0 if others else 3.4,
        _title(main),
        style.scale_note(scale, len(networks(layers))),
        f"{PAIRS} With the names of layers: units of a network. {_dead(layers)} The best of many "
        "correlations is higher than that of few: layers of different width compare through their untrained baseline.",
    )
    grid = figure.add_gridspec(1 + bool(others), COLUMNS, height_ratios=(1.6, 1)[: 1 + bool(others)])
    axes = figure.add_subplot(grid[0, :])
    _draw_curves(axes, main)
    names = main[TRAINED, MATCHING].columns.tolist()
    sizes = layers.drop_duplicates("layer").set_index("layer")[["units", "dead_source"]].sum(axis=1)
    axes.set(title="every position a sample, after ReLU", ylabel="mean correlation")
    if len(names) <= FEW_NAMES:
        axes.set_xticks(range(len(names)), [f"{name}\n{sizes[name]:,}" for name in names])
    else:
        label_layers(axes, [f"{name}: {sizes[name]:,}" for name in names])
    width = COLUMNS // max(1, len(others))
    for place, (title, curves) in enumerate(others.items()):
        panel = figure.add_subplot(grid[1, place * width : (place + 1) * width], sharey=axes)
        _draw_curves(panel, curves)
        panel.set_title(title)
        label_layers(panel, names)
        panel.set_ylabel("" if place else "mean correlation")
        panel.tick_params(labelleft=not place)
    style.label_ends(axes, _ends(main))
    return figure


def _curves(layers: "pd.DataFrame", activations: str, samples: str) -> Curves:
    """(state, method) -> means, a row a pair, a column each layer; nothing where no pair has all layers."""
    curves = {}
    for state in STATES:
        rows = select(layers, state, activations, samples)
        for method in METHODS:
            found = by_pair(rows[rows["method"] == method], "mean")
            if len(found):
                curves[state, method] = found
    return curves


def _draw_curves(axes: Axes, curves: Curves) -> None:
    for (state, method), values in curves.items():
        kind = METHOD_KINDS[method] | STATE_KINDS[state]
        draw_range(axes, np.arange(values.shape[1]), values.to_numpy(), kind)
    axes.set_xlim(-0.3, values.shape[1] - 0.7)


def _ends(curves: Curves) -> list[tuple[float, str, str]]:
    return [
        (
            values.iloc[:, -1].mean(),
            method_label(method, state),
            METHOD_KINDS[method]["color"],
        )
        for (state, method), values in curves.items()
    ]


def _dead(layers: "pd.DataFrame") -> str:
    """How many units were left out, at most."""
    most = layers.loc[layers["dead_source"].idxmax()]
    if not most["dead_source"]:
        return "No unit is dead."
    return f"Dead units are left out, {most['dead_source']} at most ({most['layer']}, {most['state']})."


def _title(curves: Curves) -> str:
    """Where matched units correlate most and least, and where training adds most and least."""
    means = curves[TRAINED, MATCHING].mean()
    said = f"Matched units correlate most in {_at(means.idxmax(), means)}, least in {_at(means.idxmin(), means)}"
    added = (curves[TRAINED, MATCHING] - curves[UNTRAINED, MATCHING]).mean()
    ends = [f"{_at(layer, added, '+')}" for layer in (added.idxmax(), added.idxmin())]
    return f"{said}; training adds most in {ends[0]}, least in {ends[1]}"


def _at(layer: str, values: "pd.Series", sign: str = "") -> str:
    value = number(values[layer])
    return f"{layer} ({value if value.startswith('−') else sign + value})"
