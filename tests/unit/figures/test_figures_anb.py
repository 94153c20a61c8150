"""What the figures of copied layers show equals the table, and their titles say what is so."""

import itertools

import numpy as np
import pandas as pd
import pytest
from anb_tables import accuracy_table, value
from figure_checks import legible, texts_of, title_of

from transferscope.figures import style
from transferscope.figures.anb import decomposition, figure2, figure3, table1

DRAWN = {
    "figure2": figure2.draw,
    "figure3": figure3.draw,
    "decomposition": decomposition.draw,
    "table1": lambda accuracy, scale: table1.draw(table1.rows(accuracy), scale),
}


@pytest.fixture
def accuracy() -> pd.DataFrame:
    return accuracy_table()


def expected(split: str, treatment: str, half: str = "A", layers: int = 7) -> list[float]:
    """Accuracy in percent from base, n = 0, on."""
    copied = [100 * value(split, treatment, half, n) for n in range(1, layers + 1)]
    return [100 * value(split, "base", half, 0), *copied]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize(("layers", "seeds", "scale"), [(7, 3, "paper"), (5, 3, "demo"), (5, 1, "reduced")])
def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(name, layers, seeds, scale):
    figure = DRAWN[name](accuracy_table(layers, seeds), scale)
    words = legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT
    assert style.scale_note(scale, seeds) in words


@pytest.mark.parametrize("name", DRAWN)
def test_a_run_without_the_dissimilar_split_is_drawn(accuracy, name):
    legible(DRAWN[name](accuracy[accuracy["split"] == "similar"], "demo"))


@pytest.mark.parametrize("name", DRAWN)
def test_the_papers_own_treatments_of_the_dissimilar_split_are_enough(accuracy, name):
    needed = (accuracy["split"] == "similar") | accuracy["treatment"].isin(["base", "transfer", "random"])
    figure = DRAWN[name](accuracy[needed], "demo")
    legible(figure)
    assert name != "decomposition" or "dissimilar" not in title_of(figure)


def test_figure2_shows_every_network_and_the_means_of_all_treatments(accuracy):
    networks, with_random, means, means_with_random = figure2.draw(accuracy, "demo").axes
    for axes, copies in ((networks, 4), (with_random, 5)):
        marks = [len(line.get_ydata()) for line in axes.lines]
        assert marks == [3, 3] + [3 * 7] * 2 * copies  # of each half: seeds, and seeds times n
        assert [line.get_markerfacecolor() == "white" for line in axes.lines] == [False, True] * (1 + copies)
    drawn = [line.get_ydata() for line in means_with_random.lines[:5]]
    shown = ("selffer", "transfer", "selffer+", "transfer+", "random")
    np.testing.assert_allclose(drawn, [expected("similar", treatment) for treatment in shown])
    assert [text.get_text() for text in means.texts] == ["BnB", "AnB", "BnB⁺", "AnB⁺"]
    band = means.collections[0].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(62.67 + 0.1 / np.sqrt(3))
    assert "−8.3 points if they come from the other task, by −0.2" in title_of(figure2.draw(accuracy, "demo"))


def test_figure3_shows_each_target_and_all_relative_to_base(accuracy):
    figure = figure3.draw(accuracy, "demo")
    dissimilar, random, relative = figure.axes
    targets = [expected("dissimilar", "transfer", half) for half in "AB"]
    np.testing.assert_allclose([line.get_ydata() for line in dissimilar.lines], targets)
    np.testing.assert_allclose(random.lines[0].get_ydata(), expected("similar", "random"))
    curves = [expected("similar", "transfer"), np.mean(targets, axis=0), expected("similar", "random")]
    lines = [line.get_ydata() for line in relative.lines[1:]]  # the first is the zero
    np.testing.assert_allclose(lines, [np.subtract(curve, curve[0]) for curve in curves], atol=1e-9)
    assert "−8.3 for similar halves, −25.0 for dissimilar halves" in title_of(figure)


def test_decomposition_shows_both_losses_with_their_intervals(accuracy):
    _, losses, _, _ = decomposition.draw(accuracy, "demo").axes
    own, other, tuned = (np.array(expected("similar", one)[1:]) for one in ("selffer", "transfer", "transfer+"))
    base = 62.51
    drawn = [line.get_ydata() for line in losses.lines[1:]]
    np.testing.assert_allclose(drawn, [base - own, own - other, tuned - base], atol=1e-9)


