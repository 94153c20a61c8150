"""What the figure of three measures shows equals the table, and its title says what is so."""

import numpy as np
import pandas as pd
import pytest
from figure_checks import legible
from joint_tables import ACCURACIES, LAMBDAS, SIMILARITIES, joint_table

from transferscope.figures import style
from transferscope.figures.quanta import joint as figure_joint
from transferscope.tables import joint


@pytest.mark.parametrize(("layers", "seeds", "scale"), [(5, 3, "demo"), (7, 1, "paper"), (3, 3, "reduced")])
def test_the_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(layers, seeds, scale):
    figure = figure_joint.draw(joint_table(layers, seeds), scale)
    assert style.scale_note(scale, seeds) in legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return joint_table()


@pytest.fixture(scope="module")
def drawn(table):
    return figure_joint.draw(table, "demo")


def test_curves_are_means_over_seeds_and_halves(drawn):
    gate, _, accuracy, _, change, _ = drawn.axes
    similarities = np.array(SIMILARITIES[:5])
    expected = {
        gate: [LAMBDAS[:5], np.square(LAMBDAS[:5])],
        accuracy: [ACCURACIES[:5]],
        change: [1 - similarities, 1.02 - similarities],
    }
    for axes, curves in expected.items():
        np.testing.assert_allclose([line.get_ydata() for line in axes.lines], curves, atol=1e-12)
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), [1, 2, 3, 4, 5])
    band = gate.collections[0].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(LAMBDAS[0] + 0.004 / np.sqrt(3))


def test_each_layer_is_a_numbered_point_among_those_of_its_seeds(drawn, table):
    panels = dict(zip(figure_joint.PAIRS, drawn.axes[1::2], strict=True))
    assert list(panels) == [
        ("lambda_source", "relative_accuracy"),
        ("lambda_source", "cka_change"),
        ("relative_accuracy", "cka_change"),
    ]
    for (x, y), axes in panels.items():
        seeds, layers = axes.lines[::2], axes.lines[1::2]
        means = table.groupby("n")[[x, y]].mean().to_numpy()
        np.testing.assert_allclose([line.get_xydata()[0] for line in layers], means)
        of_first = table[table["n"] == 1].groupby("seed")[[x, y]].mean().to_numpy()
        np.testing.assert_allclose(seeds[0].get_xydata(), of_first)
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3", "4", "5"]


def test_title_and_panels_say_the_correlations(drawn):
    title = drawn.get_suptitle().replace("\n", " ")
    assert title.startswith("Rank correlation over 5 layers:")
    assert [part[-5:] for part in title.split(", ")] == ["+0.90", "−0.90", "−0.80"]
    assert [axes.get_title() for axes in drawn.axes[1::2]] == [
        "ρ = +0.90 [+0.90, +0.90], p = 0.083",
        "ρ = −0.90 [−0.90, −0.90], p = 0.083",
        "ρ = −0.80 [−0.80, −0.80], p = 0.13",
    ]
    depths = ["ρ = −1.00", "ρ = −0.90", "ρ = +0.90"]
    assert [axes.get_title() for axes in drawn.axes[::2]] == [f"with depth: {depth}" for depth in depths]
    assert any("|ρ| ≤ 0.90" in text.get_text().replace("\n", " ") for text in drawn.texts)


def test_every_column_drawn_is_one_of_the_table():
    shown = {column for measure in figure_joint.MEASURES.values() for column in measure.curves}
    assert shown == {*joint.GATES, joint.ACCURACY, *joint.CHANGES}
