"""Figure 1: correlation of units of the first layer, within two networks and between them, as they are and aligned."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from transferscope.convergence.examples import Examples
from transferscope.figures import style
from transferscope.figures.convergent.panels import STATES, number
from transferscope.tables.counterparts import matched, networks, select
from transferscope.terms.convergent import MATCHING, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd


class Matrix(NamedTuple):
    """A correlation matrix and what is to be said below it."""

    title: str
    correlation: np.ndarray
    summary: str


@style.styled
def draw(examples: Examples, matches: "pd.DataFrame", layers: "pd.DataFrame", scale: str) -> Figure:
    """Figure 1: four matrices of trained networks, as the paper has them, and below those of the untrained ones."""
    shown = {state: _matrices(examples, matches, state) for state in STATES}
    diagonals = {state: _diagonals(layers, examples.first, state) for state in STATES}
    one, other = examples.networks
    figure = style.new_figure(
        style.PAGE_WIDTH,
        4.3,
        _title(diagonals, examples.first),
        style.scale_note(scale, len(networks(matches))),
        f"Correlation over all positions of all probe images, after the ReLU. Net 1: seed {one}, net 2: seed {other}. "
        "(d): rows as in (c), columns in the order of the units that they are matched with one to one; what is left "
        "over comes last. Dead units are left out. Mean diagonal over all pairs of networks (range over pairs), in "
        f"natural order and aligned: {'; '.join(_ranges(state, found) for state, found in diagonals.items())}.",
    )
    panels = figure.subplots(len(shown), 4)
    for row, (state, matrices) in zip(panels, shown.items(), strict=True):
        for axes, matrix in zip(row, matrices, strict=True):
            image = _draw_matrix(axes, matrix, titled=state == TRAINED)
        row[0].set_ylabel(f"{state}\nunit")
    figure.colorbar(image, ax=panels, label="correlation", shrink=0.6, aspect=30, ticks=[-1, -0.5, 0, 0.5, 1])
    return figure


def _matrices(examples: Examples, matches: "pd.DataFrame", state: str) -> list[Matrix]:
    example = examples.states[state][examples.first]
    first, second = (example.network == network for network in (0, 1))
    between = example.correlation[np.ix_(first, second)]
    numbers = [example.unit[of].tolist() for of in (first, second)]
    shared = [[units.index(unit) for unit in sorted({*numbers[0]} & {*numbers[1]})] for units in numbers]
    pairs = matched(select(matches, state), examples.first, *examples.networks).sort_values("unit")
    rows = _first(example.rows(0, pairs["unit"].to_numpy()), len(numbers[0]))
    columns = _first(example.rows(1, pairs["partner"].to_numpy()) - len(numbers[0]), len(numbers[1]))
    natural, aligned = between[tuple(shared)].mean(), pairs["correlation"].mean()
    return [
        _within("(a) within net 1", example.correlation[np.ix_(first, first)]),
        _within("(b) within net 2", example.correlation[np.ix_(second, second)]),
        Matrix("(c) between, natural order", between, f"mean diagonal {number(natural)}"),
        Matrix("(d) between, aligned", between[np.ix_(rows, columns)], f"mean diagonal {number(aligned)}"),
    ]


def _within(title: str, correlation: np.ndarray) -> Matrix:
    largest = np.abs(correlation[~np.eye(len(correlation), dtype=bool)]).max(initial=0)
    return Matrix(title, correlation, f"largest |r| {number(largest)}")


def _first(chosen: np.ndarray, count: int) -> np.ndarray:
    """All positions up to `count`, the chosen ones first."""
    return np.concatenate([chosen, np.setdiff1d(np.arange(count), chosen)])


def _draw_matrix(axes: Axes, matrix: Matrix, titled: bool) -> AxesImage:
    image = axes.imshow(matrix.correlation, cmap=style.DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlabel=matrix.summary, title=matrix.title if titled else "")
    axes.spines[:].set_visible(True)
    return image


def _diagonals(layers: "pd.DataFrame", layer: str, state: str) -> "pd.DataFrame":
    """Mean, min and max over all pairs of networks of the mean diagonal, in the columns natural and aligned."""
    rows = select(layers, state)
    rows = rows[(rows["layer"] == layer) & (rows["method"] == MATCHING)]
    return rows[["natural", "aligned"]].agg(["mean", "min", "max"])


def _ranges(state: str, diagonals: "pd.DataFrame") -> str:
    means, lows, highs = ([number(value) for value in row] for row in diagonals.to_numpy())
    said = [f"{mean} ({low} to {high})" for mean, low, high in zip(means, lows, highs, strict=True)]
    return f"{state}, {' and '.join(said)}"


def _title(diagonals: "Mapping[str, pd.DataFrame]", layer: str) -> str:
    """What aligning does to the mean diagonal of all pairs, before and after training."""
    rises = {state: " to ".join(map(number, found.loc["mean"])) for state, found in diagonals.items()}
    return (
        f"Matching units of {layer} one to one takes the mean correlation along the diagonal from {rises[TRAINED]}; "
        f"in untrained networks, from {rises[UNTRAINED]}"
    )
