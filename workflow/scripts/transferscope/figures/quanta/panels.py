"""What the figures of this paper share: how gates end at each layer, curves over epochs, and words for both."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE
from transferscope.terms.quanta import SOURCE

if TYPE_CHECKING:
    import pandas as pd

Compared = TypeVar("Compared")  # what sets the lines of a panel apart

LAMBDA = r"$\lambda_S$"
# columns of final.csv that panels side by side show: what they are, their unit, and what they are multiplied by for it
QUANTITIES = {
    GATE: ("gate", LAMBDA, 1),
    SHARE: ("functional share", "share", 1),
    "top1": ("accuracy", "test accuracy (%)", 100),
}
# columns of final.csv; the paper's own looks: black dots for the gate, blue crosses for accuracy
FINAL_KINDS = {
    GATE: {"label": LAMBDA, "color": "#000000", "marker": "o"},
    SHARE: {"label": "share", "color": style.GREY, "marker": "D", "linestyle": ":", "markerfacecolor": "white"},
    "top1": {"label": "accuracy", "color": style.PALETTE[0], "marker": "x"},
}
# networks without a gate
REFERENCE_KINDS = {
    "source": {"label": "source", "color": style.PALETTE[1], "linestyle": "--", "linewidth": 0.9},
    "scratch": {"label": "scratch", "color": style.PALETTE[1], "linestyle": ":", "linewidth": 0.9},
}
LINES = "Lines: mean over seeds, bands: ± standard error over seeds."
SHARES = "Share: the source's part of the layer's input, by root mean square."
SETTINGS = "AnA: the target network learns the source's own task, AnB: another one."
FINAL_LINES = (
    f"{LAMBDA}: weight of the source's input to the layer, the target network's own has the rest. Share: the source's "
    "part of the input once weighted, by root mean square. Accuracy: on test images; dashed: of the source on its own "
    "task; dotted: of a network trained from scratch."
)
MARKED = 8  # markers on a curve over epochs, about


def draw_finals(axes: Axes, final: "pd.DataFrame", target: str, initial: float) -> None:
    """How gates end at each layer, λ_S and functional share, and accuracy, beside those of networks without a gate.

    All are fractions, on one axis.
    """
    for column, kind in FINAL_KINDS.items():
        values = gates.finals(final, column, target, initial)
        style.band(axes, values.columns.to_numpy(), *statistics.means_and_errors(values.to_numpy()), kind)
    for name, accuracy in references(final, target).items():
        axes.axhline(accuracy, zorder=1, **REFERENCE_KINDS[name])
    axes.set(ylim=(-0.02, 1.04), yticks=[0, 0.25, 0.5, 0.75, 1])
    label_layers(axes, gates.layers(final))


def references(final: "pd.DataFrame", target: str) -> dict[str, float]:
    """Mean accuracy of the source on its own task, and of the network that learned the target's from scratch."""
    networks = {"source": SOURCE, "scratch": target}
    return {name: gates.ungated(final, "top1", network).mean() for name, network in networks.items()}


def label_layers(axes: Axes, layers: Sequence[int]) -> None:
    """The axis of the layers that have a gate."""
    axes.set_xlabel("gated layer, n")
    axes.set(xticks=layers, xlim=(layers[0] - 0.4, layers[-1] + 0.4))


def draw_comparison(
    figure: Figure,
    final: "pd.DataFrame",
    target: str,
    ends: Callable[[str, Compared], "pd.DataFrame"],
    kinds: Mapping[Compared, Mapping[str, str]],
) -> None:
    """A panel for each of `QUANTITIES` against the layer, with a line for each kind of gate.

    target: of all gates. ends: a column of final.csv for one kind, as from `gates.finals`. kinds: the look and the
    label of each.
    """
    panels = dict(zip(QUANTITIES, figure.subplots(1, len(QUANTITIES)), strict=True))
    for column, (title, unit, factor) in QUANTITIES.items():
        panels[column].set(title=title, ylabel=unit)
        label_layers(panels[column], gates.layers(final))
        for compared, kind in kinds.items():
            values = factor * ends(column, compared)
            style.band(panels[column], values.columns.to_numpy(), *statistics.means_and_errors(values.to_numpy()), kind)
    panels["top1"].axhline(100 * references(final, target)["scratch"], zorder=1, **REFERENCE_KINDS["scratch"])
    for column in (GATE, SHARE):
        panels[column].set_ylim(-0.02, 1.04)
    for axes in panels.values():  # last, when nothing changes the axes any more
        end_labels(axes)


def draw_curves(axes: Axes, by_layer: "pd.DataFrame", factor: float = 1) -> None:
    """A line for each layer over the epochs, times a factor, dark for the first layer and pale for the last.

    by_layer: from `gates.curves`.
    """
    layers = by_layer.columns.unique("layer")
    for position, (layer, kind) in enumerate(zip(layers, style.graded(len(layers)), strict=True)):
        values = by_layer[layer]
        step = max(1, values.shape[1] // MARKED)
        # lines that run together keep their markers apart
        look = kind | {"label": f"{layer:g}", "linewidth": 0.9, "markevery": (position % step, step)}
        lines = factor * statistics.means_and_errors(values.to_numpy())
        style.band(axes, values.columns.to_numpy(dtype=float), *lines, look)
    axes.set_xlabel("epoch")


def end_labels(axes: Axes) -> None:
    """The names of all lines at their right ends."""
    style.label_ends(axes, [(line.get_ydata()[-1], line.get_label(), line.get_color()) for line in axes.lines])


def key(axes: Axes, title: str = "") -> None:
    """The names of all lines to the right of the axes, for those that end too close together to be named there."""
    axes.legend(
        title=title,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=style.FONT_SIZE,
        handlelength=2.4,
    )
