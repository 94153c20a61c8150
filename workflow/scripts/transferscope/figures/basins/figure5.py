"""Figure 5: what it costs to set one module of a trained network back to its initial value."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import KINDS, LINES, NAMES, draw_line, end_label, label_modules
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """Figure 5: the drop of test accuracy by module, from the input to the head, of P-T and RI-T."""
    drops = {treatment: pairs.by_module(tables.modules, treatment) for treatment in (TUNED, SCRATCH)}
    known = {treatment: values for treatment, values in drops.items() if len(values)}
    (target,) = pairs.targets(tables.modules)
    said = [
        f"{values.mean().idxmax()} costs {treatment} most, {_points(values)}" for treatment, values in known.items()
    ]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.0,
        f"Rewinding {'; '.join(said)} ({style.readable(target)})",
        style.scale_note(scale, tables.modules["seed"].nunique()),
        f"{LINES} One module at a time is set back to its initial value, P's or a random one (the head's is random); "
        f"the others keep their final ones. {NAMES}",
    )
    axes = figure.add_subplot()
    axes.axhline(0, color=style.RULE, linewidth=0.8, zorder=0)
    for treatment, values in known.items():
        draw_line(axes, range(len(values.columns)), values, KINDS[treatment])
    axes.set_ylabel("drop of test accuracy (points)")
    label_modules(axes, list(dict.fromkeys(module for values in known.values() for module in values)))
    style.label_ends(axes, [end_label(values, treatment, KINDS[treatment]) for treatment, values in known.items()])
    return figure


def _points(drops: "pd.DataFrame") -> str:
    return f"{100 * drops.mean().max():.1f} points"
