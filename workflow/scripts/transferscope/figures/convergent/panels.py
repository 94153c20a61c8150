"""What the figures of this paper share: the looks of methods and states, lines with a range, and tiles of pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from transferscope.figures import style
from transferscope.terms.convergent import MATCHING, SEMI, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

STATES = (TRAINED, UNTRAINED)
METHOD_KINDS = style.line_styles([SEMI, MATCHING])
STATE_KINDS = {
    TRAINED: {"linestyle": "-"},
    UNTRAINED: {"linestyle": "--", "markerfacecolor": "white"},
}
# where states alone are told apart
COLOURS = {TRAINED: {"color": style.PALETTE[0], "marker": "o"}, UNTRAINED: {"color": style.GREY, "marker": "s"}}
FEW_NAMES, MOST_NAMES = 8, 14  # of layers that fit below a panel, slanted, and upright
PAIRS = "Lines: mean over pairs of networks and both directions, bands: range over pairs."


class Tile(NamedTuple):
    """A picture, (h, w, 3) or grey (h, w, 1), on axes whose unit is its width: left and top edge, height in widths."""

    left: float
    top: float
    picture: np.ndarray
    height: float = 1.0


def draw_range(axes: Axes, x: np.ndarray, values: np.ndarray, kind: Mapping[str, str]) -> None:
    """Mean over pairs and the range between them. values: (pairs, x)."""
    axes.plot(x, values.mean(axis=0), **kind)
    axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=kind["color"], alpha=0.2, linewidth=0)


def method_label(method: str, state: str) -> str:
    """What a line of a method is called: untrained networks are named, trained ones are meant."""
    return method if state == TRAINED else f"{method}, {state}"


def label_layers(axes: Axes, names: Sequence[str]) -> None:
    """Names of layers below a narrow panel: of many every second, third, and so on, upright."""
    step = math.ceil(len(names) / MOST_NAMES)
    turned = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if len(names) <= FEW_NAMES else {"rotation": 90}
    axes.set_xticks(range(0, len(names), step), names[::step], **turned)


def draw_states(axes: Axes, values: Mapping[str, "pd.DataFrame"]) -> list[tuple[float, str, str]]:
    """A line with its range for each state, at 0, 1, ... Returns the labels at their ends, for `style.label_ends`.

    values: from `counterparts.by_pair`, a row a pair, a column each x.
    """
    for state, found in values.items():
        draw_range(axes, np.arange(found.shape[1]), found.to_numpy(), COLOURS[state] | STATE_KINDS[state])
    return [(found.iloc[:, -1].mean(), state, COLOURS[state]["color"]) for state, found in values.items()]


def number(value: float) -> str:
    """A number in two decimals with a true minus, and never with one before zero."""
    return f"{value:z.2f}".replace("-", "−")


def weights_as_picture(weights: np.ndarray) -> np.ndarray:
    """A filter (h, w, C) as a picture (h, w, 3) in [0, 1], scaled by its largest weight.

    Three channels are colours around mid-grey; of another number the mean is shown, blue to vermillion around white.
    """
    largest = np.abs(weights).max() or 1.0
    if weights.shape[2] == 3:
        return 0.5 + weights / (2 * largest)
    mean = weights.mean(axis=2)
    return style.DIVERGING(0.5 + mean / (2 * (np.abs(mean).max() or 1.0)))[..., :3]


def short(value: float) -> str:
    """A correlation in two decimals without the zero before them: there is little room below a picture."""
    return number(value).replace("0.", ".", 1)


def draw_tiles(axes: Axes, tiles: Sequence[Tile], width: float, height: float) -> None:
    """Pictures at their places on axes of this size without lines, y downwards."""
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
    for tile in tiles:
        picture = np.broadcast_to(tile.picture, (*tile.picture.shape[:2], 3))
        extent = (tile.left, tile.left + 1, tile.top + tile.height, tile.top)
        axes.add_image(AxesImage(axes, extent=extent, interpolation="nearest", data=picture))
    # else a white picture would have no edge
    edges = [Rectangle((tile.left, tile.top), 1, tile.height) for tile in tiles]
    axes.add_collection(PatchCollection(edges, facecolor="none", edgecolor=style.RULE, linewidth=0.3), autolim=False)
