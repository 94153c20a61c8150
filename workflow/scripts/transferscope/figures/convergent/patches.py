"""The pieces of images that excite two networks' units the most: of their best semi-matches, and of their worst."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure

from transferscope.convergence.examples import Example, Examples
from transferscope.figures import style
from transferscope.figures.convergent.panels import STATES, Tile, draw_tiles, short
from transferscope.tables.counterparts import networks
from transferscope.terms.convergent import TRAINED

if TYPE_CHECKING:
    import pandas as pd

LAYERS = 3  # from the bottom, as in the paper
WIDTH = style.PAGE_WIDTH - 0.6  # inches that a row of pairs takes
TALLEST = 1.05  # inches of a row, of which a page holds six
# in widths of a patch: from one patch to the next, between the networks, between pairs, between best and worst
PITCH, BETWEEN, GAP, MIDDLE = 1.08, 0.2, 1.2, 1.0


@style.styled
def draw(examples: Examples, matches: "pd.DataFrame", scale: str) -> Figure:
    """A row for each of the first layers that has patches, trained, and one untrained: best pairs left, worst right."""
    names = [name for name, example in examples.states[TRAINED].items() if example.patches is not None][:LAYERS]
    rows = [(name, state, _pictured(examples.states[state][name])) for name in names for state in STATES]
    heights = [min(TALLEST, WIDTH * row.height / row.width) for *_, row in rows]
    one, other = examples.networks
    figure = style.new_figure(
        style.PAGE_WIDTH,
        sum(heights) + 0.2 * len(rows) + 1.15,
        _title({name: examples.states[TRAINED][name] for name in names}),
        style.scale_note(scale, len(networks(matches))),
        f"Each pair: a unit of net 1 (seed {one}), above, and its semi-match in net 2 (seed {other}), below; over them "
        "the correlation r of their activations. Shown are the pieces of probe images, as large as the units see, "
        "that excite a unit the most, one of an image; black lies beyond the image's edge.",
    )
    panels = figure.subplots(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (name, state, row) in zip(panels, rows, strict=True):
        draw_tiles(axes, row.tiles, row.width, row.height)
        for left, written in row.captions.items():
            axes.text(left, -0.1, written, ha="center", va="bottom", fontsize=style.SMALL_SIZE)
        beside = {"transform": axes.transAxes, "rotation": 90, "ha": "right", "va": "center"}
        axes.text(-0.01, 0.5, f"{name}\n{state}", multialignment="center", **beside)
    for left, written in zip((0, rows[0][-1].worst), ("best semi-matches", "worst semi-matches"), strict=True):
        panels[0].annotate(written, (left, 0), (0, 1.8 * style.SMALL_SIZE), textcoords="offset points")
    return figure


class Row(NamedTuple):
    """What is drawn of a layer in one state, in widths of a patch.

    captions: middle of a pair -> what is written above it. worst: where the worst pairs begin.
    """

    tiles: list[Tile]
    captions: dict[float, str]
    worst: float
    width: float
    height: float


def _pictured(example: Example) -> Row:
    """Each unit's patches as a block of about as many rows as columns, one network's above the other's."""
    pairs, _, count, tall, wide = example.patches.shape[:5]
    columns, shape = math.ceil(math.sqrt(count)), tall / wide
    width, height = PITCH * columns, PITCH * math.ceil(count / columns) * shape  # of a block
    tiles, captions, starts = [], {}, []
    for place, (ends, blocks) in enumerate(zip(example.shown, example.patches, strict=True)):
        left = place * (width + GAP) + (MIDDLE if place >= pairs // 2 else 0)
        starts.append(left)
        captions[left + width / 2] = short(example.correlation[tuple(ends)])
        for down, patches in enumerate(blocks):
            for number, patch in enumerate(patches):
                row, column = divmod(number, columns)
                top = down * (height + BETWEEN) + PITCH * row * shape
                tiles.append(Tile(left + PITCH * column, top, patch, shape))
    return Row(tiles, captions, starts[pairs // 2], starts[-1] + width, 2 * height + BETWEEN)


def _title(shown: Mapping[str, Example]) -> str:
    """The correlations of the best and of the worst semi-match of each layer."""
    said = []
    for name, example in shown.items():
        best, worst = (short(example.correlation[tuple(example.shown[end])]) for end in (0, -1))
        said.append(f"{best} to {worst} in {name}")
    return f"Semi-matches of trained networks, from best to worst: r = {', '.join(said)}"
