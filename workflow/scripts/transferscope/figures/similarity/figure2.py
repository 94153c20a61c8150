"""Figure 2: loss, training accuracy and test accuracy over training, from true to fully random labels."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables.profiles import degrees

if TYPE_CHECKING:
    import pandas as pd

# panel: part of the data, column of the table, factor, unit
QUANTITIES = {
    "(a) training loss": ("train", "loss", 1, "cross-entropy (nats)"),
    "(b) training accuracy": ("train", "top1", 100, "accuracy (%)"),
    "(c) test accuracy": ("test", "top1", 100, "accuracy (%)"),
}


@style.styled
def draw(history: "pd.DataFrame", scale: str) -> Figure:
    """Figure 2: (a) training loss, (b) training and (c) test accuracy over epochs, one curve for each degree d."""
    runs = degrees(history, "pretrain")
    lines = {
        title: {d: factor * _over_epochs(history, run, part, column) for d, run in runs.items()}
        for title, (part, column, factor, _) in QUANTITIES.items()
    }
    figure = style.new_figure(
        style.PAGE_WIDTH,
        2.5,
        _title(lines),
        style.scale_note(scale, history["seed"].nunique()),
        "Lines: mean over seeds, bands: ± standard error; a seed whose training has ended keeps its last value, dotted "
        f"once all have. d: randomness of training and test labels, from true (0) to random ({max(runs)}).",
    )
    kinds = dict(zip(runs, style.graded(len(runs)), strict=True))
    panels = figure.subplots(1, len(QUANTITIES), sharex=True)
    for axes, (title, by_degree) in zip(panels, lines.items(), strict=True):
        axes.set(title=title, xlabel="epoch", ylabel=QUANTITIES[title][-1])
        end = max(values.columns[-1] for values in by_degree.values())
        for d, values in by_degree.items():
            _draw_line(axes, values, kinds[d], end)
    panels[0].set_ylim(0, None)
    for axes in panels[1:]:
        axes.set_ylim(0, 103)
    ends = [(values.iloc[:, -1].mean(), f"d={d}", kinds[d]["color"]) for d, values in by_degree.items()]
    style.label_ends(panels[-1], ends)
    return figure


def _draw_line(axes: Axes, values: "pd.DataFrame", kind: Mapping[str, str], end: float) -> None:
    """One curve over its epochs, and dotted on to the last epoch of all curves."""
    epochs = values.columns.to_numpy(dtype=float)
    mean, error = statistics.means_and_errors(values.to_numpy())
    style.band(axes, epochs, mean, error, {**kind, "markevery": max(1, len(epochs) // 6)})
    axes.plot([epochs[-1], end], [mean[-1]] * 2, color=kind["color"], linestyle=":")


def _over_epochs(history: "pd.DataFrame", run: str, part: str, column: str) -> "pd.DataFrame":
    """A column of a run, a row a seed and a column an epoch, to the last epoch of the seed that took longest."""
    rows = history[(history["run"] == run) & (history["split"] == part)]
    return rows.pivot(index="seed", columns="epoch", values=column).ffill(axis=1)


def _title(lines: Mapping[str, Mapping[int, "pd.DataFrame"]]) -> str:
    """Whether more random labels are learned more slowly, at the first epoch, and whether they help on test images."""
    loss, _, test = ([values.mean() for values in by_degree.values()] for by_degree in lines.values())
    slower = all(less.iloc[0] < more.iloc[0] for less, more in itertools.pairwise(loss))
    useless = all(less.iloc[-1] > more.iloc[-1] for less, more in itertools.pairwise(test))
    if slower and useless:
        return "The more random the labels, the slower they are learned and the less they generalise"
    if slower:
        return "The more random the labels, the slower they are learned"
    return f"Learning labels of {len(loss)} degrees of randomness"
