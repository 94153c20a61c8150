"""Figures of landscapes: panels for each target, and valleys drawn as criticality has them."""

import numpy as np
import pytest
from basins_figures import BLUE, DEEP, drawn, lines_of, made, modules_in, replaced
from basins_tables import ALPHAS, MIDDLES, MIDDLES_OF_AUC, PAPER, SIGMAS
from figure_checks import title_of

from transferscope.figures.basins import FIGURES, figure6
from transferscope.landscape.criticality import criticality
from transferscope.tables.pairs import Tables


@pytest.fixture
def demo() -> Tables:
    return made("demo")


def test_each_landscape_has_panels_of_its_own():
    names = ["real", "quickdraw", "chexpert"]
    four = np.array(drawn("figure4", "several").axes).reshape(3, 3)
    assert [axes.get_title() for axes in four[:, 0]] == names
    assert [axes.get_ylabel() for axes in four[:, 0]] == 2 * ["test accuracy (%)"] + ["test AUC (%)"]
    for (accuracy, _, key), target in zip(four, names, strict=True):
        tuned, scratch = PAPER.accuracies[target][224]
        assert lines_of(accuracy, BLUE)[0][5] == pytest.approx(100 * tuned)
        (fell,) = (text.get_text() for text in key.texts if text.get_text().startswith("RI-T & RI-T\n"))
        middle = (MIDDLES_OF_AUC if target == "chexpert" else MIDDLES)["RI-T & RI-T"]
        assert f"\n{100 * (1 - middle) * scratch:.1f} ±" in fell
    assert title_of(drawn("figure4", "several")).endswith(
        "16.2 to 49.5 points between two RI-T (real, quickdraw, chexpert by AUC)"
    )
    five = drawn("figure5", "several")
    assert [axes.get_title() for axes in five.axes] == names
    assert five.axes[2].get_ylabel() == "drop of test AUC (points)"
    assert title_of(five).startswith("Rewinding conv1 (on 3 of 3 targets) costs P-T most, 1.0 points")
    profiles = np.array(drawn("profile", "several").axes).reshape(3, 3)
    assert [axes.get_ylabel().split("\n")[0] for axes in profiles[:, 0]] == names


def test_the_module_that_most_landscapes_have_as_worst_is_named_with_their_number():
    tables = made("several")
    one = (tables.modules["target"] == "quickdraw") & (tables.modules["module"] == "fc")
    drop, mu = tables.modules["drop"].mask(one, 0.5), tables.modules["mu"].mask(one, 0)
    tables = replaced(tables, "modules", drop=drop, mu=mu)
    said = title_of(FIGURES["figure5"](tables, "paper"))
    assert "conv1 (on 2 of 3 targets) costs RI-T most, 10.0 points" in said
    assert "fc (on 2 of 3 targets) for P-T" in title_of(FIGURES["profile"](tables, "paper"))


def test_figure6_shows_every_module_of_each_landscape():
    figure = drawn("figure6", "several")
    assert modules_in(figure) == 3 * list(DEEP.drops)
    # two lines a target
    lines = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert list(filter(None, lines))[::2] == list(filter(None, lines))[1::2] == ["real", "quickdraw", "chexpert"]
    assert "for 54 of 54 modules of P-T and 0 of 54" in title_of(figure)
    tables = made("several")
    higher = tables.criticality["error"].mask(tables.criticality["target"] == "quickdraw", 0.9)
    figure = figure6.draw(replaced(tables, "criticality", error=higher), "paper")
    assert "for 36 of 54 modules of P-T" in title_of(figure)
    worst = [axes.images[0].get_array().min() == 90 for axes in figure.axes if axes.get_ylabel() == "P-T\ndirect\nσ"]
    assert worst == 2 * [False] + 2 * [True] + 2 * [False]


def test_an_edge_is_where_criticality_has_it_whatever_the_rounding(demo):
    # 0.09 and a point are less than 0.1: by comparing alone, what is at the edge would fail in every seed
    at = demo.criticality["error"].where(demo.criticality["sigma"] > 0.03, 0.1)
    tables = replaced(demo, "criticality", error=at, epsilon=0.09 + 0.01)
    figure = figure6.draw(tables, "demo")
    assert "6 of 6 modules of P-T and 6 of 6 modules of RI-T" in title_of(figure)
    upright, level = figure.axes[0].collections
    assert len(upright.get_segments()) == 0
    assert {tuple(segment[:, 1]) for segment in level.get_segments()} == {(2.5, 2.5)}
    found = criticality(ALPHAS, np.arange(6), SIGMAS, [[0.1, 0.1, 0.1, 0.9, 0.9, 0.9]] * 6, 0.09 + 0.01)
    assert (found.mu, found.width) == (0, SIGMAS[2])


def test_a_point_is_in_the_valley_that_is_in_more_than_half_of_the_seeds(demo):
    table = demo.criticality
    # in one seed of three far above, in the mean far above: the median is in the valley
    for seeds, count in (([0], 6), ([0, 1], 0)):
        error = table["error"].mask(table["seed"].isin(seeds), 0.9)
        said = title_of(figure6.draw(replaced(demo, "criticality", error=error), "demo"))
        assert f"for {count} of 6 modules of P-T" in said
