"""Figure 2: TAs and test accuracy over the epochs of fine-tuning."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style

if TYPE_CHECKING:
    import pandas as pd


class Curve(NamedTuple):
    """One model on one target: its values at each checkpoint, means and standard errors over seeds."""

    epoch: np.ndarray
    tas: np.ndarray
    tas_error: np.ndarray
    accuracy: np.ndarray  # percent, on the test set
    accuracy_error: np.ndarray
    null: float  # nan where there is but one seed


@style.styled
def draw(scores: "pd.DataFrame", roles: Mapping[str, str | None], targets: Mapping[str, str], scale: str) -> Figure:
    """Figure 2: TAs (biased, above) and test accuracy (below) over fine-tuning, a column for each target.

    Lines are means over seeds, bands ± one standard error; the dotted line in a model's colour is its null.
    """
    biased = scores[scores["estimator"] == "biased"]
    curves = {pair: _curve(runs) for pair, runs in biased.groupby(["model", "target"])}
    figure = style.new_figure(
        min(style.PAGE_WIDTH, 1.3 + 2.2 * len(targets)),
        4.0,
        _title(list(curves.values())),
        style.scale_note(scale, scores["seed"].nunique()),
        "Lines: mean over seeds, bands: ± standard error. Dotted: null, the final TAs between two fine-tunings that "
        "differ in nothing but their seed. Biased CKA.",
    )
    panels = figure.subplots(2, len(targets), sharex="col", sharey="row", squeeze=False)
    kinds = style.line_styles(roles)
    for (upper, lower), (target, distance) in zip(panels.T, targets.items(), strict=True):
        for model in roles:
            curve, kind = curves[model, target], kinds[model]
            style.band(upper, curve.epoch, curve.tas, curve.tas_error, kind)
            style.band(lower, curve.epoch, curve.accuracy, curve.accuracy_error, kind)
            end = curve.epoch[-1]
            upper.plot([0.75 * end, end], [curve.null] * 2, color=kind["color"], linestyle=":")
        upper.set_title(f"{style.readable(target)}\n({distance})", fontweight="bold")
        lower.set_xlabel("fine-tuning epoch")
    panels[0, 0].set(ylabel="TAs", ylim=(0, None))
    panels[1, 0].set_ylabel("test accuracy (%)")
    for axes, quantity in zip(panels[:, -1], ("tas", "accuracy"), strict=True):
        ends = {model: getattr(curves[model, list(targets)[-1]], quantity)[-1] for model in roles}
        style.label_ends(axes, [(end, style.readable(model), kinds[model]["color"]) for model, end in ends.items()])
    return figure


def _curve(runs: "pd.DataFrame") -> Curve:
    # a step and an epoch may name the same moment
    by_seed = runs.drop_duplicates(["seed", "epoch"]).pivot(index="seed", columns="epoch", values=["tas", "top1"])
    epochs, null = by_seed["tas"].columns.to_numpy(dtype=float), runs["null"].mean()
    tas, accuracy = (statistics.means_and_errors(values) for values in (by_seed["tas"], 100 * by_seed["top1"]))
    return Curve(epochs, *tas, *accuracy, null)


def _title(curves: Sequence[Curve]) -> str:
    """How much of the final TAs is there half-way through fine-tuning, the median over models and targets."""
    moved = [curve for curve in curves if curve.tas[-1] > 0]
    if not moved:
        return "TAs and test accuracy over fine-tuning"
    shares = [np.interp(curve.epoch[-1] / 2, curve.epoch, curve.tas) / curve.tas[-1] for curve in moved]
    share = f"{np.median(shares):.0%}"
    return f"Half-way through fine-tuning, TAs stands at {share} of its final value (median over all lines)"
