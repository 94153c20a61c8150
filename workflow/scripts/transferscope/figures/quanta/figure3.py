"""Figure 3: accuracy and loss over the epochs, of a gated network for each layer, on the source's task and another."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.quanta.panels import LAMBDA, LINES, REFERENCE_KINDS, SETTINGS, draw_curves, key
from transferscope.tables import gates
from transferscope.terms.quanta import TARGETS

if TYPE_CHECKING:
    import pandas as pd

# columns of history.csv: what they are called, in which unit, and what they are multiplied by for it
QUANTITIES = {"top1": ("test accuracy (%)", 100), "loss": ("test loss (cross-entropy, nats)", 1)}


@style.styled
def draw(history: "pd.DataFrame", scale: str) -> Figure:
    """Figure 3: four panels, of gates that start from the largest initial value; a curve for each layer."""
    initial = gates.initials(history)[0]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        4.8,
        _title(history, initial),
        style.scale_note(scale, history["seed"].nunique()),
        f"{SETTINGS} Dotted: a network trained from scratch. On test images; epoch 0: before training. {LINES}",
    )
    panels = figure.subplots(2, len(TARGETS), sharex=True, sharey="row")
    for row, (column, (label, factor)) in zip(panels, QUANTITIES.items(), strict=True):
        row[0].set_ylabel(label)
        for axes, target in zip(row, TARGETS, strict=True):
            draw_curves(axes, gates.curves(history, column, target, initial), factor)
            scratch = factor * gates.ungated_curve(history, column, target).mean()
            axes.plot(scratch.index, scratch, **REFERENCE_KINDS["scratch"])
    for axes, target in zip(panels[0], TARGETS, strict=True):
        axes.set(title=f"{target}, from {LAMBDA} = {initial:g}", xlabel="")
    key(panels[0, -1], "gated layer")
    return figure


def _title(history: "pd.DataFrame", initial: float) -> str:
    """At how many layers accuracy rises and loss falls from before training to its end, of each target."""
    counts = {}
    for column in QUANTITIES:
        for target in TARGETS:
            by_epoch = gates.curves(history, column, target, initial).mean().unstack("epoch")
            change = by_epoch.iloc[:, -1] - by_epoch.iloc[:, 0]
            better = (change > 0) if column == "top1" else (change < 0)
            counts[column, target] = f"{better.sum()} of {len(better)} layers of {target}"
    rises, falls = (" and ".join(counts[column, target] for target in TARGETS) for column in QUANTITIES)
    return f"With a gate to the source, accuracy rises at {rises}; loss falls at {falls}"
