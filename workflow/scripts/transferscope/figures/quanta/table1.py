"""Table 1: the few numbers that the paper prints, beside ours, and those of networks from scratch, which it lacks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.quanta.panels import LAMBDA, SETTINGS
from transferscope.figures.table import Column, draw_table, table_height
from transferscope.tables import gates
from transferscope.tables.gates import GATE
from transferscope.terms.quanta import ANA, ANB, SOURCE

if TYPE_CHECKING:
    import pandas as pd

# what the paper's sections on results say: top-1 in percent, of its source and as means over seven layers from
# λ_S = 0.90; "about" so much from 0.75 and 0.50; and one λ_S
PAPERS_SOURCE = 84.0
PAPERS_MEANS = {ANA: 84.88, ANB: 57.43}
PAPERS_OTHERS = {ANA: 84.0, ANB: 57.0}
PAPERS_INITIALS = {False: "0.9", True: "0.75, 0.5"}
PAPERS_GATE = 0.97  # of AnB at layer 0, from 0.90
COLUMNS = (
    "quantity",  # accuracy, or lambda_source
    "network",  # source, scratch or gated
    "target",  # AnA, AnB; empty for the source
    "layers",  # with the gate: all (mean over them), or one; empty without a gate
    "initial",  # ours; empty without a gate
    "paper",  # top-1 in percent, or λ_S, as are the following
    "about",  # whether the paper says "about"
    *("value", "error"),  # mean over seeds and standard error
    "seeds",
)
OURS = {"demo": "demo", "reduced": "reduced", "paper": "ours"}  # the heading of our column at each scale


def rows(final: "pd.DataFrame") -> list[dict]:
    """Table 1 as data, a row for each number, with the keys `COLUMNS`; unknown values are None.

    The paper's numbers from 0.90 stand beside ours from the largest initial value, what it says of the others beside
    all others of ours.
    """
    return [*_ungated_rows(final), *_gated_rows(final)]


def _ungated_rows(final: "pd.DataFrame") -> Iterator[dict]:
    for network, target, paper in (("source", None, PAPERS_SOURCE), ("scratch", ANA, None), ("scratch", ANB, None)):
        found = gates.ungated(final, "top1", target or SOURCE)
        described = {"quantity": "accuracy", "network": network, "target": target, "layers": None, "initial": None}
        yield {**described, "paper": paper, "about": False, **_summary(100 * found)}


def _gated_rows(final: "pd.DataFrame") -> Iterator[dict]:
    largest, *others = gates.initials(final)
    for initial in (largest, *others):
        about = initial != largest
        for target, paper in (PAPERS_OTHERS if about else PAPERS_MEANS).items():
            found = gates.finals(final, "top1", target, initial).mean(axis=1)
            described = {"quantity": "accuracy", "network": "gated", "target": target, "layers": "all"}
            yield {**described, "initial": initial, "paper": paper, "about": about, **_summary(100 * found)}
    found = gates.finals(final, GATE, ANB, largest).get(0, default=())
    described = {"quantity": GATE, "network": "gated", "target": ANB, "layers": 0, "initial": largest}
    yield {**described, "paper": PAPERS_GATE, "about": False, **_summary(found)}


def _summary(values: Sequence[float]) -> dict[str, float | int | None]:
    """Mean and standard error over seeds. values: one per seed; of none, both are unknown."""
    if not len(values):
        return {"value": None, "error": None, "seeds": 0}
    mean, error = statistics.mean_and_error(values)
    return {"value": mean, "error": error if len(values) > 1 else None, "seeds": len(values)}


@style.styled
def draw(rows: Sequence[Mapping], scale: str) -> Figure:
    """Table 1, the paper's numbers and ours in columns of their own. rows: from `rows`, at least one."""
    columns = [
        Column("", 3.6),
        *(Column(heading, 1.1, f"from {LAMBDA}") for heading in ("paper", OURS[scale])),
        *(Column(heading, 1.1, "value") for heading in ("paper", OURS[scale])),
    ]
    cells = [_cells(row) for row in rows]
    figure = style.new_figure(
        0.8 * style.PAGE_WIDTH,
        table_height(columns, cells) + 1.1,
        _title(rows),
        style.scale_note(scale, max(row["seeds"] for row in rows)),
        f"Ours: mean of the last epochs ± standard error over seeds. {SETTINGS} The paper has no network from scratch.",
    )
    draw_table(figure.subplots(), columns, cells)
    return figure


def _cells(row: Mapping) -> list[str]:
    """A line: what it is, the initial value in the paper and here, the paper's number and ours."""
    kind = LAMBDA if row["quantity"] == GATE else "accuracy (%)"
    where = {"all": ", mean over layers", None: ""}.get(row["layers"], f", layer {row['layers']}")
    names = {"source": "source network", "scratch": f"{row['target']}, from scratch", "gated": row["target"]}
    gated = row["network"] == "gated"
    starts = [PAPERS_INITIALS[row["about"]], f"{row['initial']:g}"] if gated else ["–", "–"]
    paper = "–" if row["paper"] is None else f"{'about ' if row['about'] else ''}{row['paper']:g}"
    return [f"{names[row['network']]}{where}: {kind}", *starts, paper, _ours(row)]


def _ours(row: Mapping) -> str:
    if row["value"] is None:
        return "–"
    digits = 3 if row["quantity"] == GATE else 1
    error = "" if row["error"] is None else f" ± {row['error']:.{digits}f}"
    return f"{row['value']:.{digits}f}{error}"


def _title(rows: Sequence[Mapping]) -> str:
    """Mean accuracy from the largest initial value, beside the paper's."""
    said = []
    for row in rows:
        if row["network"] == "gated" and row["layers"] == "all" and not row["about"]:
            ours = "–" if row["value"] is None else f"{row['value']:.1f}%"
            said.append(f"{row['target']} reaches {ours} (paper: {row['paper']:.1f}%)")
    return f"With a gate to a source, {', '.join(said)}"
