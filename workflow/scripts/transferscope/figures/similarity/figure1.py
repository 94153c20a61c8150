"""Figure 1: similarity of each layer to its own initialisation over training on true labels."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.figures.similarity.panels import explanation
from transferscope.tables.profiles import PRETRAINED, cast, fixed_lengths, in_own_domain, layers, select

if TYPE_CHECKING:
    import pandas as pd


@style.styled
def draw(similarity: "pd.DataFrame", scale: str) -> Figure:
    """Figure 1: CKA of each layer to its own initialisation over the epochs of pre-training, one line a layer.

    Lines go on dotted from the fixed number of epochs to when training ended, at the mean of the seeds' last epochs.
    """
    run, length = cast(similarity)[PRETRAINED], fixed_lengths(similarity)["pretrain"]
    ended = _of(run, select(similarity, "cka", "end"))
    passed = _of(run, in_own_domain(similarity[similarity["measure"] == "cka"])).query(f"epoch <= {length}")
    end = ended["epoch"].mean()
    last = {layer: rows["value"].to_numpy()[:, None] for layer, rows in ended.groupby("layer", sort=False)}
    figure = style.new_figure(
        style.COLUMN_WIDTH,
        2.9,
        _title({layer: values.mean() for layer, values in last.items()}),
        style.scale_note(scale, ended["seed"].nunique()),
        explanation(ended) + (" Dotted: until training ended." if end > length else ""),
    )
    axes = figure.add_subplot()
    kinds = style.line_styles(last)
    for layer in layers(ended):
        epochs, values = _over_epochs(passed[passed["layer"] == layer])
        line = statistics.means_and_errors(values)
        style.band(axes, epochs, *line, kinds[layer])
        if end > length:
            beyond = np.hstack([line[:, -1:], statistics.means_and_errors(last[layer])])
            style.band(axes, np.array([length, end]), *beyond, kinds[layer] | {"linestyle": ":"})
    axes.set(xlabel="epoch of pre-training on true labels", ylabel="CKA to initialisation", ylim=(0, 1.03))
    style.label_ends(axes, [(values.mean(), layer, kinds[layer]["color"]) for layer, values in last.items()])
    return figure


def _of(run: str, rows: "pd.DataFrame") -> "pd.DataFrame":
    return rows[(rows["run"] == run) & (rows["reference"] == "init")]


def _over_epochs(rows: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """The epochs at which a layer was compared, and its similarities (seeds, epochs)."""
    # a step, or the end, and an epoch may name the same moment
    by_seed = (
        rows.drop_duplicates(["seed", "epoch"]).pivot(index="seed", columns="epoch", values="value").dropna(axis=1)
    )
    return by_seed.columns.to_numpy(dtype=float), by_seed.to_numpy()


def _title(last: Mapping[str, float]) -> str:
    """Whether similarity at the end falls with depth, over all layers but the head; else the extremes."""
    if (np.diff(list(last.values())[:-1]) < 0).all():
        return "Deeper convolutional layers move further from their initialisation"
    return f"Training changes {min(last, key=last.get)} most and {max(last, key=last.get)} least"
