"""Figure 4: how gates end and which accuracy goes with them, by layer, beside frozen copies of layers in other nets."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.anb.curves import KINDS, label_layers
from transferscope.figures.quanta.panels import (
    FINAL_LINES,
    LAMBDA,
    LINES,
    SETTINGS,
    draw_finals,
    end_labels,
    references,
)
from transferscope.tables import gates, treatments
from transferscope.tables.gates import GATE
from transferscope.tables.treatments import NOTATION
from transferscope.terms.anb import BASE, SELFFER, SIMILAR, TRANSFER
from transferscope.terms.quanta import TARGETS

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(final: "pd.DataFrame", scale: str, anb: "pd.DataFrame | None" = None, anb_model: str = "") -> Figure:
    """Figure 4: (a) AnA and (b) AnB from the largest initial value; (c) frozen copies of layers, if they were run.

    anb: the table accuracy.csv of Yosinski et al. 2014, of which (c) shows AnB and BnB of the similar halves. They are
    of other networks than (a) and (b). anb_model: the name of their architecture.
    """
    initial = gates.initials(final)[0]
    copied = (
        f" (c): other networks, {style.readable(anb_model)}, on classes of their own; their layers are not those of "
        "(a) and (b), and are counted from 1. n = 0: base networks."
    )
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.4,
        _title(final, initial),
        style.scale_note(scale, final["seed"].nunique()),
        f"{SETTINGS} {FINAL_LINES} {LINES}{'' if anb is None else copied}",
    )
    panels = figure.subplots(1, 2 if anb is None else 3)
    for axes, letter, target in zip(panels, "ab", TARGETS, strict=False):
        draw_finals(axes, final, target, initial)
        axes.set_title(f"({letter}) {target}, from {LAMBDA} = {initial:g}")
    panels[0].set_ylabel(f"{LAMBDA}, share, test accuracy (fractions)")
    if anb is not None:
        _draw_copies(panels[2], anb)
    for axes in panels[:2]:  # last, when nothing changes the axes any more
        end_labels(axes)
    return figure


def _draw_copies(axes: Axes, anb: "pd.DataFrame") -> None:
    """Accuracy with the first n layers copied and frozen, of the same task and of another; a fraction."""
    ends = []
    for treatment in (SELFFER, TRANSFER):
        values = treatments.sweep(anb, SIMILAR, treatment)
        kind = KINDS[treatment]
        style.band(axes, values.columns.to_numpy(), *statistics.means_and_errors(values.to_numpy()), kind)
        ends.append((values.iloc[:, -1].mean(), NOTATION[treatment], kind["color"]))
    axes.plot(0, values[0].mean(), zorder=3, **KINDS[BASE])
    axes.set(title="(c) other networks:\nfrozen copies, similar halves", ylabel="test accuracy (fraction)")
    label_layers(axes, treatments.layers(anb))
    style.label_ends(axes, ends)


def _title(final: "pd.DataFrame", initial: float) -> str:
    """Where the gates of each target end lowest, and mean accuracy over layers beside that from scratch."""
    lowest, accuracy = [], []
    for target in TARGETS:
        ends = gates.finals(final, GATE, target, initial).mean()
        lowest.append(f"at layer {ends.idxmin()} of {target} ({ends.min():.2f})")
        reached = gates.finals(final, "top1", target, initial).to_numpy().mean()
        accuracy.append(f"{target} {reached:.1%} (from scratch {references(final, target)['scratch']:.1%})")
    return f"Gates end lowest {' and '.join(lowest)}; mean accuracy: {', '.join(accuracy)}"
