"""Figure 1: where similarity to the source model's layers changed, a map M' for every model and target."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from transferscope import store
from transferscope.figures import style


def read_changes(path: str | Path, estimator: str) -> np.ndarray:
    """M' = M1 − M2 at the last epoch of each seed, (seeds, N, N) float64, from a file of kind "similarity".

    Rows are source layers, columns fine-tuned layers, both in forward order.
    """
    with store.open_hdf5(path, "similarity") as file:
        which = list(file.attrs["estimators"]).index(estimator)
        changes = []
        for seed in sorted(file["m2"], key=int):
            last = max(int(name.removeprefix("epoch")) for name in file["m2"][seed] if name.startswith("epoch"))
            changes.append(file["m1"][which] - file["m2"][seed][f"epoch{last}"][which])
    return np.stack(changes)


@style.styled
def draw(
    changes: Mapping[tuple[str, str], np.ndarray],
    roles: Mapping[str, str | None],
    targets: Mapping[str, str],
    estimator: str,
    scale: str,
) -> Figure:
    """Figure 1: the map M' of every model (rows) on every target (columns), mean over seeds, on one colour scale.

    changes: (seeds, N, N) of each (model, target), from `read_changes`.
    Above each panel stands its TAs, the mean over seeds of mean |M'|.
    """
    across, down = (style.PAGE_WIDTH - 1.6) / len(targets) - 0.15, (style.PAGE_HEIGHT - 1.2) / len(roles) - 0.4
    side = min(1.6, across, down)  # inches: small enough for the page
    figure = style.new_figure(
        max(style.COLUMN_WIDTH, 1.6 + (side + 0.15) * len(targets)),
        1.2 + (side + 0.4) * len(roles),
        _title({pair: float(np.abs(maps).mean()) for pair, maps in changes.items()}, targets),
        style.scale_note(scale, max(len(maps) for maps in changes.values())),
        "M′ = M1 − M2, mean over seeds; positive: similarity to the source model was lost. "
        f"TAs = mean |M′|, {estimator} CKA.",
    )
    axes = figure.subplots(len(roles), len(targets), squeeze=False)
    colours = _shared_scale([maps.mean(0) for maps in changes.values()])
    for row, (model, architecture) in enumerate(roles.items()):
        for column, target in enumerate(targets):
            _draw_map(axes[row, column], changes[model, target], colours)
            axes[row, column].tick_params(labelleft=column == 0)
        axes[row, 0].set_ylabel("source layer")
        name = style.readable(model) + (f"\n(for {architecture})" if architecture else "")
        _heading(axes[row, 0], name, (0, 0.5), (-30, 0), rotation=90, ha="right", va="center")
    for column, (target, distance) in enumerate(targets.items()):
        axes[-1, column].set_xlabel("fine-tuned layer")
        _heading(axes[0, column], f"{style.readable(target)}\n({distance})", (0.5, 1), (0, 13), ha="center")
    figure.colorbar(colours, ax=axes, label="M′", extend="both", fraction=0.03, shrink=min(1, 3 / len(roles)))
    return figure


def _shared_scale(maps: Sequence[np.ndarray]) -> ScalarMappable:
    """One colour scale, symmetric about zero; the largest half per cent may exceed it."""
    sizes = np.concatenate([np.abs(change).ravel() for change in maps])
    limit = max(float(np.percentile(sizes, 99.5)), 1e-6)
    return ScalarMappable(Normalize(-limit, limit), style.DIVERGING)


def _draw_map(axes: Axes, maps: np.ndarray, colours: ScalarMappable) -> None:
    layers = maps.shape[1]
    edges = (0.5, layers + 0.5, 0.5, layers + 0.5)  # layers count from 1
    axes.imshow(maps.mean(0), origin="lower", extent=edges, norm=colours.norm, cmap=colours.cmap)
    axes.set(xticks=[1, layers], yticks=[1, layers])
    axes.set_title(f"TAs {np.abs(maps).mean():.3f}", pad=3)


def _heading(axes: Axes, text: str, place: tuple[float, float], shift: tuple[float, float], **layout) -> None:
    """A bold heading of a row or column of panels, `shift` points away from a place on its first panel's edge."""
    axes.annotate(
        text, place, xytext=shift, xycoords="axes fraction", textcoords="offset points", fontweight="bold", **layout
    )


def _title(scores: Mapping[tuple[str, str], float], targets: Mapping[str, str]) -> str:
    """What the maps show: that far targets change every model more than near ones, if so; else the extremes."""
    near, far = ([target for target in targets if targets[target] == distance] for distance in ("near", "far"))
    pairs = [
        ((model, there), (model, here)) for model in {model for model, _ in scores} for there in far for here in near
    ]
    if pairs and all(scores[there] > scores[here] for there, here in pairs):
        return "Far targets change the similarity of every model's layers more than near targets do"
    most, least = (
        f"{style.readable(model)} on {style.readable(target)} (TAs {scores[model, target]:.3f})"
        for model, target in (max(scores, key=scores.get), min(scores, key=scores.get))
    )
    if len(scores) == 1:
        return f"Where similarity changed in {most}"
    return f"Similarity changes most in {most}, least in {least}"
