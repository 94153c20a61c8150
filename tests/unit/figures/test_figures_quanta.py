"""What the figures of gates show equals the tables, and their titles say what is so."""

import functools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from anb_tables import accuracy_table
from figure_checks import legible, texts_of, title_of
from matplotlib.figure import Figure
from quanta_tables import (
    EPOCHS,
    SCRATCH,
    SHARE,
    SOURCE_ACCURACY,
    accuracy,
    end,
    quanta_tables,
)

from transferscope.figures import style
from transferscope.figures.quanta import controls, figure3, figure4, figure5, sensitivity, table1

DRAWN = {
    "figure3": lambda final, history, scale: figure3.draw(history, scale),
    "figure4": lambda final, history, scale: figure4.draw(final, scale),
    "figure4 beside copies": lambda final, history, scale: figure4.draw(final, scale, accuracy_table(), "conv_5"),
    "figure5": figure5.draw,
    "controls": lambda final, history, scale: controls.draw(final, scale),
    "sensitivity": lambda final, history, scale: sensitivity.draw(final, scale),
    "table1": lambda final, history, scale: table1.draw(table1.rows(final), scale),
}


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return quanta_tables()


@pytest.fixture(scope="module")
def drawn(tables) -> Callable[[str], Figure]:
    """drawn(name): a figure of the unchanged tables, at demo scale; each is drawn once."""
    return functools.cache(lambda name: DRAWN[name](*tables, "demo"))


@pytest.fixture(scope="module")
def shallow() -> tuple[pd.DataFrame, pd.DataFrame]:
    """One seed of a shallow net with more initial values than the paper's, and without controls."""
    final, history = quanta_tables(layers=4, seeds=1, initials=(0.9, 0.8, 0.75, 0.5))
    return tuple(table[table["source"].isin(["trained", "none"])] for table in (final, history))


def heights(axes) -> list[list[float]]:
    return [list(line.get_ydata()) for line in axes.lines]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("net", ["papers", "shallow"])
def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(drawn, shallow, name, net):
    figure, note = drawn(name), "demo scale · 3 seeds"
    if net == "shallow":
        figure, note = DRAWN[name](*shallow, "reduced"), "reduced scale · 1 seed"
    assert note in legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT


def test_figure3_shows_test_accuracy_and_loss_of_every_layer_and_from_scratch(drawn):
    axes = dict(zip(("AnA", "AnB", "AnA loss", "AnB loss"), drawn("figure3").axes, strict=True))
    for target in ("AnA", "AnB"):
        *gated, scratch = heights(axes[target])
        assert len(gated) == 7 and {len(line) for line in gated} == {EPOCHS + 1}
        assert [line[-1] for line in gated] == pytest.approx([100 * accuracy(target, layer) for layer in range(7)])
        assert scratch[-1] == pytest.approx(100 * SCRATCH[target])
        *losses, _ = heights(axes[f"{target} loss"])
        assert [(line[0], line[-1]) for line in losses] == [(2.5, 0.5)] * 7
    key = [text.get_text() for text in axes["AnB"].get_legend().get_texts()]
    assert key == [*"0123456", "scratch"]
    colours = {line.get_color() for line in axes["AnA"].lines}
    assert len(colours) == 8


def test_figure3_counts_the_layers_that_learn(drawn, history):
    assert "rises at 7 of 7 layers of AnA and 7 of 7 layers of AnB; loss" in title_of(drawn("figure3"))
    worse = (history["epoch"] == EPOCHS) & (history["target"] == "AnB") & (history["layer"] < 2)
    history.loc[worse, "top1"] = 0.0
    history.loc[worse & (history["layer"] == 0), "loss"] = 3.0
    title = title_of(figure3.draw(history, "demo"))
    assert "accuracy rises at 7 of 7 layers of AnA and 5 of 7 layers of AnB" in title
    assert "loss falls at 7 of 7 layers of AnA and 6 of 7 layers of AnB" in title