def test_an_interval_spans_the_seeds_differences(accuracy):
    chosen = (accuracy["treatment"] == "selffer") & (accuracy["n"] == 4) & (accuracy["split"] == "similar")
    accuracy.loc[chosen, "accuracy"] += 0.01 * accuracy["seed"].map({0: 0, 1: 1, 2: -1})
    _, losses, _, _ = decomposition.draw(accuracy, "demo").axes
    low, high = losses.collections[0].get_segments()[3][:, 1]
    resampled = [2.03 - np.mean(drawn) for drawn in itertools.product([0, 1, -1], repeat=3)]
    assert (low, high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]))


def test_decomposition_names_the_layers_where_specificity_costs_more(accuracy):
    title = title_of(decomposition.draw(accuracy, "demo"))
    base = value("similar", "base", "A", 0)
    copied = {n: [value("similar", one, "A", n) for one in ("selffer", "transfer")] for n in range(1, 8)}
    more = [n for n, (own, other) in copied.items() if own - other > max(base - own, 0)]
    # with one layer copied, AnB gains less on BnB than BnB on base, which is no loss
    assert more == [6, 7] and f"similar halves at n={', '.join(map(str, more))};" in title


def test_table1_puts_our_numbers_beside_the_papers(accuracy):
    rows = table1.rows(accuracy)
    assert all(set(row) == set(table1.COLUMNS) for row in rows)
    for row in rows:
        exact = row["quantity"] not in table1.SAID and row["quantity"] != "random"
        assert row["accuracy"] == pytest.approx(row["paper"], abs=1e-9) or not exact
    (row,) = (row for row in rows if (row["quantity"], row["split"], row["n"]) == ("transfer", "similar", 4))
    assert (row["paper"], row["seeds"], row["half"]) == (59.98, 3, None)
    assert row["accuracy_error"] == pytest.approx(0.1 / np.sqrt(3))
    assert row["best"] == pytest.approx(60.18)
    said = {row["quantity"]: row["accuracy"] for row in rows if row["quantity"] in table1.SAID}
    # the paper's text rounds what its logs give
    assert list(said.values()) == pytest.approx([1.67, 2.06, 8.26, 25.01], abs=0.01)


def test_table1_of_a_shallower_net_keeps_the_papers_deeper_layers():
    rows = table1.rows(accuracy_table(layers=5))
    (row,) = (row for row in rows if (row["quantity"], row["split"], row["n"]) == ("transfer", "similar", 7))
    assert (row["paper"], row["accuracy"], row["accuracy_error"], row["seeds"]) == (54.25, None, None, 0)
    spans = [row["n"] for row in rows if row["quantity"] in table1.SAID]
    assert spans == ["1 to 5", "4 to 5", 5, 5]


def test_table1_of_a_net_whose_last_layer_was_not_run_leaves_it_open(accuracy):
    rows = table1.rows(accuracy[accuracy["n"] != 7])
    said = {row["quantity"]: row for row in rows if row["quantity"] in table1.SAID}
    assert [row["n"] for row in said.values()] == ["1 to 6", "5 to 6", 7, 7]
    assert [row["accuracy"] is None for row in said.values()] == [False, False, True, True]
    figure = table1.draw(rows, "paper")
    assert title_of(figure) == "From a base of 62.5%, AnB loses – points at the last layer (paper: 62.5%, 8.0)"
    assert "nan" not in " ".join(text.get_text() for text in texts_of(figure))


def test_table1_has_no_minus_zero_and_a_minus_sign(accuracy):
    chosen = (accuracy["treatment"] == "transfer") & (accuracy["n"] == 7) & (accuracy["split"] == "similar")
    written = {}
    for above in (0.0003, 0.03):
        base = value("similar", "base", "A", 0)
        accuracy.loc[chosen, ["accuracy", "best"]] = [base + above, base + 0.002 + above]
        figure = table1.draw(table1.rows(accuracy), "paper")
        written[above] = [title_of(figure), *(text.get_text() for text in texts_of(figure))]
    assert "AnB loses 0.0 points" in written[0.0003][0]
    assert "AnB loses −3.0 points" in written[0.03][0] and "−3.0 ±0.1" in written[0.03]
    assert not any(text.startswith(("-", "−0.0", "b -")) for texts in written.values() for text in texts)


def test_table1_writes_both_statistics_in_our_cells(accuracy):
    texts = [text.get_text() for text in texts_of(table1.draw(table1.rows(accuracy), "paper"))]
    assert "60.0" in texts and "b 60.2" in texts and "±0.1" in texts
