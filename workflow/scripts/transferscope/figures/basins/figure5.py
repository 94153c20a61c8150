"""Figure 5: what it costs to set one module of a trained network back to its initial value."""

from collections.abc import Sequence
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
    label_modules,
    measured,
    most_often,
    named,
    of_batch_norm,
    span,
)
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 5: the drop of test accuracy by module, from the input to the head, of P-T and RI-T; a row a target.

    With two classes, AUC stands in for accuracy.
    """
    modules, shown = tables.modules, pairs.targets(tables.modules)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        min(1.1 + 1.9 * len(shown), style.PAGE_HEIGHT),
        _title(tables, shown),
        style.scale_note(scale, modules["seed"].nunique()),
        f"{LINES} One module at a time is set back to its initial value, P's or a random one (the head's is random); "
        f"the others keep their final ones. {of_batch_norm(modules)} {NAMES}",
    )
    panels = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for axes, target in zip(panels, shown, strict=True):
        _draw_target(axes, tables, target)
    return figure


def _drops(modules: "pd.DataFrame", target: str) -> dict[str, "pd.DataFrame"]:
    """What P-T and RI-T lose by module, as far as they were rewound."""
    found = {treatment: pairs.by_module(modules, target, treatment) for treatment in (TUNED, SCRATCH)}
    return {treatment: values for treatment, values in found.items() if len(values)}


def _draw_target(axes: Axes, tables: Tables, target: str) -> None:
    drops = _drops(tables.modules, target)
    axes.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
    for treatment, values in drops.items():
        draw_line(axes, range(len(values.columns)), values, KINDS[treatment])
    axes.set_title(style.readable(target))
    axes.set_ylabel(f"drop of test {measured(tables.accuracy, target)} (points)")
    label_modules(axes, list(dict.fromkeys(module for values in drops.values() for module in values)))
    style.label_ends(axes, [end_label(values, treatment, KINDS[treatment]) for treatment, values in drops.items()])


def _title(tables: Tables, shown: Sequence[str]) -> str:
    """Which module costs most, and how much."""
    drops, said = [_drops(tables.modules, target) for target in shown], []
    for treatment in (TUNED, SCRATCH):
        means = [100 * each[treatment].mean() for each in drops if treatment in each]
        if means:
            worst, words = most_often([values.idxmax() for values in means])
            costs = span(values.max() for values in means if values.idxmax() == worst)
            said.append(f"{words} costs {treatment} most, {costs} points")
    return f"Rewinding {'; '.join(said)} ({named(tables.accuracy, shown)})"
