"""Learning curves on shuffled images: test accuracy of P-T and RI-T while they learn, for each block size."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferscope.figures import style
from transferscope.figures.basins.looks import LINES, NAMES, draw_line, measured
from transferscope.tables import pairs
from transferscope.tables.pairs import IN_HISTORY, Tables
from transferscope.terms.basins import PIXELS, SCRATCH, TUNED


@style.styled
def draw(tables: Tables, scale: str) -> Figure:
    """A row for each target that was shuffled: P-T to the left, RI-T to the right, a line a block size."""
    accuracy = tables.accuracy
    sizes = {target: list(pairs.relative_gap(accuracy, target)) for target in pairs.targets(accuracy)}
    shown = {target: of_target for target, of_target in sizes.items() if len(of_target) > 1}
    figure = style.new_figure(
        style.PAGE_WIDTH,
        1.1 + 1.9 * len(shown),
        _title(tables, shown),
        style.scale_note(scale, tables.history["seed"].nunique()),
        f"{LINES} First instances alone. At the right: block size in pixels; the largest is the whole image, *: all "
        f"values shuffled across pixels and channels. {NAMES}",
    )
    grid = figure.subplots(len(shown), 2, sharex="row", sharey=True, squeeze=False)
    for row, (target, of_target) in zip(grid, shown.items(), strict=True):
        for axes, treatment in zip(row, (TUNED, SCRATCH), strict=True):
            _draw_curves(axes, tables, target, treatment, of_target)
        row[0].set_ylabel(f"{style.readable(target)}\ntest {measured(accuracy, target)} (%)")
    for axes, treatment in zip(grid[0], (TUNED, SCRATCH), strict=True):
        axes.set_title(treatment)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    return figure


def _draw_curves(axes: Axes, tables: Tables, target: str, treatment: str, sizes: list[int]) -> None:
    """A line a block size, the whole image the darkest, and sizes at the ends."""
    ends = []
    axes.set_ylim(0, 103)
    column = IN_HISTORY[pairs.measure(tables.accuracy, target)]
    for size, look in zip(reversed(sizes), style.graded(len(sizes)), strict=True):
        values = pairs.learning(tables.history, target, treatment, size=size, column=column)
        draw_line(axes, values.columns, values, {**look, "marker": ""})
        name = "*" if size == PIXELS else f"{size:g}"
        ends.append((100 * values.iloc[:, -1].mean(), name, look["color"]))
    style.label_ends(axes, ends)


def _title(tables: Tables, shown: dict[str, list[int]]) -> str:
    """Where both end on whole images and in the smallest blocks."""
    said = []
    for target, sizes in shown.items():
        smallest = next(size for size in sizes if size != PIXELS)
        falls = []
        for treatment in (TUNED, SCRATCH):
            accuracy = pairs.accuracies(tables.accuracy, target, treatment)
            whole, small = (f"{100 * accuracy[size].mean():.0f}%" for size in (sizes[-1], smallest))
            falls.append(f"{treatment} from {whole} to {small}")
        said.append(f"{' and '.join(falls)} in blocks of {smallest:g} px ({style.readable(target)})")
    return f"Shuffling takes {'; '.join(said)}"
