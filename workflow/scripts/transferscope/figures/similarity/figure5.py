"""Figure 5: fine-tuned against pre-trained and against initial weights, for four kinds of fine-tuning."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.similarity.panels import (
    Panel,
    by_reference,
    counted,
    draw_panels,
    explanation,
    stages,
)
from transferscope.tables.profiles import CROSS, RANDOM, SAME, SHIFTED, cast, fixed_lengths, layers, select

if TYPE_CHECKING:
    import pandas as pd

PARTS = (SAME, RANDOM, SHIFTED, CROSS)


@style.styled
def draw(similarity: "pd.DataFrame", history: "pd.DataFrame", scale: str) -> Figure:
    """Figure 5: CKA to the pre-trained weights and to the initialisation over layers, a panel a kind of fine-tuning.

    Above each panel stands the training accuracy reached: unlearning is claimed of labels that were memorised. One row
    of panels when training ended, and one after the fixed number of epochs, where these differ.
    """
    shown = stages(similarity, "finetune")
    length = fixed_lengths(similarity)["finetune"]
    grid = []
    for stage in shown:
        rows = select(similarity, "cka", stage)
        reached = history[history["epoch"] <= length] if stage == "fixed" else history
        titles = [f"training accuracy {_training_accuracy(reached, cast(rows)[part]):.0%}" for part in PARTS]
        panels = [
            Panel(by_reference(rows, part), title, labelled=part is PARTS[-1])
            for part, title in zip(PARTS, titles, strict=True)
        ]
        grid.append(panels)
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.2 + 1.7 * len(grid),
        _title(shown, [row[PARTS.index(RANDOM)] for row in grid]),
        style.scale_note(scale, similarity["seed"].nunique()),
        explanation(select(similarity, "cka", "end")),
    )
    draw_panels(figure, layers(similarity), grid, PARTS, [f"CKA\n{name}" for name in shown.values()])
    return figure


def _training_accuracy(history: "pd.DataFrame", run: str) -> float:
    """At the last epoch, mean over seeds."""
    rows = history[(history["run"] == run) & (history["split"] == "train")].sort_values("epoch")
    return rows.groupby("seed")["top1"].last().mean()


def _title(shown: Mapping[str, str], panels: Sequence[Panel]) -> str:
    """In how many layers, all but the head, random labels leave more of the initialisation than of pre-training."""
    pairs = [[curve.values.mean(0)[:-1] for curve in panel.curves] for panel in panels]
    what = "convolutional layers nearer to the initialisation than to the pre-trained state"
    return f"Random labels leave {counted([init > pre for pre, init in pairs], what, shown.values())}"
