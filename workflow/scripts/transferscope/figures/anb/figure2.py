"""Figure 2: accuracy of every network and mean accuracy, over the number of layers copied, by treatment."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.anb.curves import COPIED, KINDS, LINES, draw_curve, end_label, label_layers, signed
from transferscope.tables import treatments
from transferscope.tables.treatments import NOTATION
from transferscope.terms.anb import BASE, HALVES, RANDOM, SELFFER, SELFFER_TUNED, SIMILAR, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd

COPIES = (SELFFER, TRANSFER, SELFFER_TUNED, TRANSFER_TUNED)
# as shares of the distance between two n: how far apart the marks of two treatments, and of two halves, stand
DODGE, HALF_DODGE = 0.16, 0.06
EXPLANATION = (
    f"{COPIED} BnB: of a net of the same task, AnB: of the other task, ⁺: fine-tuned, otherwise frozen; random: "
    f"untrained and frozen. Marks above: networks, filled: trained on half A, open: on half B. {LINES}"
)


@style.styled
def draw(accuracy: "pd.DataFrame", scale: str) -> Figure:
    """Figure 2: all six treatments of the similar split; above every network, below means over seeds and directions.

    To the left as in the paper, to the right with random features, whose range hides all else.
    """
    layers = treatments.layers(accuracy)
    figure = style.new_figure(
        style.PAGE_WIDTH, 5.2, _title(accuracy), style.scale_note(scale, accuracy["seed"].nunique()), EXPLANATION
    )
    panels = figure.subplots(2, 2, sharex=True, sharey="col", width_ratios=(1.6, 1))
    for column, shown in zip(panels.T, (COPIES, (*COPIES, RANDOM)), strict=True):
        _draw_networks(column[0], accuracy, shown)
        _draw_means(column[1], accuracy, shown)
        label_layers(column[1], layers)
    for place, title in zip(panels[0], ("copied layers", "copied or random layers"), strict=True):
        place.set_title(title)
    for place, label in zip(panels[:, 0], ("every network", "mean"), strict=True):
        place.set_ylabel(f"{label}\ntest accuracy (%)")
    panels[0, 1].set_ylim(0, 103)
    for place, shown in zip(panels[1], (COPIES, (*COPIES, RANDOM)), strict=True):
        ends = {treatment: treatments.accuracies(accuracy, SIMILAR, treatment) for treatment in shown}
        style.label_ends(
            place, [end_label(values, NOTATION[treatment], KINDS[treatment]) for treatment, values in ends.items()]
        )
    return figure


def _draw_networks(axes: Axes, accuracy: "pd.DataFrame", shown: tuple[str, ...]) -> None:
    """A mark for each network, treatments side by side at each n."""
    for treatment in (BASE, *shown):
        found = treatments.networks(accuracy, SIMILAR, treatment)
        shift = 0.0 if treatment == BASE else DODGE * (shown.index(treatment) - (len(shown) - 1) / 2)
        kind = KINDS[treatment]
        for half, face, side in zip(HALVES, (kind["color"], "white"), (-0.5, 0.5), strict=True):
            values = found.xs(half, axis=1, level="half")
            x = np.broadcast_to(values.columns.to_numpy() + shift + HALF_DODGE * side, values.shape)
            axes.plot(x.ravel(), 100 * values.to_numpy().ravel(), linestyle="", markerfacecolor=face, **kind)


def _draw_means(axes: Axes, accuracy: "pd.DataFrame", shown: tuple[str, ...]) -> None:
    """A line for each treatment, from the base networks on, whose mean goes on as a grey line."""
    sweeps = {treatment: treatments.sweep(accuracy, SIMILAR, treatment) for treatment in shown}
    for treatment, values in sweeps.items():
        draw_curve(axes, values, KINDS[treatment])
    axes.axhline(100 * values[0].mean(), color=style.RULE, linewidth=0.8, zorder=0)
    axes.plot(0, 100 * values[0].mean(), zorder=3, **KINDS[BASE])


def _title(accuracy: "pd.DataFrame") -> str:
    """What copying every layer does to accuracy: frozen from the other task, from the same, and fine-tuned."""
    last = treatments.layers(accuracy)[-1]
    frozen, own, tuned = (
        signed(treatments.gap(accuracy, SIMILAR, treatment, BASE)[last].mean())
        for treatment in (TRANSFER, SELFFER, TRANSFER_TUNED)
    )
    return (
        f"Copying {last} frozen layers changes accuracy by {frozen} points if they come from the other task, "
        f"by {own} if from the same task; fine-tuned from the other task, by {tuned}"
    )
