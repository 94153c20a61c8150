"""Table 1: accuracy, number of layers and TAs of each architecture, the paper's numbers beside ours."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.table import Column, draw_table, table_height
from transferscope.similarity import ESTIMATORS

if TYPE_CHECKING:
    import pandas as pd

# the paper's Table 1, target CIFAR-10: test accuracy in percent, layers, TAs
PAPER = {"ResNet-50": (86.7, 151, 0.1737), "ViT-B/16": (95.2, 140, 0.1528), "DenseNet-121": (84.3, 433, 0.2574)}
COLUMNS = (
    *("model", "stands_for", "target", "seeds", "paper_accuracy", "paper_layers", "paper_tas"),
    *("accuracy", "accuracy_error", "layers", "parameter_change", "parameter_change_error"),
    *(
        f"{quantity}_{estimator}"
        for estimator in ESTIMATORS
        for quantity in ("tas", "tas_error", "tas_low", "tas_high", "null", "tas_above_null", "tas_above_null_error")
    ),
)


def rows(scores: "pd.DataFrame", roles: Mapping[str, str | None], target: str) -> list[dict]:
    """Table 1 as data, one row a model, with the keys `COLUMNS`.

    Ours are taken at the last checkpoint. Accuracies are percentages, `error` is the standard error over seeds, `low`
    and `high` are the interval over examples, averaged over seeds. Unknown values are None.
    """
    last = scores[(scores["target"] == target) & (scores["checkpoint"] == f"epoch{scores['epoch'].max():g}")]
    return [_row(last[last["model"] == model], model, architecture, target) for model, architecture in roles.items()]


def _row(ours: "pd.DataFrame", model: str, architecture: str | None, target: str) -> dict:
    row = {"model": model, "stands_for": architecture, "target": target, "seeds": ours["seed"].nunique()}
    paper = PAPER.get(architecture, (None, None, None))
    row |= dict(zip(("paper_accuracy", "paper_layers", "paper_tas"), paper, strict=True))
    row["layers"] = int(ours["layers"].iloc[0])
    for estimator in ESTIMATORS:
        part = ours[ours["estimator"] == estimator]
        row |= _with_error("tas", part["tas"], f"_{estimator}")
        row |= _with_error("tas_above_null", part["tas"] - part["null"], f"_{estimator}")
        means = part[["low", "high", "null"]].mean()
        row |= {f"tas_low_{estimator}": _known(means["low"]), f"tas_high_{estimator}": _known(means["high"])}
        row[f"null_{estimator}"] = _known(means["null"])
    once = ours[ours["estimator"] == ESTIMATORS[0]]  # what follows does not depend on the estimator
    return row | _with_error("accuracy", 100 * once["top1"]) | _with_error("parameter_change", once["parameter_change"])


def _with_error(name: str, values: "pd.Series", suffix: str = "") -> dict[str, float | None]:
    mean, error = statistics.mean_and_error(values) if values.notna().all() else (np.nan, np.nan)
    return {f"{name}{suffix}": _known(mean), f"{name}_error{suffix}": _known(error)}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


@style.styled
def draw(rows: Sequence[Mapping], dataset: str, scale: str) -> Figure:
    """Table 1, the paper's numbers and ours in columns of their own.

    rows: from `rows`, at least one. dataset: the one that our target is made from, which the title names.
    """
    target = style.readable(rows[0]["target"])
    columns = _columns(f"reproduced, {style.SCALES[scale]}: {target}")
    cells = [_cells(row) for row in rows]
    figure = style.new_figure(
        style.PAGE_WIDTH,
        table_height(columns, cells) + 0.85,
        f"{_title(rows)}\n{_target_sentence(target, style.readable(dataset))}",
        style.scale_note(scale, max(row["seeds"] for row in rows)),
        "± standard error over seeds; [ ] 95 % interval over probe examples; null: TAs between two fine-tunings that "
        "differ in nothing but their seed; parameter change: ‖θ − θ₀‖ / ‖θ₀‖ without the head.",
    )
    draw_table(figure.add_subplot(), columns, cells)
    return figure


def _columns(ours: str) -> list[Column]:
    """The table's columns, ours under the heading `ours`."""
    return [
        Column("architecture\nmodel", 1.5),
        *(Column(*column, "paper: CIFAR-10") for column in (("accuracy\n(%)", 0.8), ("layers", 0.6), ("TAs", 0.7))),
        Column("", 0.15),
        *(Column(*column, ours) for column in (("accuracy\n(%)", 0.8), ("layers", 0.6))),
        *(Column(f"TAs\n{estimator}", 1.15, ours) for estimator in ESTIMATORS),
        *(Column(*column, ours) for column in (("null\nbiased", 0.8), ("TAs − null\nbiased", 1.0))),
        Column("parameter\nchange", 1.0, ours),
    ]


def _cells(row: Mapping) -> list[str]:
    model = style.readable(row["model"])
    return [
        f"{row['stands_for']}\n{model}" if row["stands_for"] else model,
        *(_number(row[f"paper_{name}"], digits) for name, digits in (("accuracy", 1), ("layers", 0), ("tas", 4))),
        "",
        f"{_number(row['accuracy'], 1)}{_error(row['accuracy_error'], 1)}",
        str(row["layers"]),
        *(_estimate(row, estimator) for estimator in ESTIMATORS),
        _number(row["null_biased"], 4),
        f"{_number(row['tas_above_null_biased'], 4)}{_error(row['tas_above_null_error_biased'], 4)}",
        f"{_number(row['parameter_change'], 4)}{_error(row['parameter_change_error'], 4)}",
    ]


def _estimate(row: Mapping, estimator: str) -> str:
    value, error, low, high = (row[f"{name}_{estimator}"] for name in ("tas", "tas_error", "tas_low", "tas_high"))
    interval = "" if low is None else f"\n[{low:.3f}, {high:.3f}]"
    return f"{_number(value, 4)}{_error(error, 4)}{interval}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _error(value: float | None, digits: int) -> str:
    return "" if value is None else f"\n±{value:.{digits}f}"


def _title(rows: Sequence[Mapping]) -> str:
    """Which models have the lowest and the highest TAs here, and which is highest above what the seed alone does."""
    ranked = sorted(rows, key=lambda row: row["tas_biased"])
    least, most = (f"{style.readable(row['model'])} ({row['tas_biased']:.3f})" for row in (ranked[0], ranked[-1]))
    if len(rows) == 1:
        return f"TAs of {least}"
    above = [row for row in rows if row["tas_above_null_biased"] is not None]
    title = f"TAs is lowest for {least} and highest for {most}"
    if above:
        furthest = max(above, key=lambda row: row["tas_above_null_biased"])
        title += f"; above its null, for {style.readable(furthest['model'])} ({furthest['tas_above_null_biased']:.3f})"
    return title


def _target_sentence(target: str, dataset: str) -> str:
    if dataset.replace("-", "").lower() == "cifar10":
        return f"Target: {target}, as in the paper"
    return f"Target: {target} ({dataset}); in the paper: CIFAR-10"
