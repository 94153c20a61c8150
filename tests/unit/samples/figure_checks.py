"""What tests ask of figures: which texts can be read in them, and whether they can."""

import itertools

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox


def title_of(figure: Figure) -> str:
    """A figure's title on one line."""
    return figure.get_suptitle().replace("\n", " ")


def texts_of(figure: Figure) -> dict[Text, Bbox]:
    """Every visible text of a figure with its box in pixels; this lays out the figure, which takes seconds."""
    figure.draw_without_rendering()
    hidden = set()
    for axis in itertools.chain.from_iterable((axes.xaxis, axes.yaxis) for axes in figure.axes):
        low, high = sorted(axis.get_view_interval())
        beyond = [tick for tick in axis.get_major_ticks() if not axis.axes.axison or not low <= tick.get_loc() <= high]
        hidden |= {text for tick in beyond for text in (tick.label1, tick.label2)}
    found = [text for text in figure.findobj(Text) if text.get_visible()]
    return {text: text.get_window_extent() for text in found if text.get_text().strip() and text not in hidden}


def legible(figure: Figure) -> list[str]:
    """The words of a figure, in which no text meets another or leaves the page, or is smaller than can be read."""
    texts = texts_of(figure)
    page = figure.bbox.padded(0.5)
    for text, box in texts.items():
        assert page.x0 <= box.x0 and page.y0 <= box.y0 and box.x1 <= page.x1 and box.y1 <= page.y1, text.get_text()
        assert text.get_fontsize() >= 6, text.get_text()
    for (one, box), (other, its) in itertools.combinations(texts.items(), 2):
        assert not box.padded(-0.5).overlaps(its.padded(-0.5)), (one.get_text(), other.get_text())
    return [text.get_text() for text in texts]