def test_figure4_shows_gates_share_accuracy_and_networks_without_a_gate(drawn):
    figure = drawn("figure4")
    assert len(figure.axes) == 2
    for axes, target in zip(figure.axes, ("AnA", "AnB"), strict=True):
        gate, share, top1, source, scratch = heights(axes)
        expected = np.array([end(target, layer, 0.9) for layer in range(7)])
        np.testing.assert_allclose([gate, share], [expected, SHARE * expected])
        np.testing.assert_allclose(top1, [accuracy(target, layer) for layer in range(7)])
        assert (source[0], scratch[0]) == pytest.approx((SOURCE_ACCURACY, SCRATCH[target]))
    band = figure.axes[0].collections[0].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(0.99 + 0.001 / np.sqrt(3))


def test_figure4_names_the_lowest_gates_and_what_they_gain(drawn, final):
    title = title_of(drawn("figure4"))
    assert "lowest at layer 3 of AnA (0.85) and at layer 6 of AnB (0.60)" in title
    mean = np.mean([accuracy("AnB", layer) for layer in range(7)])
    assert f"AnB {mean:.1%} (from scratch {SCRATCH['AnB']:.1%})" in title
    final.loc[(final["target"] == "AnB") & (final["layer"] == 1), "lambda_source"] = 0.2
    assert "at layer 1 of AnB (0.20)" in title_of(figure4.draw(final, "demo"))


def test_figure4_has_the_copies_of_the_similar_halves_beside_it(drawn):
    selffer, transfer, base = heights(drawn("figure4 beside copies").axes[2])
    assert (base, len(selffer)) == (pytest.approx([0.6251]), 8)
    assert (selffer[-1], transfer[-1]) == pytest.approx((0.6232, 0.5425))


def test_figure4_says_that_the_copies_are_of_other_networks(drawn):
    figure = drawn("figure4 beside copies")
    texts = [text.get_text().replace("\n", " ") for text in texts_of(figure)]
    assert any(
        "other networks, conv-5, on classes of their own; their layers are not those of (a)" in one for one in texts
    )
    assert figure.axes[2].get_title().startswith("(c) other networks")
    assert not any("other networks" in text.get_text() for text in texts_of(drawn("figure4")))


def test_figure5_shows_ends_and_ways_from_every_initial_value(drawn):
    panels = np.reshape(drawn("figure5").axes, (2, 2, 3))  # target, ends or ways, initial value
    shown = [(target, initial) for target in ("AnA", "AnB") for initial in (0.9, 0.75, 0.5)]
    above, below = panels[:, 0].flat, panels[:, 1].flat
    for (target, initial), ends, ways in zip(shown, above, below, strict=True):
        expected = [end(target, layer, initial) for layer in range(7)]
        np.testing.assert_allclose(heights(ends)[0], expected)
        np.testing.assert_allclose([way[0] for way in heights(ways)], initial)
        np.testing.assert_allclose([way[-1] for way in heights(ways)], expected)
        assert ends.get_title().endswith(f"= {initial:g}") and ends.get_title().startswith(target)


def test_figure5_says_where_the_initial_value_matters(drawn, final, history):
    title = title_of(drawn("figure5"))
    assert "at 7 of 7 layers of AnA and 7 of 7 layers of AnB; accuracy at a layer differs by up to 0.2 points" in title
    changed = (final["target"] == "AnA") & (final["layer"] == 2) & (final["initial"] == 0.75)
    final.loc[changed, "lambda_source"] += 0.05
    final.loc[changed, "top1"] += 0.03
    title = title_of(figure5.draw(final, history, "demo"))
    assert "6 of 7 layers of AnA and 7 of 7" in title and "up to 3.1 points" in title


def test_every_initial_value_has_a_column(final, history, shallow):
    alone = (table[(table["initial"] == 0.9) | table["initial"].isna()] for table in (final, history))
    figure = figure5.draw(*alone, "demo")
    assert len(figure.axes) == 4 and title_of(figure) == "Gates that start from λ = 0.9"
    axes = figure5.draw(*shallow, "demo").axes
    titles = [one.get_title() for one in axes if one.get_title()]
    assert len(axes) == 16 and len(set(titles)) == 8


