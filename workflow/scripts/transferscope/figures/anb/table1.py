"""Table 1: accuracy of every treatment at every n, the paper's numbers beside ours, and what follows from them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.table import Column, draw_table, table_height
from transferscope.tables import treatments
from transferscope.tables.treatments import NOTATION
from transferscope.terms.anb import BASE, DISSIMILAR, RANDOM, SELFFER, SELFFER_TUNED, SIMILAR, TRANSFER, TRANSFER_TUNED

if TYPE_CHECKING:
    import pandas as pd

# top-1 accuracy in percent at n = 0 (base) to 7, computed from the training logs that the authors published with their
# code: means over their networks of the mean of the ten best validations of a run.
# (split, treatment, half trained on; None: both): dissimilar half A is man-made, B natural
PAPER = {
    (SIMILAR, SELFFER, None): (62.51, 62.67, 62.35, 62.11, 60.48, 59.35, 61.88, 62.32),
    (SIMILAR, TRANSFER, None): (62.51, 62.82, 62.39, 61.89, 59.98, 57.80, 58.06, 54.25),
    (SIMILAR, SELFFER_TUNED, None): (62.51, 61.77, 62.15, 63.13, 62.87, 63.01, 62.76, 62.66),
    (SIMILAR, TRANSFER_TUNED, None): (62.51, 63.73, 63.58, 64.26, 63.98, 64.46, 64.60, 64.65),
    (DISSIMILAR, TRANSFER, "A"): (53.72, 53.92, 52.14, 50.08, 46.16, 40.98, 37.42, 29.14),
    (DISSIMILAR, TRANSFER, "B"): (65.34, 65.71, 65.06, 62.50, 58.24, 52.19, 48.51, 39.90),
    # trained on all 1,000 classes, and with a base of their own
    (SIMILAR, RANDOM, None): (57.63, 49.17, 40.26, 0.11, 1.91, 4.99, 1.45, 1.46),
}
# what the paper's section 4 says in words, in points: minuend, subtrahend, split, the paper's first and last n
SAID = {
    "gain": (1.6, TRANSFER_TUNED, BASE, SIMILAR, 1, 7),
    "gain of the upper layers": (2.1, TRANSFER_TUNED, BASE, SIMILAR, 5, 7),
    "loss at the last layer": (8.0, BASE, TRANSFER, SIMILAR, 7, 7),
    "loss at the last layer, dissimilar": (25.0, BASE, TRANSFER, DISSIMILAR, 7, 7),
}
COLUMNS = (
    "quantity",  # a treatment, or one of SAID
    "split",
    "half",  # trained on; empty: both
    "n",  # ours; first to last for one of SAID
    "paper",  # top-1 in percent, or a difference in points, as are the following
    *("accuracy", "accuracy_error"),  # mean of the last epochs, and standard error over seeds
    *("best", "best_error"),  # mean of the best epochs, which is what the paper reports
    "seeds",
)
STATISTICS = ("accuracy", "best")
OURS = {"demo": "demo", "reduced": "reduced", "paper": "ours"}  # the heading of our columns at each scale
SAID_COLUMNS = (
    Column("the paper's text", 3.0),
    Column("paper's n", 1.0),
    Column("paper\n(points)", 1.0),
    Column("our n", 1.0),
)


def rows(accuracy: "pd.DataFrame") -> list[dict]:
    """Table 1 as data, a row for each number of the paper or of ours, with the keys `COLUMNS`; unknown values are None.

    The means are over seeds of the mean over both directions, where no half is named.
    """
    return [*_treatment_rows(accuracy), *_said_rows(accuracy)]


def _treatment_rows(accuracy: "pd.DataFrame") -> Iterator[dict]:
    for (split, treatment, half), numbers in PAPER.items():
        paper = dict(enumerate(numbers))
        ours = {}
        for column in STATISTICS:
            found = [treatments.accuracies(accuracy, split, which, column, half) for which in (BASE, treatment)]
            ours[column] = found[0].join(found[1], how="inner")
        described = {"quantity": treatment, "split": split, "half": half}
        for n in sorted({*paper, *ours["accuracy"]}):
            values = {column: ours[column].get(n) for column in STATISTICS}
            yield {**described, "n": n, "paper": paper.get(n), **_summary(values)}


def _said_rows(accuracy: "pd.DataFrame") -> Iterator[dict]:
    for name, (paper, minuend, subtrahend, split, *papers_n) in SAID.items():
        first, last = (treatments.at_depth(n, treatments.last_layer(accuracy)) for n in papers_n)
        run = [n for n in treatments.layers(accuracy) if first <= n <= last] or [first, last]
        values = {}
        for column in STATISTICS:
            found = treatments.gap(accuracy, split, minuend, subtrahend, column)
            values[column] = found[run].mean(axis=1) if set(run) <= set(found) else None
        described = {"quantity": name, "split": split, "half": None, "paper": paper}
        yield {**described, "n": f"{run[0]} to {run[-1]}" if run[0] < run[-1] else run[0], **_summary(values)}


def _summary(values: Mapping[str, "pd.Series | None"]) -> dict[str, float | int | None]:
    """Mean and standard error over seeds of each statistic, in percent. values: fractions, one per seed."""
    summary = {}
    for column, of_seeds in values.items():
        known = of_seeds is not None and len(of_seeds)
        mean, error = statistics.mean_and_error(100 * of_seeds) if known else (None, None)
        several = known and len(of_seeds) > 1
        summary |= {column: mean, f"{column}_error": error if several else None}
        summary["seeds"] = len(of_seeds) if known else 0
    return summary


@style.styled
def draw(rows: Sequence[Mapping], scale: str) -> Figure:
    """Table 1, the paper's numbers and ours in columns of their own, and below what the paper says of them in words.

    rows: from `rows`, at least one.
    """
    main, said = _main_columns(scale), [*SAID_COLUMNS, Column(f"{OURS[scale]}\n(points)", 1.2)]
    main_cells, said_cells = _main_cells(rows), _said_cells(rows)
    heights = [table_height(main, main_cells), table_height(said, said_cells)]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        sum(heights) + 1.2,
        _title(rows),
        style.scale_note(scale, max(row["seeds"] for row in rows)),
        "Test accuracy in percent. Ours: mean of the last epochs ± standard error over seeds; b: of the best epochs, "
        "the paper's statistic. n = 0: base. Dissimilar: AnB; A, B: half trained on (paper: A man-made, B natural). "
        "Random, paper: on all 1,000 classes. A net of another depth has other layers at the same n.",
    )
    upper, lower = figure.subplots(2, 1, height_ratios=heights)
    draw_table(upper, main, main_cells)
    draw_table(lower, said, said_cells)
    return figure


def _main_columns(scale: str) -> list[Column]:
    columns = [Column("n", 0.4)]
    for split, treatment, half in PAPER:
        group = NOTATION[treatment] if split == SIMILAR else f"{split} {half}"
        columns += [Column("paper", 0.9, group), Column(OURS[scale], 1.0, group)]
    return columns


def _main_cells(rows: Sequence[Mapping]) -> list[list[str]]:
    """A line for each n, and in it for each treatment the paper's cell and ours."""
    at = {(row["split"], row["quantity"], row["half"], row["n"]): row for row in rows if row["quantity"] not in SAID}
    lines = []
    for n in sorted({n for *_, n in at}):
        found = [at.get((*which, n)) for which in PAPER]
        lines.append([str(n), *(cell for row in found for cell in _pair(row))])
    return lines


