"""Figure 2: test accuracy of P-T and RI-T while they learn, on every target; with two classes, AUC.

The paper draws each at two learning rates; ours are trained at one, so that there are two curves, not four.
"""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import (
    KINDS,
    LINES,
    NAMES,
    draw_line,
    end_label,
    measured,
    panels_for,
    rows_of_panels,
)
from transferscope.tables import pairs
from transferscope.tables.pairs import IN_HISTORY, Tables
from transferscope.terms.basins import SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 2: a panel for each target; where P-T first has the accuracy that RI-T ends with is marked."""
    history = tables.history
    shown = [target for target in pairs.targets(history) if _known(tables, target)]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.1 + 1.7 * rows_of_panels(shown),
        _title(tables, shown),
        style.scale_note(scale, history["seed"].nunique()),
        f"{LINES} Solid: test, dashed: training; one learning rate each, in the paper two. Mark: P-T has what RI-T "
        f"ends with in tests (dotted), where it has it in all seeds. {NAMES}",
    )
    panels = panels_for(figure, shown)
    for axes, target in zip(panels, shown, strict=True):
        _draw_target(axes, tables, target)
    return figure


def _known(tables: Tables, target: str) -> bool:
    return all(len(pairs.learning(tables.history, target, treatment)) for treatment in (TUNED, SCRATCH))


def _draw_target(axes: Axes, tables: Tables, target: str) -> None:
    ends, column = [], pairs.measure(tables.accuracy, target)
    for treatment in (TUNED, SCRATCH):
        kind = {**KINDS[treatment], "marker": ""}
        for split, line in (("train", "--"), ("test", "-")):
            values = pairs.learning(tables.history, target, treatment, split, column=IN_HISTORY[column])
            look = {"linestyle": line, "linewidth": 1.2 if split == "test" else 0.7}
            draw_line(axes, values.columns, values, {**kind, **look})
        ends.append(end_label(values, treatment, kind))
    goal = 100 * _end(tables.accuracy, target, SCRATCH)
    reached = pairs.epochs_to_reach(tables, target) * values.columns.max()
    axes.axhline(goal, color=KINDS[SCRATCH]["color"], linestyle=":", linewidth=0.8, zorder=0)
    if reached.max() <= pairs.learning(tables.history, target, TUNED).columns.max():
        axes.plot(reached.mean(), goal, linestyle="", markersize=5, markerfacecolor="white", **KINDS[TUNED])
    axes.set(xlabel="epoch", ylabel=f"{measured(tables.accuracy, target)} (%)")
    axes.set_ylim(0, 103)
    style.label_ends(axes, ends)


def _end(accuracy: "pd.DataFrame", target: str, treatment: str) -> float:
    return pairs.final(accuracy, target, treatment).mean()


def _title(tables: Tables, shown: list[str]) -> str:
    """On how many targets P-T ends higher, and how early it has the accuracy that RI-T ends with."""
    ends = {treatment: [_end(tables.accuracy, target, treatment) for target in shown] for treatment in (TUNED, SCRATCH)}
    higher = [
        target for target, tuned, scratch in zip(shown, ends[TUNED], ends[SCRATCH], strict=True) if tuned > scratch
    ]
    title = f"P-T ends above RI-T on {len(higher)} of {len(shown)} targets"
    if higher:
        shares = [pairs.epochs_to_reach(tables, target).mean() for target in higher]
        span = " to ".join(dict.fromkeys(f"{share:.0%}" for share in (min(shares), max(shares))))
        title += f", there with RI-T's final accuracy after {span} of the epochs"
    return title