def test_controls_show_every_source_by_gate_share_and_accuracy(drawn):
    gate, share, top1 = drawn("controls").axes
    expected = np.array(
        [[end("AnB", layer, 0.5, source) for layer in range(7)] for source in ("trained", "untrained", "permuted")]
    )
    np.testing.assert_allclose(heights(gate), expected)
    np.testing.assert_allclose(heights(share), SHARE * expected)
    assert [line.get_label() for line in top1.lines] == ["trained", "untrained", "permuted", "scratch"]
    assert top1.lines[-1].get_ydata()[0] == pytest.approx(100 * SCRATCH["AnB"])


def test_controls_count_the_layers_where_gates_end_lower(final):
    final.loc[(final["source"] == "untrained") & (final["layer"] < 3), "lambda_source"] = 0.99
    final.loc[(final["source"] == "permuted") & (final["layer"] == 6), "share"] = 0.99
    title = title_of(controls.draw(final, "demo"))
    assert "at 4 of 7 layers to an untrained one (by share: 7) and at 7 of 7 layers to one of permuted" in title
    assert title.endswith("(by share: 6)")


def test_sensitivity_shows_every_learning_rate_by_gate_share_and_accuracy(drawn):
    gate, share, top1 = drawn("sensitivity").axes
    expected = np.array([[end("AnB", layer, 0.5, rate_factor=factor) for layer in range(7)] for factor in (0.1, 1, 10)])
    np.testing.assert_allclose(heights(gate), expected)
    np.testing.assert_allclose(heights(share), SHARE * expected)
    assert [line.get_label() for line in top1.lines] == ["×0.1", "×1", "×10", "scratch"]
    assert top1.lines[0].get_ydata()[0] == pytest.approx(100 * accuracy("AnB", 0, 0.5))
    assert top1.lines[-1].get_ydata()[0] == pytest.approx(100 * SCRATCH["AnB"])


def test_sensitivity_says_how_far_apart_gates_and_accuracies_end(drawn, final):
    said = "With their learning rate ×0.1, ×1 and ×10, gates of a layer end up to "
    assert title_of(drawn("sensitivity")) == f"{said}0.10 apart (by share: 0.09); accuracy differs by up to 0.0 points"
    slow = (final["rate_factor"] == 0.1) & (final["layer"] == 2)
    final.loc[slow, "lambda_source"] -= 0.2
    final.loc[slow, "top1"] += 0.05
    assert title_of(sensitivity.draw(final, "demo")) == (
        f"{said}0.30 apart (by share: 0.09); accuracy differs by up to 5.0 points"
    )


def test_table1_puts_our_numbers_beside_the_papers(final):
    rows = table1.rows(final)
    assert all(set(row) == set(table1.COLUMNS) for row in rows)
    source, ana_scratch, anb_scratch, ana, anb, *others, gate = rows
    assert (source["paper"], source["value"], source["seeds"]) == (84.0, pytest.approx(84.0), 3)
    assert source["error"] == pytest.approx(0.1 / np.sqrt(3))
    assert (ana_scratch["paper"], anb_scratch["value"]) == (None, pytest.approx(55.0))
    means = {target: 100 * np.mean([accuracy(target, layer) for layer in range(7)]) for target in ("AnA", "AnB")}
    assert [row["value"] for row in (ana, anb)] == pytest.approx([means["AnA"], means["AnB"]])
    assert [row["paper"] for row in (ana, anb)] == [84.88, 57.43]
    assert [(row["target"], row["initial"], row["paper"], row["about"]) for row in others] == [
        ("AnA", 0.75, 84.0, True),
        ("AnB", 0.75, 57.0, True),
        ("AnA", 0.5, 84.0, True),
        ("AnB", 0.5, 57.0, True),
    ]
    assert (gate["layers"], gate["initial"], gate["paper"], gate["value"]) == (0, 0.9, 0.97, pytest.approx(0.97))


def test_table1_leaves_open_what_was_not_run(final):
    *_, gate = table1.rows(final[~(final["layer"] == 0)])
    assert (gate["value"], gate["error"], gate["seeds"]) == (None, None, 0)
    texts = [text.get_text() for text in texts_of(table1.draw(table1.rows(final), "paper"))]
    assert "about 57" in texts and "84.88" in texts and "0.970 ± 0.001" in texts and "ours" in texts
