"""Figure 3: transfer between dissimilar halves and of random features, and both relative to base networks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.anb.curves import COPIED, KINDS, LINES, draw_curve, end_label, label_layers, signed
from transferscope.tables import treatments
from transferscope.terms.anb import DISSIMILAR, HALVES, RANDOM, SIMILAR, TRANSFER

if TYPE_CHECKING:
    import pandas as pd


class Transfer(NamedTuple):
    """What is copied, between which halves, and how it looks."""

    split: str
    treatment: str
    kind: Mapping[str, str]


TRANSFERS = {
    "similar halves": Transfer(SIMILAR, TRANSFER, KINDS[TRANSFER]),
    "dissimilar halves": Transfer(DISSIMILAR, TRANSFER, {"color": "#009E73", "marker": "P"}),
    "random features": Transfer(SIMILAR, RANDOM, KINDS[RANDOM]),
}
TARGETS = {"A": {"linestyle": "-"}, "B": {"linestyle": "--"}}


@style.styled
def draw(accuracy: "pd.DataFrame", scale: str) -> Figure:
    """Figure 3: (a) AnB between dissimilar halves, (b) random features, by target; (c) both minus base, and AnB
    between similar halves.

    What was not run is left out of (c).
    """
    sweeps = {name: treatments.sweep(accuracy, one.split, one.treatment) for name, one in TRANSFERS.items()}
    relative = {name: values.sub(values[0], axis=0) for name, values in sweeps.items() if len(values)}
    figure = style.new_figure(
        style.PAGE_WIDTH,
        5.2,
        _title(relative),
        style.scale_note(scale, accuracy["seed"].nunique()),
        f"{LINES} (a), (b): over seeds alone. {COPIED} What is copied stays frozen. Random features: of an untrained "
        "net, on similar halves.",
    )
    panels = figure.subplot_mosaic([["a", "b"], ["c", "c"]], height_ratios=(1, 1.2))
    for axes in panels.values():
        label_layers(axes, treatments.layers(accuracy))
    for place, name in (("a", "dissimilar halves"), ("b", "random features")):
        panels[place].set(title=f"({place}) {name}", ylabel="test accuracy (%)", ylim=(0, 103))
        _draw_targets(panels[place], accuracy, TRANSFERS[name])
    panels["c"].set(title="(c) relative to base", ylabel="accuracy minus base (points)")
    panels["c"].axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
    for name, values in relative.items():
        draw_curve(panels["c"], values, TRANSFERS[name].kind)
    ends = [end_label(values, name, TRANSFERS[name].kind) for name, values in relative.items()]
    style.label_ends(panels["c"], ends)
    return figure


def _draw_targets(axes: Axes, accuracy: "pd.DataFrame", transfer: Transfer) -> None:
    """A line for each half that is the target, from its base networks on; "not run" where there is none."""
    sweeps = {half: treatments.sweep(accuracy, transfer.split, transfer.treatment, half) for half in HALVES}
    known = {half: values for half, values in sweeps.items() if len(values)}
    for half, values in known.items():
        draw_curve(axes, values, {**transfer.kind, **TARGETS[half]})
    if known:
        style.label_ends(axes, [end_label(values, f"on {half}", transfer.kind) for half, values in known.items()])
    else:
        axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=style.GREY)


def _title(relative: Mapping[str, "pd.DataFrame"]) -> str:
    """What it costs to copy every layer, from each source."""
    last = max(values.columns[-1] for values in relative.values())
    costs = [f"{signed(values[last].mean())} for {name}" for name, values in relative.items()]
    return f"Accuracy with {last} layers copied, in points from base: {', '.join(costs)}"
