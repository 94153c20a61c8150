"""What the figures of this paper share: the looks of networks and of pairs, lines over seeds, axes of modules."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables import pairs
from transferscope.terms.basins import (
    MIXED_PAIR,
    PRETRAINED,
    SAME_INIT,
    SCRATCH,
    SCRATCH_PAIR,
    SHARED_HEAD,
    TUNED,
    TUNED_PAIR,
)

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    TUNED: {"color": "#0072B2", "marker": "o"},
    SCRATCH: {"color": "#D55E00", "marker": "s"},
    PRETRAINED: {"color": "#000000", "marker": "^"},
}
# a pair of equals has their colour, what differs from it in one thing a paler one
PAIR_KINDS = {
    TUNED_PAIR: KINDS[TUNED],
    SHARED_HEAD: {"color": "#56B4E9", "marker": "X"},
    MIXED_PAIR: {"color": "#CC79A7", "marker": "D"},
    SAME_INIT: {"color": "#E69F00", "marker": "P"},
    SCRATCH_PAIR: KINDS[SCRATCH],
}
LINES = "Lines: mean over seeds, bands: ± standard error over seeds."
# what became of the running statistics of batch normalisation, by the values of path.csv, modules.csv, criticality.csv
STATISTICS = {
    "none": "The networks have no batch normalisation.",
    "estimated": "Statistics of batch normalisation: estimated anew for every network.",
    "interpolated": "Statistics of batch normalisation: moved like parameters, not estimated anew.",
}
NAMES = "P: pre-trained, P-T: fine-tuned from it, RI-T: trained from random initialisation."


def measured(accuracy: "pd.DataFrame", target: str) -> str:
    """What networks are measured by on a target, in words: see `pairs.measure`."""
    return "AUC" if pairs.measure(accuracy, target) == "auc" else "accuracy"


def named(accuracy: "pd.DataFrame", targets: Iterable[str]) -> str:
    """Targets in words: where AUC stands in for accuracy, this is said. accuracy: the table accuracy.csv."""
    by = {target: " by AUC" if measured(accuracy, target) == "AUC" else "" for target in targets}
    return ", ".join(f"{style.readable(target)}{said}" for target, said in by.items())


def span(values: Iterable[float]) -> str:
    """The least and the largest of some values: one number where they look the same."""
    values = list(values)
    return " to ".join(dict.fromkeys(f"{value:.1f}" for value in (min(values), max(values))))


def most_often(names: Sequence[str]) -> tuple[str, str]:
    """The name that comes most often, one a target, and the same with the number of targets where there are several."""
    ((name, count),) = Counter(names).most_common(1)
    return name, name if len(names) == 1 else f"{name} (on {count} of {len(names)} targets)"


def of_batch_norm(table: "pd.DataFrame") -> str:
    """What became of batch normalisation in the networks of a table."""
    return " ".join(STATISTICS[origin] for origin in dict.fromkeys(table["batch_norm"]))


def draw_line(
    axes: Axes, x: Sequence[float], values: "pd.DataFrame", kind: Mapping[str, str], factor: float = 100.0
) -> None:
    """Mean over seeds with its band, times a factor. values: a row a seed, a column each of `x`."""
    style.band(axes, np.asarray(x, dtype=float), *statistics.means_and_errors(factor * values.to_numpy()), kind)


def end_label(values: "pd.DataFrame", name: str, kind: Mapping[str, str]) -> tuple[float, str, str]:
    """The label at the right end of a line that is drawn in percent, for `style.label_ends`."""
    return 100 * values.iloc[:, -1].mean(), name, kind["color"]


def label_modules(axes: Axes, modules: Sequence[str], most: int = 20) -> None:
    """The axis of modules, from the input to the head; `most` names at most have room on it."""
    axes.set(xticks=range(len(modules)), xlim=(-0.3, len(modules) - 0.7))
    axes.set_xticklabels(thinned(modules, most), rotation=60, ha="right", rotation_mode="anchor")


def thinned(names: Sequence[str], most: int) -> list[str]:
    """As many names as have room, the last one and every so many before it; the others are empty."""
    every = -(-len(names) // most)
    return [name if (len(names) - 1 - place) % every == 0 else "" for place, name in enumerate(names)]


def draw_key(axes: Axes, entries: Mapping[str, Mapping[str, str]], columns: int = 1) -> None:
    """What each mark means, in columns, where names do not fit beside what they name.

    entries: the look of each name.
    """
    rows = -(-len(entries) // columns)
    axes.set_axis_off()
    axes.set(xlim=(0, columns), ylim=(rows - 0.5, -0.5))
    for place, (name, kind) in enumerate(entries.items()):
        column, row = divmod(place, rows)
        axes.plot(column + 0.03, row, linestyle="", markersize=5, clip_on=False, **kind)
        axes.annotate(name, (column + 0.03, row), xytext=(7, 0), textcoords="offset points", va="center")


def panels_for(figure: Figure, names: Sequence[str], **shared: bool | str) -> list[Axes]:
    """A panel for each name, at most three beside each other, with the name as its title."""
    across = len(names) if len(names) <= 3 else 2
    grid = figure.subplots(-(-len(names) // across), across, squeeze=False, **shared)
    for axes in grid.flat[len(names) :]:
        axes.remove()
    for axes, name in zip(grid.flat, names, strict=False):
        axes.set_title(style.readable(name))
    return list(grid.flat[: len(names)])


def rows_of_panels(names: Sequence[str]) -> int:
    """How many rows `panels_for` makes."""
    return -(-len(names) // (len(names) if len(names) <= 3 else 2))
