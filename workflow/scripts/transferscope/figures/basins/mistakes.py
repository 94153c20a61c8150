"""Common and uncommon mistakes of two networks, and how much they share beyond their number."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.basins.looks import NAMES, PAIR_KINDS, draw_key
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH_PAIR, TUNED_PAIR

if TYPE_CHECKING:
    import pandas as pd

SHADES = dict(zip(pairs.SHARES, ("#303030", "#707070", "#a8a8a8", "#d6d6d6"), strict=True))
MEASURES = {"jaccard": ("Jaccard", "o"), "kappa": ("κ", "D")}


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """A row for each target: to the left the mistakes of each pair as shares of all images, to the right two measures.

    Jaccard: common mistakes as a fraction of those that either makes; kappa: agreement on what is right and wrong,
    beyond what two networks of their accuracies agree by chance.
    """
    table = tables.mistakes
    shown = pairs.targets(table)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.2 + 1.05 * len(shown),
        _title(table, shown),
        style.scale_note(scale, table["seed"].nunique()),
        "Means over seeds, thin lines: ± standard error over seeds, of each share at its right end. Jaccard: common "
        "mistakes as a fraction of all that either makes, which grows with their number; κ (Cohen's kappa): agreement "
        f"beyond chance. {NAMES}",
    )
    heights = (0.35, *[1] * len(shown))
    key, *grid = figure.subplots(len(shown) + 1, 2, width_ratios=(1.6, 1), height_ratios=heights)
    draw_key(key[0], {share: {"color": shade, "marker": "s"} for share, shade in SHADES.items()}, columns=2)
    draw_key(key[1], {label: {"color": style.GREY, "marker": marker} for label, marker in MEASURES.values()}, columns=2)
    for (shares, measures), target in zip(grid, shown, strict=True):
        rows = table[table["target"] == target]
        names = [pair for pair in PAIR_KINDS if pair in set(rows["pair"])]
        shares.set_ylabel(style.readable(target))
        _draw_shares(shares, pairs.shares_of_mistakes(table, target), names)
        _draw_measures(measures, rows, names)
    for column, label in zip(zip(*grid, strict=True), ("share of test images (%)", "Jaccard, κ"), strict=True):
        # limits that hold what every target shows, which sharing axes that are drawn already would not find
        low, high = zip(*(axes.get_xlim() for axes in column), strict=True)
        for axes in column:
            axes.set_xlim(min(low), max(high))
            axes.tick_params(labelbottom=axes is column[-1])
        column[-1].set_xlabel(label)
    return figure


def _draw_shares(axes: Axes, shares: Mapping[str, "pd.DataFrame"], names: Sequence[str]) -> None:
    """A bar for each pair, made of its shares, with the standard error of each at its end."""
    casing = [withStroke(linewidth=2.5, foreground="white")]
    left, places = np.zeros(len(names)), range(len(names))
    for name, values in shares.items():
        means, errors = statistics.means_and_errors(100 * values[names])
        axes.barh(places, means, left=left, color=SHADES[name], height=0.7)
        left = left + means
        if len(values) > 1:
            axes.hlines(places, left - errors, left + errors, colors="black", linewidth=1, path_effects=casing)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _draw_measures(axes: Axes, rows: "pd.DataFrame", names: Sequence[str]) -> None:
    """For each pair its two measures with their standard errors."""
    for offset, (column, (_, marker)) in zip((-0.15, 0.15), MEASURES.items(), strict=True):
        for place, pair in enumerate(names):
            values = rows.loc[rows["pair"] == pair, column].dropna()
            if len(values):
                mean, error = statistics.mean_and_error(values)
                look = {"marker": marker, "color": PAIR_KINDS[pair]["color"], "markersize": 4}
                axes.errorbar(mean, place + offset, xerr=error if len(values) > 1 else None, **look)
    axes.set_yticks(range(len(names)), [""] * len(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvline(0, color=style.RULE, linewidth=0.8, zorder=0)


def _title(table: "pd.DataFrame", shown: Sequence[str]) -> str:
    """On how many targets two P-T share more than two RI-T, by either measure."""
    counts = []
    for column, (label, _) in MEASURES.items():
        means = table.groupby(["target", "pair"])[column].mean().unstack()
        more = (means[TUNED_PAIR] > means[SCRATCH_PAIR]).sum()
        counts.append(f"by {label} on {more} of {len(shown)} targets")
    return f"Two P-T share more mistakes than two RI-T {', '.join(counts)}"
