"""Figure 4: accuracy and loss along the straight line between two networks, and beyond both."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.basins.looks import LINES, NAMES, PAIR_KINDS, draw_key, draw_line
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH_PAIR, TUNED_PAIR

if TYPE_CHECKING:
    import pandas as pd

# what became of the running statistics of batch normalisation at each point, by the values of path.csv
STATISTICS = {
    "none": "The networks have no batch normalisation.",
    "estimated": "Statistics of batch normalisation: estimated anew at every point.",
    "interpolated": "Statistics of batch normalisation: interpolated, not estimated anew.",
}
DODGE = 0.05  # between arrows that would hide each other


class Quantity(NamedTuple):
    """What a panel shows: a column of path.csv, times a factor, its barrier in barriers.csv, and which way is worse."""

    column: str
    factor: float
    barrier: str
    worse: int
    label: str
    unit: str


ACCURACY = Quantity("top1", 100, "barrier", -1, "test accuracy (%)", "points")
LOSS = Quantity("loss", 1, "loss_barrier", 1, "test loss (nats)", "nats")


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 4, and what the paper adds in its appendix: a line for each pair, accuracy to the left, loss to the right.

    Barriers are marked where the mean is worst between both ends: an arrow from the worse end, as long as the barrier.
    What is far above the highest loss between the ends is cut off.
    """
    path = tables.path
    shown = [pair for pair in PAIR_KINDS if pair in set(path["pair"])]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.9,
        _title(tables, shown),
        style.scale_note(scale, path["seed"].nunique()),
        f"{LINES} t: position on the straight line from the first network, 0, to the second, 1; grey: beyond them. "
        "Arrows and numbers: barriers, from the worse end to the worst point between, mean ± standard error. "
        f"{' '.join(STATISTICS[origin] for origin in dict.fromkeys(path['batch_norm']))} {NAMES}",
    )
    *panels, key = figure.subplots(1, 3, width_ratios=(1, 1, 0.6))
    for axes, quantity in zip(panels, (ACCURACY, LOSS), strict=True):
        found = {pair: pairs.by_seed(path, quantity.column, "t", pair=pair) for pair in shown}
        axes.set(xlabel="t", ylabel=quantity.label, xlim=(path["t"].min(), path["t"].max()))
        axes.xaxis.set_major_locator(MultipleLocator(0.5))
        _draw_pairs(axes, tables.barriers, found, quantity)
        highest = max(quantity.factor * _between(values).mean().max() for values in found.values())
        axes.set_ylim(0, 1.15 * highest)
        for beyond in ((path["t"].min(), 0), (1, path["t"].max())):
            axes.axvspan(*beyond, color="0.93", linewidth=0, zorder=0)
    fell = {pair: "\n".join(_barrier(tables, pair, quantity) for quantity in (ACCURACY, LOSS)) for pair in shown}
    key.set_title("barriers", loc="left")
    draw_key(key, {f"{pair}\n{fell[pair]}": PAIR_KINDS[pair] for pair in shown})
    return figure


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


def _barrier(tables: Tables, pair: str, quantity: Quantity, with_error: bool = True) -> str:
    """The mean over seeds, with its standard error if there is one."""
    heights = quantity.factor * tables.barriers.loc[tables.barriers["pair"] == pair, quantity.barrier]
    digits = 1 if quantity is ACCURACY else 2
    mean, error = (f"{value:.{digits}f}" for value in statistics.mean_and_error(heights))
    return f"{mean} ± {error} {quantity.unit}" if with_error and len(heights) > 1 else f"{mean} {quantity.unit}"


def _title(tables: Tables, shown: list[str]) -> str:
    """How far accuracy falls between two fine-tuned networks, and between two from scratch."""
    (target,) = pairs.targets(tables.path)
    falls = [
        f"{_barrier(tables, pair, ACCURACY, with_error=False)} between {name}"
        for pair, name in ((TUNED_PAIR, "two P-T"), (SCRATCH_PAIR, "two RI-T"))
        if pair in shown
    ]
    return f"On the straight line, accuracy falls by {', by '.join(falls)} ({style.readable(target)})"
