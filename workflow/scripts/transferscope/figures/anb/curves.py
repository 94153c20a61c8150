"""What the figures of this paper share: the looks of treatments, curves over n, and the axis of n."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from transferscope import statistics
from transferscope.figures import style
from transferscope.terms.anb import BASE, RANDOM, SELFFER, SELFFER_TUNED, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd

# the paper's own colours, dark and light blue for the net's own layers, dark and light red for those of another
_COLOURS = {
    BASE: "#000000",
    SELFFER: "#0072B2",
    SELFFER_TUNED: "#56B4E9",
    TRANSFER: "#D55E00",
    TRANSFER_TUNED: "#E69F00",
    RANDOM: style.GREY,
}
KINDS = {
    treatment: {"color": colour, "marker": marker}
    for (treatment, colour), marker in zip(_COLOURS.items(), style.MARKERS, strict=False)
}
LINES = "Lines: mean over seeds and both directions, bands: ± standard error over seeds."
COPIED = "n: number of layers copied, 0 in a base network."


def draw_curve(axes: Axes, values: "pd.DataFrame", kind: Mapping[str, str]) -> None:
    """Mean over seeds with its band, in percent. values: fractions, a row a seed, a column each n."""
    style.band(axes, values.columns.to_numpy(), *means_and_errors(values), kind)


def means_and_errors(values: "pd.DataFrame") -> np.ndarray:
    """Mean and standard error over seeds for each n, in percent, (2, n). values: fractions, a row a seed."""
    return statistics.means_and_errors(100 * values.to_numpy())


def signed(difference: float) -> str:
    """A difference of accuracies, given as a fraction, in points with its sign."""
    return f"{100 * difference:+z.1f}".replace("-", "−")


def end_label(values: "pd.DataFrame", name: str, kind: Mapping[str, str]) -> tuple[float, str, str]:
    """The label at the right end of a curve, for `style.label_ends`."""
    return 100 * values.iloc[:, -1].mean(), name, kind["color"]


def label_layers(axes: Axes, layers: Sequence[int]) -> None:
    """The axis of n, from the base networks at 0 on."""
    axes.set_xlabel("layers copied, n")
    axes.set(xticks=[0, *layers], xlim=(-0.4, layers[-1] + 0.4))
