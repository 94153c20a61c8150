"""The one style of all figures: sizes, colours, bands, direct labels, the note in the corner, and how they are saved.

Figures are matplotlib `Figure` objects made without pyplot, which no job needs and every job would wait for.
"""

import contextlib
import functools
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure

from transferscope import store
from transferscope.errors import InputError

PAGE_WIDTH, PAGE_HEIGHT, COLUMN_WIDTH = 6.9, 9.2, 3.3  # inches, as printed
FONT_SIZE, TITLE_SIZE, SMALL_SIZE = 7.0, 9.0, 6.0  # points, as printed
GREY, RULE = "#595959", "#b0b0b0"

# Okabe & Ito 2008 without its yellow, which is too faint on white; the first five stand out most
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SEQUENTIAL = "cividis"
PALEST = 0.85  # of the sequential colours for lines: what comes after is too faint on white
# blue and vermillion of the palette on either side of white: equally dark at both ends, in grey print too
DIVERGING = LinearSegmentedColormap.from_list(
    "blue_white_vermillion", ["#00304d", "#0072B2", "#7fb8d8", "#ffffff", "#f2a76b", "#D55E00", "#571f00"], N=255
)

SCALES = {"demo": "demo scale", "reduced": "reduced scale", "paper": "the paper's scale"}

_SETTINGS = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "xtick.labelsize": SMALL_SIZE,
    "ytick.labelsize": SMALL_SIZE,
    "figure.titlesize": TITLE_SIZE,
    "figure.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.0,
    "pdf.fonttype": 42,  # letters stay letters: searchable, editable
    "savefig.dpi": 300,
}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorate a function that draws: it sees this style and nothing of the user's own matplotlib settings."""

    @functools.wraps(draw)
    def drawn(*arguments, **named) -> Figure:
        with _our_settings():
            return draw(*arguments, **named)

    return drawn


@contextlib.contextmanager
def _our_settings() -> Iterator[None]:
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def scale_note(scale: str, seeds: int) -> str:
    """The note in the corner of every figure: the scale it was run at and the number of seeds.

    Raises InputError if `scale` is none of demo, reduced, paper.
    """
    if scale not in SCALES:
        raise InputError(f"scale: expected one of {', '.join(SCALES)}, found {scale!r}")
    return f"{SCALES[scale]} · {seeds} seed{'' if seeds == 1 else 's'}"


def readable(name: str) -> str:
    """A name of the config as it is printed: `small_resnet` becomes `small-resnet`."""
    return name.replace("_", "-")


def new_figure(width: float, height: float, title: str, note: str, explanation: str = "") -> Figure:
    """An empty figure with its title on top, an explanation at the bottom left and the scale note at the bottom right.

    width, height: inches. title and explanation are wrapped to the width; what is drawn between them never meets them.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    edge = 0.05  # inches
    figure.suptitle(_wrapped(title, width, TITLE_SIZE, letter=0.65), x=edge / width, ha="left")
    shared = {"fontsize": SMALL_SIZE, "color": GREY, "va": "bottom", "linespacing": 1.3}
    explained = _wrapped(explanation, 0.8 * width, SMALL_SIZE)
    figure.text(edge / width, edge / height, explained, ha="left", **shared)
    figure.text(1 - edge / width, edge / height, note, ha="right", **shared)
    lines = explained.count("\n") + 1
    footer = (edge + 1.4 * lines * SMALL_SIZE / 72) / height
    figure.get_layout_engine().set(rect=(0, footer, 1, 1 - footer))
    return figure


def _wrapped(text: str, width: float, size: float, letter: float = 0.6) -> str:
    """`text` in lines that fit into `width` inches at a font of `size` points; its own line breaks stay.

    letter: the mean width of DejaVu Sans' letters as a share of the size, with some to spare; bold ones need 0.65.
    """
    # a line does not end within an equation or a name
    whole, letters = text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), int(72 * width / (letter * size))
    lines = (textwrap.fill(line, letters, break_on_hyphens=False) for line in whole.split("\n"))
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def line_styles(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Colour and marker of each name, in the palette's order: lines are never told apart by colour alone."""
    return {
        name: {
            "color": PALETTE[position % len(PALETTE)],
            # when the colours begin again, each has another marker
            "marker": MARKERS[(position + position // len(PALETTE)) % len(MARKERS)],
        }
        for position, name in enumerate(names)
    }


def graded(steps: int) -> list[dict[str, str]]:
    """The looks of lines that are steps of one quantity, from dark to pale."""
    shades = matplotlib.colormaps[SEQUENTIAL](np.linspace(0, PALEST, steps))
    kinds = line_styles(range(steps)).values()
    return [kind | {"color": to_hex(shade)} for kind, shade in zip(kinds, shades, strict=True)]


def band(axes: Axes, x: np.ndarray, mean: np.ndarray, error: np.ndarray, kind: Mapping[str, str]) -> None:
    """A line of means with a band of ± one standard error around it (none where the error is unknown, NaN)."""
    axes.plot(x, mean, **kind)
    axes.fill_between(x, mean - error, mean + error, color=kind["color"], alpha=0.2, linewidth=0)


def label_ends(axes: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Names at the right of lines instead of a legend, moved apart where they would touch.

    ends: for each line the height at which it ends (in data), its name and its colour. Letters are thinner than lines:
    they are a shade darker, to be read as well.
    """
    axes.figure.draw_without_rendering()  # only now are the axes' limits and size known
    heights = axes.transData.transform([(0, height) for height, _, _ in ends])[:, 1]
    points = 72 / axes.figure.dpi
    places = spread(points * heights, 1.25 * FONT_SIZE)
    for (height, name, colour), shift in zip(ends, places - points * heights, strict=True):
        axes.annotate(
            name,
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(4, shift),
            textcoords="offset points",
            va="center",
            color=tuple(0.75 * np.array(to_rgb(colour))),
            annotation_clip=False,
        )


def spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """The places nearest to `wanted` (least squares) that keep its order and are at least `gap` apart.

    This is isotonic regression of the places minus their share of gaps, by pooling adjacent violators.
    """
    wanted = np.asarray(wanted, dtype=float)
    order = np.argsort(wanted, kind="stable")
    shares = gap * np.arange(len(wanted))
    pools: list[tuple[float, int]] = []  # mean, members
    for place in wanted[order] - shares:
        pools.append((place, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (upper, many), (lower, few) = pools.pop(), pools.pop()
            pools.append(((upper * many + lower * few) / (many + few), many + few))
    places = np.empty_like(wanted)
    places[order] = np.repeat([mean for mean, _ in pools], [members for _, members in pools]) + shares
    return places


def save(figure: Figure, paths: Iterable[str | Path], facts: Mapping) -> None:
    """Write a figure to each path (.pdf or .png, 300 dots an inch), with its facts in the file's metadata.

    The same figure and facts give the same bytes: dates and wall times, in which alone two runs of one job differ,
    are left out. The facts are a JSON object: the keywords of a PDF, the text chunk `facts` of a PNG.
    Raises InputError for another suffix.
    """
    lasting = json.dumps({key: value for key, value in facts.items() if key not in ("date", "wall_seconds")})
    metadata = {
        ".pdf": {"Creator": "transferscope", "Keywords": lasting, "CreationDate": None},
        ".png": {"facts": lasting},
    }
    for path in map(Path, paths):
        if path.suffix not in metadata:
            raise InputError(f"{path}: a figure is saved as .pdf or .png, found '{path.suffix}'")
        with store.atomic_path(path) as temporary, _our_settings():
            figure.savefig(temporary, metadata=metadata[path.suffix])
