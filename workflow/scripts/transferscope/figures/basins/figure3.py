"""Figure 3: accuracy, relative gap and optimisation speed on images cut into blocks that are shuffled."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import KINDS, LINES, NAMES, draw_line, end_label, measured, thinned
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import PIXELS, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

GAP = {"color": "#000000", "marker": "D"}


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 3: for each target that was shuffled a row of three panels over block size, the whole image at the right.

    Test accuracy, with two classes AUC; the relative gap, (P-T - RI-T) / P-T; and optimisation speed, the mean training
    accuracy of all epochs.
    """
    accuracy = tables.accuracy
    shown = [target for target in pairs.targets(accuracy) if len(pairs.relative_gap(accuracy, target).columns) > 1]
    gaps = {target: pairs.relative_gap(accuracy, target) for target in shown}
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.1 + 1.75 * len(shown),
        _title(gaps),
        style.scale_note(scale, max(len(gap) for gap in gaps.values())),
        f"{LINES} First instances alone. Blocks change places, none stays. *: all values shuffled "
        "across pixels and channels; largest size: the whole image. Relative gap: (P-T − RI-T) / P-T of accuracy. "
        f"Right: mean over all epochs, the optimisation speed. {NAMES}",
    )
    grid = figure.subplots(len(shown), 3, sharex="row", squeeze=False)
    for row, target in zip(grid, shown, strict=True):
        _draw_target(row, accuracy, target, gaps[target])
    for axes, heading in zip(grid[0], ("accuracy", "relative gap", "optimisation speed"), strict=True):
        axes.set_title(heading)
    return figure


def _draw_target(row: Sequence[Axes], accuracy: "pd.DataFrame", target: str, gap: "pd.DataFrame") -> None:
    sizes = list(gap)
    row[1].axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
    draw_line(row[1], range(len(sizes)), gap, GAP)
    for axes, column in ((row[0], None), (row[2], "speed")):
        ends = []
        for treatment in (TUNED, SCRATCH):
            values = pairs.accuracies(accuracy, target, treatment, column)[sizes]
            draw_line(axes, range(len(sizes)), values, KINDS[treatment])
            ends.append(end_label(values, treatment, KINDS[treatment]))
        axes.set_ylim(0, 103)
        style.label_ends(axes, ends)
    tested = f"{style.readable(target)}\ntest {measured(accuracy, target)} (%)"
    for axes, label in zip(row, (tested, "relative gap (%)", "training accuracy (%)"), strict=True):
        axes.set(ylabel=label, xlabel="block size (pixels)", xlim=(-0.3, len(sizes) - 0.7))
        names = ["*" if size == PIXELS else f"{size:g}" for size in sizes]
        axes.set_xticks(range(len(sizes)), thinned(names, 8))


def _title(gaps: Mapping[str, "pd.DataFrame"]) -> str:
    """The relative gap on whole images and at the smallest block size, for each target."""
    said = []
    for target, gap in gaps.items():
        smallest = next(size for size in gap if size != PIXELS)
        whole, small = (f"{100 * gap[size].mean():z.0f}%".replace("-", "−") for size in (gap.columns[-1], smallest))
        said.append(f"{whole} on whole images and {small} in blocks of {smallest:g} px ({style.readable(target)})")
    return f"Relative gap between P-T and RI-T: {', '.join(said)}"
