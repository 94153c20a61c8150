"""Tables drawn as figures: ruled lines, headed groups of columns, a second line in a cell for its uncertainty."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from transferscope.figures.style import FONT_SIZE, GREY, RULE, SMALL_SIZE

LINE = 1.5 * FONT_SIZE  # points from one line of text to the next


@dataclass(frozen=True)
class Column:
    """One column: its heading (may hold line breaks), its width relative to the others', and the group it is in."""

    heading: str
    width: float
    group: str = ""


def table_height(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> float:
    """Inches that `draw_table` needs for these rows."""
    lines = _heading_lines(columns) + 1 + sum(_row_lines(row) + 0.6 for row in rows) + 0.6
    return LINE * lines / 72


def draw_table(axes: Axes, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table that fills `axes`, whose height should be `table_height`.

    rows: one string a column; the first line of a cell is its value, further lines are small and grey. The first column
    is flush left, the others are centred.
    """
    axes.set_axis_off()
    bottom = 72 * table_height(columns, rows) / LINE
    axes.set(xlim=(0, sum(column.width for column in columns)), ylim=(bottom, 0))
    edges = [sum(column.width for column in columns[:position]) for position in range(len(columns) + 1)]
    middles = [0, *((left + right) / 2 for left, right in itertools.pairwise(edges[1:]))]
    _draw_groups(axes, columns, edges)
    y = 1.0
    for column, x in zip(columns, middles, strict=True):
        _write(axes, x, y + (_heading_lines(columns) - column.heading.count("\n") - 1), column.heading, heading=True)
    y += _heading_lines(columns) + 0.3
    _rule(axes, 0, edges[-1], y, 0.8)
    for row in rows:
        for text, x in zip(row, middles, strict=True):
            _write(axes, x, y + 0.3, text)
        y += _row_lines(row) + 0.6
        _rule(axes, 0, edges[-1], y, 0.8 if row is rows[-1] else 0.3)


def _heading_lines(columns: Sequence[Column]) -> int:
    return 1 + max(column.heading.count("\n") for column in columns)


def _row_lines(row: Sequence[str]) -> int:
    return 1 + max(text.count("\n") for text in row)


def _draw_groups(axes: Axes, columns: Sequence[Column], edges: Sequence[float]) -> None:
    """The names of groups of columns above their headings, each over a rule of its own."""
    for group in dict.fromkeys(column.group for column in columns if column.group):
        members = [position for position, column in enumerate(columns) if column.group == group]
        left, right = edges[members[0]], edges[members[-1] + 1]
        axes.text((left + right) / 2, 0.05, group, ha="center", va="top", fontsize=FONT_SIZE, fontweight="bold")
        inset = 0.01 * edges[-1]
        _rule(axes, left + inset, right - inset, 1.0, 0.5)


def _write(axes: Axes, x: float, y: float, text: str, heading: bool = False) -> None:
    for number, line in enumerate(text.split("\n")):
        small = number > 0 and not heading
        axes.text(
            x,
            y + number + 0.5,
            line,
            ha="center" if x else "left",
            va="center",
            fontsize=SMALL_SIZE if small else FONT_SIZE,
            color=GREY if small else "black",
        )


def _rule(axes: Axes, left: float, right: float, y: float, width: float) -> None:
    axes.plot([left, right], [y, y], color=RULE if width < 0.5 else "black", linewidth=width, clip_on=False)
