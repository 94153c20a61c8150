"""How much it matters how fast gates learn, as the paper does not give their learning rate."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.quanta.panels import LAMBDA, LINES, QUANTITIES, SHARES, draw_comparison
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(final: "pd.DataFrame", scale: str) -> Figure:
    """How gates of each learning rate end at each layer, by λ_S and by functional share, and with which accuracy.

    final: with gates whose learning rate is another one than that of all others.
    """
    target, initial, factors = gates.sensitivity(final)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.2,
        _title(final, target, initial, factors),
        style.scale_note(scale, final["seed"].nunique()),
        f"{target}, gates from {LAMBDA} = {initial:g} to the trained source. The learning rate of the gates alone is "
        f"multiplied: ×1 is that of all other figures. {SHARES} Dotted: a network trained from scratch. {LINES}",
    )
    kinds = {
        factor: kind | {"label": f"×{factor:g}"}
        for factor, kind in zip(factors, style.graded(len(factors)), strict=True)
    }
    draw_comparison(
        figure,
        final,
        target,
        lambda column, factor: gates.finals(final, column, target, initial, factor=factor),
        kinds,
    )
    return figure


def _title(final: "pd.DataFrame", target: str, initial: float, factors: Sequence[float]) -> str:
    """Between learning rates, how far apart a layer's gates end, and accuracy, where they do so most."""
    apart = {}
    for column in QUANTITIES:
        means = [gates.finals(final, column, target, initial, factor=factor).mean() for factor in factors]
        apart[column] = np.ptp(means, axis=0).max()
    *first, last = (f"×{factor:g}" for factor in factors)
    return (
        f"With their learning rate {', '.join(first)} and {last}, gates of a layer end up to {apart[GATE]:.2f} apart "
        f"(by share: {apart[SHARE]:.2f}); accuracy differs by up to {100 * apart['top1']:.1f} points"
    )