def _pair(row: Mapping | None) -> list[str]:
    """The paper's cell and ours, in one decimal; what is unknown is a dash."""
    if row is None:
        return ["–", "–"]
    return ["–" if row["paper"] is None else _written(row["paper"]), _ours(row)]


def _ours(row: Mapping) -> str:
    if row["accuracy"] is None:
        return "–"
    error = "" if row["accuracy_error"] is None else f"\n±{row['accuracy_error']:.1f}"
    return f"{_written(row['accuracy'])}{error}" + ("" if row["best"] is None else f"\nb {_written(row['best'])}")


def _written(number: float) -> str:
    return f"{number:z.1f}".replace("-", "−")


def _said_cells(rows: Sequence[Mapping]) -> list[list[str]]:
    """A line for each statement of the paper in words: what it is, where, the paper's number and ours."""
    lines = []
    for row in rows:
        if row["quantity"] in SAID:
            _, minuend, subtrahend, split, first, last = SAID[row["quantity"]]
            where = f"{first} to {last}" if first < last else f"{last}"
            what = f"{NOTATION[minuend]} − {NOTATION[subtrahend]}, {split} halves"
            lines.append([what, where, _pair(row)[0], str(row["n"]), _ours(row).replace("\n", " ", 1)])
    return lines


def _title(rows: Sequence[Mapping]) -> str:
    """Base accuracy and what copying the last layer costs here, beside the paper's."""
    base = next(row for row in rows if row["quantity"] == TRANSFER and row["n"] == 0)
    loss = next(row for row in rows if row["quantity"] == "loss at the last layer")
    ours, papers = ("–" if loss[key] is None else _written(loss[key]) for key in ("accuracy", "paper"))
    said = f"From a base of {base['accuracy']:.1f}%, AnB loses {ours} points at the last layer"
    return f"{said} (paper: {base['paper']:.1f}%, {papers})"
