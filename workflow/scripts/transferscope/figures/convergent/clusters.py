"""Clusters of units of two networks: what they have in common across networks, and how many have units of both."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from transferscope.convergence.examples import Example, Examples
from transferscope.figures import style
from transferscope.figures.convergent.panels import PAIRS, STATES, draw_states, label_layers, number
from transferscope.tables.counterparts import by_pair, networks
from transferscope.terms.convergent import TRAINED

if TYPE_CHECKING:
    import pandas as pd

SIDES = ListedColormap(["#000000", "#b0b0b0"])  # of the two networks
LINES = {"mixed": "mixed clusters (%)", "contrast": "contrast"}


@style.styled
def draw(examples: Examples, clusters: "pd.DataFrame", scale: str) -> Figure:
    """Above, the first layer's units of two networks by cluster; below, for every layer, what clusters share."""
    shared = _of_all_pairs(clusters)
    shared = shared.assign(
        mixed=100.0 * ((shared["source_units"] > 0) & (shared["target_units"] > 0)),
        contrast=(shared["inside"] - shared["outside"]).fillna(0),
    )
    one, other = examples.networks
    figure = style.new_figure(
        style.PAGE_WIDTH,
        5.8,
        _title(shared),
        style.scale_note(scale, len(networks(clusters))),
        f"Above: correlation within and between net 1 (seed {one}, black at the edge) and net 2 (seed {other}, grey), "
        f"by spectral clusters, those first that have most in common between the networks. {PAIRS} Mixed: has units of "
        "both networks. Contrast: mean correlation of pairs of units, one of each network, in the same cluster minus "
        "that of pairs in different ones; 0 where there are no such pairs.",
    )
    matrices, lines = figure.subplots(2, 2, height_ratios=(1.7, 1))
    for axes, state in zip(matrices, STATES, strict=True):
        image = _draw_matrix(axes, examples.states[state][examples.first])
        axes.set_title(f"{examples.first}, {state}")
    figure.colorbar(image, ax=matrices, label="correlation", shrink=0.7, ticks=[-1, -0.5, 0, 0.5, 1])
    for axes, (column, label) in zip(lines, LINES.items(), strict=True):
        ends = _draw_lines(axes, shared, column, label)
    style.label_ends(axes, ends)
    return figure


def _of_all_pairs(clusters: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of those layers that have clusters in all pairs, trained and untrained: enough of their units live."""
    pairs = clusters.drop_duplicates(["layer", "state", "source", "target"])["layer"].value_counts()
    return clusters[clusters["layer"].map(pairs) == pairs.max()]


def _draw_matrix(axes: Axes, example: Example) -> AxesImage:
    """Correlations by cluster, and by network within a cluster, with lines between clusters, if there are any."""
    cluster = np.zeros_like(example.network) if example.cluster is None else example.cluster
    order = np.lexsort([example.network, cluster])
    image = axes.imshow(
        example.correlation[np.ix_(order, order)], cmap=style.DIVERGING, vmin=-1, vmax=1, interpolation="nearest"
    )
    for edge in np.flatnonzero(np.diff(cluster[order])) + 0.5:
        axes.axhline(edge, color="black", linewidth=0.5)
        axes.axvline(edge, color="black", linewidth=0.5)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    strip = axes.inset_axes((-0.045, 0, 0.03, 1))
    strip.imshow(example.network[order][:, None], cmap=SIDES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    strip.set(xticks=[], yticks=[])
    strip.spines[:].set_visible(False)
    return image


def _draw_lines(axes: Axes, clusters: "pd.DataFrame", column: str, label: str) -> list[tuple[float, str, str]]:
    """A column in both states, layer by layer. Returns the labels of the lines' ends, for `style.label_ends`."""
    found = {state: by_pair(clusters[clusters["state"] == state], column) for state in STATES}
    ends = draw_states(axes, found)
    label_layers(axes, found[TRAINED].columns.tolist())
    axes.set(ylabel=label, ylim=(0, 103) if column == "mixed" else (min(0, axes.get_ylim()[0]), None))
    return ends


def _title(clusters: "pd.DataFrame") -> str:
    """The layers with the smallest and the largest contrast, and the range of it in untrained networks."""
    trained, untrained = (by_pair(clusters[clusters["state"] == state], "contrast").mean() for state in STATES)
    ends = [f"{number(trained[layer])} ({layer})" for layer in (trained.idxmin(), trained.idxmax())]
    return (
        f"Inside clusters, units of two networks correlate by {ends[0]} to {ends[1]} more than outside; untrained, by "
        f"{number(untrained.min())} to {number(untrained.max())}"
    )
