"""Figure 5: gates that start from each initial value: how they end at each layer, and their way there."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.quanta.panels import (
    FINAL_LINES,
    LAMBDA,
    LINES,
    SETTINGS,
    draw_curves,
    draw_finals,
    key,
)
from transferscope.tables import gates
from transferscope.tables.gates import GATE
from transferscope.terms.quanta import TARGETS

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(final: "pd.DataFrame", history: "pd.DataFrame", scale: str) -> Figure:
    """Figure 5: above, how gates end and which accuracy goes with them, below λ_S over the epochs; AnA, then AnB.

    A column for each initial value, the largest first; the paper shows the way of gates from the others alone.
    """
    starts = gates.initials(final)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        8.4,
        _title(final),
        style.scale_note(scale, final["seed"].nunique()),
        f"{SETTINGS} {FINAL_LINES} Epoch 0: before training. {LINES}",
    )
    panels = figure.subplots(2 * len(TARGETS), len(starts), squeeze=False, sharey=True)
    for target, above, below in zip(TARGETS, panels[::2], panels[1::2], strict=True):
        for start, ends, ways in zip(starts, above, below, strict=True):
            ends.set_title(f"{target}, from {LAMBDA} = {start:g}")
            draw_finals(ends, final, target, start)
            draw_curves(ways, gates.curves(history, GATE, target, start))
        above[0].set_ylabel(f"{LAMBDA}, share, accuracy (fractions)")
        below[0].set_ylabel(LAMBDA)
    key(panels[0, -1])
    key(panels[1, -1], "gated layer")
    return figure


def _title(final: "pd.DataFrame") -> str:
    """At how many layers gates end in the order of their initial values, and how far accuracy ranges over them."""
    starts = gates.initials(final)
    if len(starts) < 2:
        return f"Gates that start from λ = {starts[0]:g}"
    ordered, ranges = [], []
    for target in TARGETS:
        ends, accuracy = (
            [gates.finals(final, column, target, start).mean().to_numpy() for start in starts]
            for column in (GATE, "top1")
        )
        in_order = [list(layer) == sorted(set(layer), reverse=True) for layer in zip(*ends, strict=True)]
        ordered.append(f"{sum(in_order)} of {len(in_order)} layers of {target}")
        ranges += [max(layer) - min(layer) for layer in zip(*accuracy, strict=True)]
    return (
        f"The gate ends the higher, the higher it starts, at {' and '.join(ordered)}; accuracy at a layer differs by "
        f"up to {100 * max(ranges):.1f} points"
    )
