"""Figure 4: accuracy and loss along the straight line between two networks, and beyond both."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.basins.looks import (
    LINES,
    NAMES,
    PAIR_KINDS,
    draw_key,
    draw_line,
    measured,
    named,
    of_batch_norm,
    span,
)
from transferscope.tables import pairs
from transferscope.tables.pairs import IN_HISTORY, Tables
from transferscope.terms.basins import SCRATCH_PAIR, TUNED_PAIR

if TYPE_CHECKING:
    import pandas as pd

DODGE = 0.05  # between arrows that would hide each other


class Quantity(NamedTuple):
    """What a panel shows: a column of path.csv, times a factor, its barrier in barriers.csv, and which way is worse."""

    column: str
    factor: float
    barrier: str
    worse: int
    label: str
    unit: str


LOSS = Quantity("loss", 1, "loss_barrier", 1, "test loss (nats)", "nats")


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 4, and what the paper adds in its appendix: a line for each pair, accuracy to the left, loss to the right.

    A row for each target; with two classes, AUC stands in for accuracy. Barriers are marked where the mean is worst
    between both ends: an arrow from the worse end, as long as the barrier. What is far above the highest loss between
    the ends is cut off.
    """
    path, shown = tables.path, pairs.targets(tables.path)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        min(1.5 + 2.4 * len(shown), style.PAGE_HEIGHT),
        _title(tables, shown),
        style.scale_note(scale, path["seed"].nunique()),
        f"{LINES} t: position on the straight line from the first network, 0, to the second, 1; grey: beyond them. "
        "Arrows and numbers: barriers, from the worse end to the worst point between, mean ± standard error. "
        f"{of_batch_norm(path)} {NAMES}",
    )
    grid = figure.subplots(len(shown), 3, width_ratios=(1, 1, 0.6), squeeze=False)
    for row, target in zip(grid, shown, strict=True):
        _draw_target(row, tables, target)
    for axes in grid[-1, :2]:
        axes.set_xlabel("t")
    return figure


def _quantities(tables: Tables, target: str) -> tuple[Quantity, Quantity]:
    """How good networks are, and their loss."""
    measure = pairs.measure(tables.accuracy, target)
    label = f"test {measured(tables.accuracy, target)} (%)"
    return Quantity(IN_HISTORY[measure], 100, "barrier", -1, label, "points"), LOSS


def _draw_target(row: Sequence[Axes], tables: Tables, target: str) -> None:
    """The lines of all pairs of networks on a target, and their barriers in numbers."""
    *panels, key = row
    path, barriers = (table[table["target"] == target] for table in (tables.path, tables.barriers))
    shown, quantities = [pair for pair in PAIR_KINDS if pair in set(path["pair"])], _quantities(tables, target)
    for axes, quantity in zip(panels, quantities, strict=True):
        found = {pair: pairs.by_seed(path, quantity.column, "t", pair=pair) for pair in shown}
        axes.set(ylabel=quantity.label, xlim=(path["t"].min(), path["t"].max()))
        axes.xaxis.set_major_locator(MultipleLocator(0.5))
        _draw_pairs(axes, barriers, found, quantity)
        highest = max(quantity.factor * _between(values).mean().max() for values in found.values())
        axes.set_ylim(0, 1.15 * highest)
        for beyond in ((path["t"].min(), 0), (1, path["t"].max())):
            axes.axvspan(*beyond, color="0.93", linewidth=0, zorder=0)
    panels[0].set_title(style.readable(target))
    fell = {pair: "\n".join(_barrier(barriers, pair, quantity) for quantity in quantities) for pair in shown}
    key.set_title("barriers", loc="left")
    draw_key(key, {f"{pair}\n{fell[pair]}": PAIR_KINDS[pair] for pair in shown})


def _between(values: "pd.DataFrame") -> "pd.DataFrame":
    """The points from one network to the other, both included."""
    return values[[t for t in values if 0 <= t <= 1]]


def _draw_pairs(axes: Axes, barriers: "pd.DataFrame", found: Mapping[str, "pd.DataFrame"], quantity: Quantity) -> None:
    """The line of each pair, then its barrier if it has one."""
    for pair, values in found.items():
        kind = {**PAIR_KINDS[pair], "markevery": max(1, len(values.columns) // 10)}
        draw_line(axes, values.columns, values, kind, quantity.factor)
    for place, (pair, values) in enumerate(found.items()):
        means = quantity.worse * quantity.factor * _between(values).mean()
        height = quantity.factor * barriers.loc[barriers["pair"] == pair, quantity.barrier].mean()
        start, end = quantity.worse * (means.max() - height), quantity.worse * means.max()
        if means.max() > max(means.iloc[0], means.iloc[-1]):
            t = means.idxmax() + DODGE * (place - (len(found) - 1) / 2)
            arrow = {"arrowstyle": "->", "color": PAIR_KINDS[pair]["color"], "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (t, end), (t, start), arrowprops=arrow, zorder=3)


def _barrier(barriers: "pd.DataFrame", pair: str, quantity: Quantity) -> str:
    """The mean over seeds, with its standard error if there is one."""
    heights = quantity.factor * barriers.loc[barriers["pair"] == pair, quantity.barrier]
    digits = 2 if quantity is LOSS else 1
    mean, error = (f"{value:.{digits}f}" for value in statistics.mean_and_error(heights))
    return f"{mean} ± {error} {quantity.unit}" if len(heights) > 1 else f"{mean} {quantity.unit}"


def _title(tables: Tables, shown: Sequence[str]) -> str:
    """How far accuracy falls between two fine-tuned networks, and between two from scratch."""
    means = 100 * tables.barriers.groupby(["pair", "target"])["barrier"].mean()
    falls = [
        f"{span(means[pair])} points between {name}"
        for pair, name in ((TUNED_PAIR, "two P-T"), (SCRATCH_PAIR, "two RI-T"))
        if pair in means.index
    ]
    return f"On the straight line, accuracy falls by {', by '.join(falls)} ({named(tables.accuracy, shown)})"
