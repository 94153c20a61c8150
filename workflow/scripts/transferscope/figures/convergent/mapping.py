"""Sparse mapping: the error of predicting units of one network from few of another, and from how few (Table 1)."""

import math
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.convergent.panels import PAIRS, STATES, draw_states, number
from transferscope.tables.counterparts import by_pair, layers, networks
from transferscope.terms.convergent import TRAINED

if TYPE_CHECKING:
    import pandas as pd

# errors of conv1 and conv2 of the paper's net, at the end of the training logs that the authors published with their
# code; its Table 1 has the same within 0.002
PAPER = {
    "conv1": {0: 0.170, 1e-5: 0.169, 1e-4: 0.162, 1e-3: 0.172, 1e-2: 0.485, 1e-1: 0.519},
    "conv2": {0: 0.373, 1e-5: 0.368, 1e-4: 0.337, 1e-3: 0.392, 1e-2: 0.518, 1e-1: 0.513},
}
PAPER_KIND = {"color": "#000000", "marker": "D", "linestyle": ":"}
ERROR_OF_MEAN = 0.5
SPARSE = 1e-3  # the decay that the title is about, where it was run
COLUMNS = 6  # layers beside each other


@style.styled
def draw(mapping: "pd.DataFrame", scale: str) -> Figure:
    """For each layer, error against decay, with the paper's numbers where it has them, and below the weights left."""
    names = layers(mapping)
    columns = min(COLUMNS, len(names))
    bands = math.ceil(len(names) / columns)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.3 + 2.6 * bands,
        _title(mapping, names[0]),
        style.scale_note(scale, len(networks(mapping))),
        f"{PAIRS} Error: half the mean squared error on held-out images, of units of variance 1 over these and those "
        "fitted to; grey line: about that of predicting the mean. Weights: share of the other network's units that a "
        "unit is predicted from. Black: the paper's, of another net and other images, by gradient descent stopped "
        "early; ours is solved to convergence.",
    )
    panels = figure.subplots(2 * bands, columns, sharey="row", squeeze=False, height_ratios=[1.3, 1] * bands)
    for place, name in enumerate(names):
        band, column = divmod(place, columns)
        errors, weights = panels[2 * band : 2 * band + 2, column]
        rows = mapping[mapping["layer"] == name]
        ends = _draw_errors(errors, rows, name)
        _draw_weights(weights, rows)
        if column == 0:
            errors.set_ylabel("error")
            weights.set_ylabel("weights (%)")
    for axes in panels[::2, 0]:
        axes.set_ylim(bottom=0)
    for axes in panels[-2:, len(names) - (bands - 1) * columns :].flat:
        axes.set_axis_off()
    style.label_ends(errors, ends)
    return figure


def _draw_errors(axes: Axes, rows: "pd.DataFrame", layer: str) -> list[tuple[float, str, str]]:
    """The error of a layer in both states, and the paper's. Returns the labels of ends, for `style.label_ends`."""
    axes.axhline(ERROR_OF_MEAN, color=style.RULE, linewidth=0.8, zorder=0)
    errors = _by_state(rows, "error")
    ends = draw_states(axes, errors)
    decays = errors[TRAINED].columns.tolist()
    paper = {place: PAPER[layer][decay] for place, decay in enumerate(decays) if decay in PAPER.get(layer, {})}
    axes.plot(paper.keys(), paper.values(), **PAPER_KIND)
    axes.set_title(layer)
    axes.set_xticks(range(len(decays)), [])
    return ends


def _draw_weights(axes: Axes, rows: "pd.DataFrame") -> None:
    """The share of weights that are not zero, in percent."""
    kept = _by_state(rows.assign(kept=100 * rows["nonzero"] / rows["units"]), "kept")
    draw_states(axes, kept)
    axes.set(xlabel="decay", ylim=(-3, 103))
    axes.set_xticks(range(kept[TRAINED].shape[1]), list(map(_written, kept[TRAINED].columns)), rotation=90)


def _by_state(rows: "pd.DataFrame", column: str) -> "dict[str, pd.DataFrame]":
    """A column of the rows of a layer, a row a pair, a column each decay, the weakest first."""
    return {state: by_pair(rows[rows["state"] == state], column, by="decay").sort_index(axis=1) for state in STATES}


def _written(decay: float) -> str:
    power = math.log10(decay) if decay else 0.5
    return f"$10^{{{power:.0f}}}$" if math.isclose(power, round(power), abs_tol=1e-9) else f"{decay:g}"


def _title(mapping: "pd.DataFrame", layer: str) -> str:
    """Error and number of weights at the first layer, trained and untrained, and the paper's error."""
    decay = SPARSE if (mapping["decay"] == SPARSE).any() else mapping["decay"].min()
    chosen = mapping[(mapping["layer"] == layer) & (mapping["decay"] == decay)]
    said = []
    for state in STATES:
        rows = chosen[chosen["state"] == state]
        error, weights = (by_pair(rows, column).to_numpy().mean() for column in ("error", "nonzero"))
        said.append(f"{number(error)} from {weights:.1f} units")
    paper = PAPER.get(layer, {}).get(decay)
    others = f"untrained: {said[1]}" + (f"; paper: {number(paper)}" if paper else "")
    return f"At a decay of {decay:g}, a unit of {layer} is predicted with an error of {said[0]} ({others})"
