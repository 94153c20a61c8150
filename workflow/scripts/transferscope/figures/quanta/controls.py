"""Controls that the paper lacks: gates to a source that has learned nothing, or permuted labels, and no source."""

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.quanta.panels import LAMBDA, LINES, SHARES, draw_comparison
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE
from transferscope.terms.quanta import ANB, PERMUTED, TRAINED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

# the second is the colour of networks from scratch
KINDS = style.line_styles((TRAINED, "scratch", PERMUTED, UNTRAINED))
SOURCES = {UNTRAINED: "an untrained one", PERMUTED: "one of permuted labels"}


@style.styled
def draw(final: "pd.DataFrame", scale: str) -> Figure:
    """How AnB's gates to each source end at each layer, by λ_S and by functional share, and with which accuracy.

    From the initial value that the controls were run with; without controls, of the trained source alone.
    """
    sources = [TRAINED, *gates.controls(final)]
    initial = gates.initials(final, sources[-1])[0]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        3.2,
        _title(final, initial),
        style.scale_note(scale, final["seed"].nunique()),
        f"AnB, gates from {LAMBDA} = {initial:g}. Source: trained on its task, on permuted labels of it, or untrained. "
        f"{SHARES} Dotted: a network trained from scratch. {LINES}",
    )
    draw_comparison(
        figure,
        final,
        ANB,
        lambda column, source: gates.finals(final, column, ANB, initial, source),
        {source: KINDS[source] | {"label": source} for source in sources},
    )
    return figure


def _title(final: "pd.DataFrame", initial: float) -> str:
    """At how many layers gates to another source end lower than those to the trained one, by both measures."""
    said = []
    for source in gates.controls(final):
        lower = []
        for column in (GATE, SHARE):
            trained, other = (gates.finals(final, column, ANB, initial, one).mean() for one in (TRAINED, source))
            lower.append((other < trained).sum())
        said.append(f"at {lower[0]} of {len(trained)} layers to {SOURCES[source]} (by share: {lower[1]})")
    if not said:
        return "Gates to the trained source, without controls"
    return f"Gates end lower than to the trained source {' and '.join(said)}"
