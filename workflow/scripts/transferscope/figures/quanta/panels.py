"""What the figures of this paper share: how gates end at each layer, curves over epochs, and words for both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE
from transferscope.terms.quanta import SOURCE

if TYPE_CHECKING:
    import pandas as pd

LAMBDA = r"$\lambda_S$"
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
    """The names of all lines of `draw_finals` at their right ends."""
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
