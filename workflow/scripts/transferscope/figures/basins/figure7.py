"""Figure 7: what fine-tuning reaches from each checkpoint of P, beside what P itself reaches there."""

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import (
    KINDS,
    LINES,
    NAMES,
    draw_line,
    end_label,
    measured,
    panels_for,
    rows_of_panels,
)
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import PRETRAINED, TUNED

if TYPE_CHECKING:
    import pandas as pd

# a column of accuracy.csv, None for what the target is measured by
SHOWN = {
    None: ("P-T, test", KINDS[TUNED]),
    "speed": ("P-T, training", {"color": "#56B4E9", "marker": "X", "linestyle": "--"}),
    "source_accuracy": ("P, source", KINDS[PRETRAINED]),
}
NEAR = 0.025  # accuracy, as a fraction


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 7: a panel for each target that was trained on from several checkpoints of P.

    Test accuracy on the target, with two classes AUC; mean training accuracy over all epochs, and P's own test accuracy
    on its source.
    """
    accuracy = tables.accuracy
    found = {target: pairs.from_checkpoints(accuracy, target) for target in pairs.targets(accuracy)}
    shown = {target: values for target, values in found.items() if len(values.columns) > 1}
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.1 + 1.8 * rows_of_panels(list(shown)),
        _title(shown),
        style.scale_note(scale, max(len(values) for values in shown.values())),
        f"{LINES} First instances alone. Training: mean accuracy over all epochs of fine-tuning, the optimisation "
        "speed. Source: test accuracy of P on the task that it was trained on; epoch 0: its random initialisation. AUC "
        f"(two classes): of tests on the target alone. {NAMES}",
    )
    for axes, target in zip(panels_for(figure, list(shown)), shown, strict=True):
        _draw_target(axes, accuracy, target)
    return figure


def _draw_target(axes: Axes, accuracy: "pd.DataFrame", target: str) -> None:
    ends = []
    for column, (name, kind) in SHOWN.items():
        values = pairs.from_checkpoints(accuracy, target, column)
        draw_line(axes, values.columns, values, kind)
        ends.append(end_label(values, name, kind))
    names = dict.fromkeys((measured(accuracy, target), "accuracy"))
    axes.set(xlabel="epoch of P", ylabel=f"{', '.join(names)} (%)", ylim=(0, 103))
    style.label_ends(axes, ends)


def _title(shown: "dict[str, pd.DataFrame]") -> str:
    """From which epoch on fine-tuning ends near to where it ends from P's last."""
    said = []
    for target, values in shown.items():
        means = values.mean()
        short = means.index[means < means.iloc[-1] - NEAR]
        first = means.index[means.index > short.max()][0] if len(short) else means.index[0]
        said.append(f"{first:g} on ({style.readable(target)})")
    last = max(values.columns[-1] for values in shown.values())
    return (
        f"Fine-tuning from epoch {last:g} of P is matched, within {100 * NEAR:g} points, from epoch "
        f"{', from '.join(said)}"
    )
