"""lambda_S beside what two other papers measure of the same layers: against depth, and against each other."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables import joint

if TYPE_CHECKING:
    import pandas as pd


class Measure(NamedTuple):
    """What a panel shows: its axis, and the columns of joint.csv, each with the name at the end of its curve."""

    label: str
    curves: Mapping[str, str]


LAMBDA = "λ$_S$"
# the first column of each is that of the scatter panels
MEASURES = {
    LAMBDA: Measure("gate of the source", {"lambda_source": LAMBDA, "share": "share"}),
    "frozen accuracy": Measure("frozen accuracy / base", {joint.ACCURACY: ""}),
    "CKA change": Measure("CKA change", {"cka_change": "biased", "cka_change_debiased": "debiased"}),
}
NAMES = {next(iter(measure.curves)): name for name, measure in MEASURES.items()}
LABELS = {"lambda_source": LAMBDA, joint.ACCURACY: "frozen accuracy / base", "cka_change": "CKA change, 1 − CKA"}
PAIRS = list(itertools.combinations(NAMES, 2))
# where a number may stand beside its point, in points: the nearer the better
_SIDES = [(math.cos(angle), math.sin(angle)) for angle in np.arange(8) * math.pi / 4]
PLACES = np.concatenate([distance * np.array(_SIDES) for distance in (7.0, 10.0, 14.0)])
ROOM = np.array([6.0, 7.0])  # width and height that a number takes, in points


@style.styled
def draw(table: "pd.DataFrame", scale: str) -> Figure:
    """Left, each measure against depth; right, each pair of them, a point a layer, with their rank correlation.

    table: joint.csv.
    """
    found = {(row["x"], row["y"]): row for row in joint.correlations(table)}
    figure = style.new_figure(
        style.PAGE_WIDTH, 6.4, _title(found), style.scale_note(scale, table["seed"].nunique()), _explanation(found)
    )
    figure.get_layout_engine().set(wspace=0.06)
    panels = figure.subplots(len(MEASURES), 2, width_ratios=(1, 1.15))
    for axes, measure in zip(panels[:, 0], MEASURES.values(), strict=True):
        _draw_curves(axes, table, measure, found)
    for axes, pair in zip(panels[:, 1], PAIRS, strict=True):
        axes.set_title(_statistics(found[pair]))
        _draw_layers(axes, table, *pair)
    panels[-1, 0].set_xlabel("layer, n")
    return figure


def _draw_curves(axes: Axes, table: "pd.DataFrame", measure: Measure, found: Mapping) -> None:
    """Means over seeds of the mean over halves, against the layer's number."""
    layers = np.unique(table["n"])
    ends = []
    kinds = style.line_styles(measure.curves).values()
    # the second is dashed, as it may hide the first
    for (column, name), kind, line in zip(measure.curves.items(), kinds, ("-", "--"), strict=False):
        curves = joint.curves(table, column).mean(axis=1)
        mean, error = statistics.means_and_errors(curves)
        style.band(axes, layers, mean, error, kind | {"linestyle": line})
        ends.append((mean[-1], name, kind["color"]))
    depth = found[joint.DEPTH, next(iter(measure.curves))]["correlation"]
    axes.set(title=f"with depth: ρ = {_signed(depth)}", ylabel=measure.label, xticks=layers)
    style.label_ends(axes, ends)


def _draw_layers(axes: Axes, table: "pd.DataFrame", x: str, y: str) -> None:
    """A point a layer, mean over seeds and halves, with its number; small ones: each seed, mean over halves."""
    of_seeds = np.stack([joint.curves(table, measure).mean(axis=1) for measure in (x, y)], axis=-1)
    numbers = np.unique(table["n"])
    colours = matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, 0.85, len(numbers)))
    axes.set(xlabel=LABELS[x], ylabel=LABELS[y])
    axes.margins(0.15)
    for colour, layer in zip(colours, of_seeds.swapaxes(0, 1), strict=True):
        axes.plot(*layer.T, linestyle="", marker="o", markersize=2, markeredgewidth=0, color=colour, alpha=0.5)
        axes.plot(*layer.mean(axis=0), marker="o", markersize=4.5, color=colour)
    _number(axes, of_seeds, [str(number) for number in numbers])


def _number(axes: Axes, of_seeds: np.ndarray, names: Sequence[str]) -> None:
    """Write each layer's name beside its mean point, where it meets no other name or point, if there is such a place.

    of_seeds: the points, (seeds, layers, 2).
    """
    axes.figure.draw_without_rendering()  # only now are the axes' limits and size known
    points = of_seeds.mean(axis=0)
    drawn = np.concatenate([points, of_seeds.reshape(-1, 2)])
    taken = list(axes.transData.transform(drawn) * 72 / axes.figure.dpi)
    for place, point, name in zip(taken[: len(points)], points, names, strict=True):
        room = [np.abs((place + shift - np.array(taken)) / ROOM).max(axis=1).min() for shift in PLACES]
        shift = PLACES[np.minimum(room, 1).argmax()]
        taken.append(place + shift)
        shared = {"textcoords": "offset points", "ha": "center", "va": "center", "fontsize": style.SMALL_SIZE}
        axes.annotate(name, point, shift, **shared)


def _title(found: Mapping) -> str:
    """How much the three measures have the same order of layers."""
    said = [f"{NAMES[x]} with {NAMES[y]} {_signed(found[x, y]['correlation'])}" for x, y in PAIRS]
    return f"Rank correlation over {found[PAIRS[0]]['layers']} layers: {', '.join(said)}"


def _statistics(row: Mapping) -> str:
    interval = f" [{_signed(row['low'])}, {_signed(row['high'])}]" if row["seeds"] > 1 else ""
    return f"ρ = {_signed(row['correlation'])}{interval}, p = {row['p']:.2g}"


def _explanation(found: Mapping) -> str:
    layers = found[PAIRS[0]]["layers"]
    width = joint.width_of_chance(layers)
    return (
        f"Same source networks, layers and data. {LAMBDA}: weight of a source's layer n in a gate (QUANTA), share: of "
        "the gated activation that is the source's; frozen accuracy: of AnB, layers 1 to n copied and frozen; CKA "
        "change: of layer n, all layers copied and fine-tuned. Lines and large points: mean over seeds and both "
        "directions, bands: ± standard error over seeds; small points: seeds; colour and number: layer. ρ: "
        "Spearman's over layers, mean [95% bootstrap interval over seeds]; p: share of the orders of layers that are "
        f"correlated as much. By chance, {layers} layers have |ρ| ≤ {width:.2f} in 95% of their orders."
    )


def _signed(value: float) -> str:
    return f"{value:+z.2f}".replace("-", "−")
