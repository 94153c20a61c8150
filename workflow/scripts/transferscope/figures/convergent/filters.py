"""Filters of the first layer of two networks, each beside the one that it is matched with, best match to worst."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.convergence.examples import Examples
from transferscope.figures import style
from transferscope.figures.convergent.panels import STATES, Tile, draw_tiles, short, weights_as_picture
from transferscope.tables.counterparts import matched, networks, select

if TYPE_CHECKING:
    import pandas as pd

MOST = 96  # pairs to show, as many as the paper's first layer has; of more, as many, spread evenly over the ranks
WIDEST = 20  # pairs beside each other
PITCH, ROW = 1.25, 2.75  # from one pair to the next, and from one row of pairs to the next, in widths of a filter
WIDTH = style.PAGE_WIDTH - 0.4  # inches that a row of pairs takes


class Pair(NamedTuple):
    """A filter of each network (h, w, C), and their correlation."""

    one: np.ndarray
    other: np.ndarray
    correlation: float


@style.styled
def draw(examples: Examples, matches: "pd.DataFrame", scale: str) -> Figure:
    """Matched filters, net 1 above net 2, with their correlation; above of trained, below of untrained networks."""
    shown = {state: _matched(examples, matches, state) for state in STATES}
    columns = min(WIDEST, max(map(len, shown.values())))
    heights = [ROW * math.ceil(len(pairs) / columns) * WIDTH / (PITCH * columns) for pairs in shown.values()]
    one, other = examples.networks
    figure = style.new_figure(
        style.PAGE_WIDTH,
        sum(heights) + 1.05,
        _title(shown, examples.first),
        style.scale_note(scale, len(networks(matches))),
        f"Above: filters of {examples.first} of net 1 (seed {one}), below: of net 2 (seed {other}), matched one to one "
        "by the correlation r of their activations, best first. Of one channel: blue negative, vermillion positive, "
        "white zero; of three: as colours. Each is scaled by its largest weight.",
    )
    for axes, (state, pairs) in zip(figure.subplots(len(shown), 1, height_ratios=heights), shown.items(), strict=True):
        axes.set_title(f"{state}, r below", loc="left")
        _draw_pairs(axes, pairs, columns)
    return figure


def _matched(examples: Examples, matches: "pd.DataFrame", state: str) -> list[Pair]:
    """Pairs of filters to show, the best first."""
    example = examples.states[state][examples.first]
    found = matched(select(matches, state), examples.first, *examples.networks)
    ranks = np.unique(np.linspace(0, len(found) - 1, min(MOST, len(found))).round().astype(int))
    chosen = found.iloc[ranks]
    ends = example.rows(0, chosen["unit"].to_numpy()), example.rows(1, chosen["partner"].to_numpy())
    return list(map(Pair, *(example.filters[end] for end in ends), chosen["correlation"].tolist()))


def _draw_pairs(axes: Axes, pairs: Sequence[Pair], columns: int) -> None:
    tiles = []
    for place, pair in enumerate(pairs):
        left, top = PITCH * (place % columns), ROW * (place // columns)
        for down, weights in enumerate((pair.one, pair.other)):
            height = weights.shape[0] / weights.shape[1]
            tiles.append(Tile(left, top + 1.05 * down * height, weights_as_picture(weights), height))
        shared = {"ha": "center", "va": "top", "fontsize": style.SMALL_SIZE}
        axes.text(left + 0.5, top + 2.15, short(pair.correlation), **shared)
    draw_tiles(axes, tiles, width=PITCH * columns, height=ROW * math.ceil(len(pairs) / columns))


def _title(shown: Mapping[str, Sequence[Pair]], layer: str) -> str:
    """From which to which correlation matched filters go, trained and untrained."""
    said = [
        f"{state} from r = {short(pairs[0].correlation)} to {short(pairs[-1].correlation)}"
        for state, pairs in shown.items()
    ]
    return f"Matched filters of {layer}: {', '.join(said)}"
