"""What frozen layers lose, apart: to broken co-adaptation (base - BnB) and to specificity (BnB - AnB), by layer."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.anb.curves import COPIED, KINDS, LINES, draw_curve, end_label, label_layers, means_and_errors
from transferscope.tables import treatments
from transferscope.tables.treatments import NOTATION
from transferscope.terms.anb import BASE, SELFFER, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd

# each difference: minuend and subtrahend, and its look: that of the treatment that loses or gains
DIFFERENCES = {
    "co-adaptation lost": (BASE, SELFFER, KINDS[SELFFER]),
    "specificity": (SELFFER, TRANSFER, KINDS[TRANSFER]),
    "fine-tuning gain": (TRANSFER_TUNED, BASE, KINDS[TRANSFER_TUNED]),
}
DODGE = 0.2  # of the distance between two n
LEVEL = 0.95
NOTED = 1.0  # points: a smaller loss has no arrow


@style.styled
def draw(accuracy: "pd.DataFrame", scale: str) -> Figure:
    """To the left the means between which the losses lie, to the right the losses with their intervals.

    There is a row for each split on which all treatments were run that this takes; the similar one must be there.
    """
    shown = _splits(accuracy)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.3 + 2.1 * len(shown),
        _title(accuracy),
        style.scale_note(scale, accuracy["seed"].nunique()),
        f"{LINES} {COPIED} Blue, base − BnB: lost because layers trained together are parted; vermillion, "
        "BnB − AnB: lost because features are specific to their task. Arrows: where most is lost; hatched: a gain. "
        f"Right: means, bars: {LEVEL:.0%} bootstrap interval over seeds; fine-tuning gain: AnB⁺ − base.",
    )
    panels = figure.subplots(len(shown), 2, sharex=True, squeeze=False)
    for (means, losses), split in zip(panels, shown, strict=True):
        means.set(title=f"{split} halves", ylabel="test accuracy (%)")
        losses.set(title=f"{split} halves: losses and gain", ylabel="difference (points)")
        _draw_means(means, accuracy, split)
        _draw_differences(losses, accuracy, split)
    for axes in panels[-1]:
        label_layers(axes, treatments.layers(accuracy))
    return figure


def _splits(accuracy: "pd.DataFrame") -> list[str]:
    return treatments.splits(accuracy, SELFFER, TRANSFER, TRANSFER_TUNED)


def _draw_means(axes: Axes, accuracy: "pd.DataFrame", split: str) -> None:
    """Base, BnB and AnB, and between them the two losses as areas."""
    own, other = (treatments.sweep(accuracy, split, treatment) for treatment in (SELFFER, TRANSFER))
    base = own[[0] * own.shape[1]].set_axis(own.columns, axis=1)
    curves = {BASE: base, SELFFER: own, TRANSFER: other}
    for upper, lower in ((BASE, SELFFER), (SELFFER, TRANSFER)):
        above, below = (means_and_errors(curves[which])[0] for which in (upper, lower))
        colour = KINDS[lower]["color"]
        for lost, hatch in ((above >= below, ""), (above < below, "////")):
            where = {"where": lost, "interpolate": True, "hatch": hatch, "alpha": 0.2}
            axes.fill_between(own.columns.to_numpy(), below, above, color=colour, linewidth=0, **where)
        _draw_largest(axes, above - below, above, colour)
    for treatment, values in curves.items():
        draw_curve(axes, values, KINDS[treatment])
    ends = [end_label(values, NOTATION[treatment], KINDS[treatment]) for treatment, values in curves.items()]
    style.label_ends(axes, ends)


def _draw_largest(axes: Axes, lost: np.ndarray, above: np.ndarray, colour: str) -> None:
    """An arrow down from `above` at the n where most is lost, if it is worth noting. Heights: percent, from n = 0."""
    most = int(lost.argmax())
    if lost[most] > NOTED:
        arrow = {"arrowstyle": "->", "color": colour, "shrinkA": 0, "shrinkB": 2.5}
        axes.annotate("", (most, above[most] - lost[most]), (most, above[most]), arrowprops=arrow)


def _draw_differences(axes: Axes, accuracy: "pd.DataFrame", split: str) -> None:
    """Each difference at each n, with its interval over seeds."""
    axes.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
    ends = []
    for position, (name, (minuend, subtrahend, kind)) in enumerate(DIFFERENCES.items()):
        values = treatments.gap(accuracy, split, minuend, subtrahend)
        mean = 100 * values.mean().to_numpy()
        interval = 100 * np.transpose([statistics.bootstrap_interval(one, LEVEL) for one in values.to_numpy().T])
        x = values.columns.to_numpy() + DODGE * (position - 1)
        axes.vlines(x, *interval, color=kind["color"], linewidth=1.2)
        axes.plot(x, mean, linewidth=0.5, **kind)
        ends.append(end_label(values, name, kind))
    style.label_ends(axes, ends)


def _title(accuracy: "pd.DataFrame") -> str:
    """At which n more is lost to specificity than to broken co-adaptation, in each split."""
    said = []
    for split in _splits(accuracy):
        lost, specific = (
            treatments.gap(accuracy, split, *DIFFERENCES[name][:2]).mean()
            for name in ("co-adaptation lost", "specificity")
        )
        where = [str(n) for n in lost.index if specific[n] > max(lost[n], 0)]
        said.append(f"{split} halves at {'n=' + ', '.join(where) if where else 'no n'}")
    return f"More is lost to specificity than to broken co-adaptation between {'; '.join(said)}"
