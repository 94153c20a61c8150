"""What the figures of this paper share: panels of similarity over layers, their curves, and the stages of training.

In all, `rows` are rows of similarity.csv from `profiles.select`: by one measure, at one stage of training.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from transferscope import statistics
from transferscope.figures import style
from transferscope.tables.profiles import (
    CROSS,
    CROSS_RANDOM,
    RANDOM,
    SAME,
    SHIFTED,
    cast,
    degrees,
    fixed_lengths,
    profiles,
    sizes,
)

if TYPE_CHECKING:
    import pandas as pd

REFERENCES = {"pre": "to pre-trained", "init": "to initialisation"}
# one look in every figure for each part that a run plays, and for each reference
PART_KINDS = style.line_styles([SAME, SHIFTED, CROSS, RANDOM, CROSS_RANDOM])
REFERENCE_KINDS = style.line_styles(REFERENCES)

Kind = Mapping[str, str]


class Curve(NamedTuple):
    """Similarity of one run to one reference over layers: its name, its values (seeds, layers) and its look."""

    name: str
    values: np.ndarray
    kind: Kind


class Panel(NamedTuple):
    """Curves on one pair of axes. labelled: whether their names stand at their right ends."""

    curves: Sequence[Curve]
    title: str = ""
    labelled: bool = True


def by_degree(rows: "pd.DataFrame", phase: str, reference: str) -> list[Curve]:
    """A curve for each degree d of random labels, from true labels on."""
    runs = degrees(rows, phase)
    return _curves(rows, [(f"d={d}", run, reference) for d, run in runs.items()], style.graded(len(runs)))


def by_size(rows: "pd.DataFrame", reference: str) -> list[Curve]:
    """A curve for each number of training images with fully random labels, fewest first."""
    runs = sizes(rows)
    named = [("all" if np.isinf(size) else f"{size:,.0f}", run, reference) for size, run in runs.items()]
    return _curves(rows, named, style.graded(len(runs)))


def by_part(rows: "pd.DataFrame", parts: Sequence[str], reference: str) -> list[Curve]:
    """A curve for each of these parts."""
    runs = cast(rows)
    return _curves(rows, [(part, runs[part], reference) for part in parts], [PART_KINDS[part] for part in parts])


def by_reference(rows: "pd.DataFrame", part: str) -> list[Curve]:
    """A curve for each reference of a run: the pre-trained weights, if it started from them, and the initialisation."""
    run = cast(rows)[part]
    return _curves(rows, [(name, run, reference) for reference, name in REFERENCES.items()], REFERENCE_KINDS.values())


def _curves(rows: "pd.DataFrame", named: Sequence[tuple[str, str, str]], kinds: Iterable[Kind]) -> list[Curve]:
    """A curve for each (name, run, reference) that at least one seed has."""
    found = [
        Curve(name, profiles(rows, (run, reference))[:, 0], kind)
        for (name, run, reference), kind in zip(named, kinds, strict=True)
    ]
    return [curve for curve in found if len(curve.values)]


def stages(similarity: "pd.DataFrame", phase: str) -> dict[str, str]:
    """The stages of training to show, as `profiles.select` has them, and what they are called.

    There is but one where no run of the phase went on after the fixed number of epochs.
    """
    length = fixed_lengths(similarity)[phase]
    ended = similarity.loc[(similarity["phase"] == phase) & (similarity["checkpoint"] == "end"), "epoch"]
    after = f"after {length} epochs"
    return {"end": "when training ended", "fixed": after} if (ended > length).any() else {"end": after}


def counted(true: Sequence[np.ndarray], what: str, shown: Iterable[str]) -> str:
    """In how many layers something is so at each stage: "2 of 4 <what> when training ended, 4 of 4 after 10 epochs".

    true: (layers,) bool for each of the stages `shown`.
    """
    counts = [f"{np.count_nonzero(one)} of {len(one)}" for one in true]
    counts[0] += f" {what}"
    return ", ".join(f"{count} {stage}" for count, stage in zip(counts, shown, strict=True))


def explanation(rows: "pd.DataFrame", measure: str = "Biased CKA") -> str:
    """What lines and bands are, and on which images similarity is measured."""
    crossed = rows["condition"].isin(["cross", "cross random"])
    usual, *other = (style.readable(rows.loc[of, "probe"].iloc[0]) for of in (~crossed, crossed) if of.any())
    images = f"held-out images of {usual}" + "".join(f" (cross-domain: of {domain})" for domain in other)
    return f"Lines: mean over seeds, bands: ± standard error. {measure} on {images}."


def draw_panels(
    figure: Figure,
    names: Sequence[str],
    grid: Sequence[Sequence[Panel]],
    columns: Sequence[str],
    labels: Sequence[str],
) -> None:
    """A grid of panels over the layers `names`, all on the same axes: headings over columns, labels at rows."""
    axes = figure.subplots(len(grid), len(columns), sharex=True, sharey=True, squeeze=False)
    lowest = min(curve.values.mean(0).min() for row in grid for panel in row for curve in panel.curves)
    axes[0, 0].set(xticks=range(len(names)), xlim=(-0.2, len(names) - 0.8), ylim=(min(0, lowest - 0.03), 1.03))
    for place, panel in zip(axes.flat, itertools.chain(*grid), strict=True):
        place.set_title(panel.title)
        for curve in panel.curves:
            style.band(place, np.arange(len(names)), *statistics.means_and_errors(curve.values), curve.kind)
    for place, heading, panel in zip(axes[0], columns, grid[0], strict=True):
        place.set_title(f"{heading}\n{panel.title}".strip())
    for place, label in zip(axes[:, 0], labels, strict=True):
        place.set_ylabel(label)
    for place in axes[-1]:
        place.set_xticklabels(names, rotation=60, ha="right", rotation_mode="anchor")
    for place, panel in zip(axes.flat, itertools.chain(*grid), strict=True):
        if panel.labelled:  # last, when nothing changes the axes any more
            ends = [(curve.values[:, -1].mean(), curve.name, curve.kind["color"]) for curve in panel.curves]
            style.label_ends(place, ends)
