"""Tables 1 and 2, and the numbers that figures show: the paper's above, ours below. `rows` are from `numbers.rows`."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins import numbers
from transferscope.figures.basins.looks import NAMES
from transferscope.figures.table import Column, draw_table, table_height
from transferscope.terms.basins import (
    MIXED_PAIR,
    PIXELS,
    SAME_INIT,
    SCRATCH,
    SCRATCH_AND_P,
    SCRATCH_PAIR,
    TUNED,
    TUNED_AND_P,
    TUNED_PAIR,
)

CKA_PAIRS = (TUNED_AND_P, TUNED_PAIR, MIXED_PAIR, SCRATCH_PAIR)
DISTANCE_PAIRS = (TUNED_PAIR, SCRATCH_PAIR, SAME_INIT, TUNED_AND_P, SCRATCH_AND_P)
PAPER, OURS = "paper", "ours"
POINTS = {numbers.ACCURACY: 1, numbers.LAST_AUC: 100}  # what a unit of these quantities is
ERRORS = "Ours: mean ± standard error over seeds."
FINDINGS = "CheXpert: in the paper five findings at once, with the mean of their AUC; a task here has one."

Rows = Sequence[dict]


class Block(NamedTuple):
    """One table of a figure: its columns and the cells of each row."""

    columns: list[Column]
    cells: list[list[str]]

    @property
    def height(self) -> float:
        """Inches."""
        return table_height(self.columns, self.cells)


class Layout(NamedTuple):
    """How the rows of a quantity become a table: what stands beside a line, what above a column.

    down, across: columns of `rows`. written: a value, or its error. order: the networks shown; empty: all.
    heading: of a column.
    """

    quantity: str
    down: tuple[str, ...]
    across: str
    written: Callable[[float], str]
    order: Sequence[str] = ()
    heading: Callable[[str | int], str] = str


@style.styled
def draw_similarity(rows: Rows, scale: str) -> Figure:
    """Table 1: CKA of each pair, stage by stage."""
    layout = Layout(numbers.CKA, ("target", "networks"), "at", _share, CKA_PAIRS, _stage)
    return _drawn(
        rows,
        [layout],
        _similarity_title(rows),
        scale,
        "Ours: debiased linear CKA, by biased CKA in the numbers as CSV; the paper does not say how it estimates it. "
        f"Mean ± standard error over seeds. {FINDINGS} {NAMES}",
    )


@style.styled
def draw_distance(rows: Rows, scale: str) -> Figure:
    """Table 2: L2 distance between the parameters of each pair."""
    layout = Layout(numbers.DISTANCE, ("target",), "networks", _tenths, DISTANCE_PAIRS, _pair)
    return _drawn(
        rows,
        [layout],
        _distance_title(rows),
        scale,
        f"L2 distance between all parameters but the head's. {ERRORS} {FINDINGS} {NAMES}",
    )


@style.styled
def draw_others(rows: Rows, scale: str) -> Figure:
    """What Figures 2, 3 and 7 say in numbers: relative gaps, where networks end, and where from checkpoints of P."""
    layouts = [
        Layout(numbers.GAP, ("target",), "at", "{:z.0f}".format, heading=_size),
        Layout(numbers.ACCURACY, ("networks",), "target", _tenths, heading=style.readable),
        Layout(numbers.AUGMENTED, ("networks",), "target", _tenths, heading=style.readable),
        Layout(numbers.CHECKPOINT, ("target",), "at", _tenths),
    ]
    return _drawn(
        rows,
        layouts,
        _others_title(rows),
        scale,
        "Relative gap: (P-T − RI-T) / P-T of test accuracy, by block size in pixels, at the right the whole image, *: "
        "all values shuffled. Accuracy from checkpoints: of P-T, by the epoch of P; there the paper's images are "
        "cropped and mirrored, too, which ours never are. Gaps and checkpoints: first instances alone. Targets with "
        "two classes, measured by AUC, count in the title and are in the numbers as CSV. "
        f"{FINDINGS} The paper's are read off figures. {ERRORS} {NAMES}",
    )


def _drawn(rows: Rows, layouts: Sequence[Layout], title: str, scale: str, explanation: str) -> Figure:
    blocks = [
        _block(rows, source, group, layout)
        for layout in layouts
        for source, group in ((PAPER, "paper"), (OURS, f"ours, {style.SCALES[scale]}"))
        if _known(rows, source, layout)
    ]
    heights = [block.height for block in blocks]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        sum(heights) + 0.8 + 0.12 * len(blocks),
        title,
        style.scale_note(scale, max(row["seeds"] for layout in layouts for row in _known(rows, OURS, layout))),
        explanation,
    )
    panels = figure.subplots(len(blocks), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, block in zip(panels, blocks, strict=True):
        draw_table(axes, block.columns, block.cells)
    return figure


def _known(rows: Rows, source: str, layout: Layout) -> Rows:
    """The rows of a layout's quantity and networks of which the paper, or we, have a number."""
    chosen = (row for row in rows if row["quantity"] == layout.quantity and row[source] is not None)
    return [row for row in chosen if not layout.order or row["networks"] in layout.order]


