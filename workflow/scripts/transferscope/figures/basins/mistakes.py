"""Common and uncommon mistakes of two networks, and how much they share beyond their number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.basins.looks import NAMES, PAIR_KINDS, draw_key
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH_PAIR, TUNED_PAIR

if TYPE_CHECKING:
    import pandas as pd

# shares of all test images: column or difference of columns of mistakes.csv, and its shade
SHARES = {
    "both wrong, same label": (lambda table: table["same_label"], "#303030"),
    "both wrong, other labels": (lambda table: table["common"] - table["same_label"], "#707070"),
    "first alone wrong": (lambda table: table["first_only"], "#a8a8a8"),
    "second alone wrong": (lambda table: table["second_only"], "#d6d6d6"),
}
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
        "Means over seeds, bars: ± standard error over seeds. Jaccard: common mistakes as a fraction of all that "
        f"either makes, which grows with their number; κ (Cohen's kappa): agreement beyond chance. {NAMES}",
    )
    heights = (0.35, *[1] * len(shown))
    key, *grid = figure.subplots(len(shown) + 1, 2, width_ratios=(1.6, 1), height_ratios=heights)
    draw_key(key[0], {share: {"color": shade, "marker": "s"} for share, (_, shade) in SHARES.items()}, columns=2)
    draw_key(key[1], {label: {"color": style.GREY, "marker": marker} for label, marker in MEASURES.values()}, columns=2)
    for (shares, measures), target in zip(grid, shown, strict=True):
        rows = table[table["target"] == target]
        names = [pair for pair in PAIR_KINDS if pair in set(rows["pair"])]
        shares.set_ylabel(style.readable(target))
        _draw_shares(shares, rows, names)
        _draw_measures(measures, rows, names)
    for column, label in zip(zip(*grid, strict=True), ("share of test images (%)", "Jaccard, κ"), strict=True):
        # limits that hold what every target shows, which sharing axes that are drawn already would not find
        low, high = zip(*(axes.get_xlim() for axes in column), strict=True)
        for axes in column:
            axes.set_xlim(min(low), max(high))
            axes.tick_params(labelbottom=axes is column[-1])
        column[-1].set_xlabel(label)
    return figure


def _draw_shares(axes: Axes, rows: "pd.DataFrame", names: Sequence[str]) -> None:
    """A bar for each pair, made of its shares."""
    images = rows[["common", "first_only", "second_only", "neither"]].sum(axis=1)
    left = np.zeros(len(names))
    for counted, shade in SHARES.values():
        values = (100 * counted(rows) / images).groupby(rows["pair"]).mean()[names].to_numpy()
        axes.barh(range(len(names)), values, left=left, color=shade, height=0.7)
        left += values
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