def _block(rows: Rows, source: str, group: str, layout: Layout) -> Block:
    known = _known(rows, source, layout)
    rank = {name: place for place, name in enumerate(layout.order)}
    if rank:
        targets = list(dict.fromkeys(row["target"] for row in known))
        known = sorted(known, key=lambda row: (targets.index(row["target"]), rank[row["networks"]]))
    at = {(*(row[name] for name in layout.down), row[layout.across]): row for row in known}
    lines = dict.fromkeys(tuple(row[name] for name in layout.down) for row in known)
    across = list(dict.fromkeys(row[layout.across] for row in known))
    columns = [Column("" if name == "networks" else name, 1.8) for name in layout.down]
    columns += [Column(layout.heading(one), 1.0, f"{group}: {layout.quantity}") for one in across]
    cells, above = [], None
    for target, *others in lines:
        beside = ["" if target == above else style.readable(target), *others]
        values = (at.get((target, *others, one)) for one in across)
        cells.append([*beside, *(_cell(value, source, layout.written) for value in values)])
        above = target
    return Block(columns, cells)


def _cell(row: dict | None, source: str, written: Callable[[float], str]) -> str:
    """A value, and below it the standard error of ours; a dash where it is unknown."""
    if row is None:
        return "–"
    error = row["ours_error"] if source == OURS else None
    value = written(row[source]).replace("-", "−")
    return value if error is None else f"{value}\n±{written(error)}"


def _size(size: int) -> str:
    return "*" if size == PIXELS else str(size)


def _tenths(value: float) -> str:
    return f"{value:z.1f}"


def _share(value: float) -> str:
    """A number up to 1 without the 0 in front, as the paper has it."""
    return f"{value:z.3f}".replace("0.", ".", 1)


def _pair(name: str) -> str:
    """A pair's name, with what its networks share in a second line."""
    return name.replace(" same", "\nsame")


def _stage(name: str) -> str:
    """A stage's name, a long one before its first digit in two lines: `features.5`."""
    return re.sub(r"(?<=\D)(?=\d)", "\n", name, count=1) if len(name) > 6 else name


def _similarity_title(rows: Rows) -> str:
    """At how many stages, of all targets, similarity is ordered as the paper has it, here and in the paper."""
    ours, papers = (_orders(rows, source) for source in (OURS, PAPER))
    return (
        f"Two P-T are more similar than P-T and P at {ours[0]} of {ours[2]} stages, P-T and P more than any pair with "
        f"RI-T at {ours[1]} (paper: {papers[0]} and {papers[1]} of {papers[2]})"
    )


def _orders(rows: Rows, source: str) -> tuple[int, int, int]:
    """Stages where P-T & P-T > P-T & P, where P-T & P > P-T & RI-T and RI-T & RI-T, and all that have these pairs."""
    cka: dict[tuple, dict[str, float]] = {}
    for row in rows:
        if row["quantity"] == numbers.CKA and row[source] is not None:
            cka.setdefault((row["target"], row["at"]), {})[row["networks"]] = row[source]
    known = [one for one in cka.values() if set(CKA_PAIRS) <= set(one)]
    first = sum(one[TUNED_PAIR] > one[TUNED_AND_P] for one in known)
    second = sum(one[TUNED_AND_P] > max(one[MIXED_PAIR], one[SCRATCH_PAIR]) for one in known)
    return first, second, len(known)


def _distance_title(rows: Rows) -> str:
    """How far apart two P-T are as a multiple of two RI-T, here and in the paper."""
    said = []
    for source in (OURS, PAPER):
        pair = {(row["target"], row["networks"]): row[source] for row in rows if row["quantity"] == numbers.DISTANCE}
        ratios = [
            pair[target, TUNED_PAIR] / pair[target, SCRATCH_PAIR]
            for target in dict.fromkeys(target for target, _ in pair)
            if pair.get((target, TUNED_PAIR)) and pair.get((target, SCRATCH_PAIR))
        ]
        said.append(" to ".join(dict.fromkeys(f"{ratio:.2f}" for ratio in (min(ratios), max(ratios)))))
    return f"Two P-T are {said[0]} times as far apart as two RI-T (paper: {said[1]} times)"


def _others_title(rows: Rows) -> str:
    """By how much P-T ends above RI-T, in points of accuracy or AUC, here and in the paper."""
    said = []
    for source in (OURS, PAPER):
        known = [row for row in rows if row["quantity"] in POINTS and row[source] is not None]
        ends = {(row["target"], row["networks"]): POINTS[row["quantity"]] * row[source] for row in known}
        gains = [
            ends[target, TUNED] - ends[target, SCRATCH]
            for target in dict.fromkeys(target for target, _ in ends)
            if {(target, TUNED), (target, SCRATCH)} <= ends.keys()
        ]
        span = dict.fromkeys(f"{gain:+z.1f}".replace("-", "−") for gain in (min(gains), max(gains)))
        said.append(" to ".join(span))
    return f"P-T ends {said[0]} points from RI-T (paper: {said[1]} points)"
