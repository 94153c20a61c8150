"""What the figures of fine-tuned networks and networks from scratch show equals the tables; titles say what is so."""

import dataclasses

import numpy as np
import pytest
from basins_figures import BLUE, DEEP, SETTINGS, VERMILLION, drawn, lines_of, made, modules_in, replaced
from basins_tables import DEMO, EPSILON, PAPER, tables
from figure_checks import legible, texts_of, title_of
from matplotlib.collections import PolyCollection

from transferscope.figures import style
from transferscope.figures.basins import FIGURES, TABLES, figure6, mistakes, profile
from transferscope.tables.pairs import Tables


@pytest.fixture
def demo() -> Tables:
    return made("demo")


@pytest.mark.parametrize("name", [*FIGURES, *TABLES])
@pytest.mark.parametrize("setting", ["paper", "demo"])
def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(name, setting):
    figure = drawn(name, setting)
    texts = legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT
    assert style.scale_note(SETTINGS[setting][-1], 3) in texts
    assert any("over seeds" in text.replace("\n", " ") for text in texts)


@pytest.mark.parametrize("name", [*FIGURES, *TABLES])
def test_one_seed_is_drawn_without_bands(name):
    figure = drawn(name, "alone")
    assert "reduced scale · 1 seed" in [text.get_text() for text in figure.texts]
    bands = [band for axes in figure.axes for band in axes.collections if isinstance(band, PolyCollection)]
    # the range of one seed, unlike its standard error, is known, and is a line
    assert name == "profile" or not any(band.get_paths() for band in bands)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *((name, "deep") for name in ("figure5", "profile", "table1", "distances")),
        *((name, "several") for name in ("figure4", "figure5", "figure6", "profile")),
    ],
)
def test_the_papers_own_number_of_modules_and_landscapes_stays_legible(name, setting):
    legible(drawn(name, setting))
    # the maps of three times 18 modules take more than a page
    assert drawn(name, setting).get_figheight() <= style.PAGE_HEIGHT * (3 if name == "figure6" else 1)


def test_figure2_shows_how_both_learn_and_where_one_passes_the_end_of_the_other():
    figure = drawn("figure2", "paper")
    assert [axes.get_title() for axes in figure.axes] == ["chexpert", "clipart", "quickdraw", "real"]
    real = figure.axes[3]
    learned = 1 - 0.5 ** np.arange(21)
    train, test, passed = lines_of(real, BLUE)
    np.testing.assert_allclose(train, 100 * 0.772 * 1.2 * learned)
    np.testing.assert_allclose(test, 77.2 * learned)
    np.testing.assert_allclose(passed, [100 * 0.772 * 0.58])
    (mark,) = (line for line in real.lines if line.get_linestyle() == "None")
    assert mark.get_xdata() == [2]
    # with two classes, it is the area under the curve that is shown
    np.testing.assert_allclose(lines_of(figure.axes[0], BLUE)[1], 73.5 * learned)
    assert [axes.get_ylabel() for axes in figure.axes] == ["AUC (%)"] + 3 * ["accuracy (%)"]
    assert "on 4 of 4 targets" in title_of(figure) and "after 10% to 25% of the epochs" in title_of(figure)


def test_figure2_says_where_the_fine_tuned_network_is_no_better():
    figure = drawn("figure2", "demo")
    assert "P-T ends above RI-T on 2 of 3 targets, there with RI-T's final accuracy after 10%" in title_of(figure)
    # on the third it never reaches what the other ends with
    assert [sum(line.get_linestyle() == "None" for line in axes.lines) for axes in figure.axes] == [1, 1, 0]


def test_bands_are_the_standard_error_over_seeds():
    test = drawn("figure2", "paper").axes[3].collections[1].get_paths()[0].get_extents()
    assert test.y1 == pytest.approx(77.2 * (1 - 0.5**20) + 0.1 / np.sqrt(3))


def test_figure3_shows_accuracy_gap_and_speed_by_block_size():
    figure = drawn("figure3", "paper")
    grid = np.array(figure.axes).reshape(3, 3)
    for row, target in zip(grid, ("clipart", "quickdraw", "real"), strict=True):
        tuned, scratch = np.transpose(list(PAPER.accuracies[target].values()))
        np.testing.assert_allclose(lines_of(row[0], BLUE)[0], 100 * tuned)
        np.testing.assert_allclose(lines_of(row[0], VERMILLION)[0], 100 * scratch)
        np.testing.assert_allclose(row[1].lines[1].get_ydata(), 100 * (1 - scratch / tuned), rtol=1e-3)
        np.testing.assert_allclose(lines_of(row[2], BLUE)[0], 85)
    named = [text.get_text() for text in grid[0, 0].get_xticklabels() if text.get_text()]
    assert named == ["*", "2", "7", "14", "28", "56", "224"]
    assert "42% on whole images and 9% in blocks of 1 px (real)" in title_of(figure)
    # a target whose images were not shuffled has no row
    assert len(drawn("figure3", "demo").axes) == 3
    assert "−26% in blocks of 1 px" in title_of(drawn("figure3", "demo"))


def test_curves_show_how_both_learn_in_blocks_of_each_size():
    figure = drawn("curves", "demo")
    tuned, scratch = figure.axes
    sizes = [28, 14, 7, 4, 2, 1]
    for axes, column, pace in ((tuned, 0, 0.5), (scratch, 1, 0.7)):
        assert [text.get_text() for text in axes.texts] == [str(size) for size in sizes]
        for line, size in zip(axes.lines, sizes, strict=True):
            ends = DEMO.accuracies["rotated"][size][column]
            np.testing.assert_allclose(line.get_ydata(), 100 * ends * (1 - pace ** np.arange(21)), atol=1e-9)
    assert "P-T from 68% to 14% and RI-T from 47% to 18% in blocks of 1 px (rotated)" in title_of(figure)
    assert len(drawn("curves", "paper").axes) == 2 * 3


def test_distances_are_shown_module_by_module():
    figure = drawn("distances", "demo")
    assert [axes.get_title() for axes in figure.axes[1:]] == ["rotated", "inverted", "sketch"]
    (between,) = lines_of(figure.axes[1], BLUE)
    np.testing.assert_allclose(between, [7.7 * np.sqrt(0.4), 7.7 * np.sqrt(0.6), 5.0])
    # P has no head for the target's classes
    (to_p,) = lines_of(figure.axes[1], "#000000")
    np.testing.assert_allclose(to_p, [6.1 * np.sqrt(0.4), 6.1 * np.sqrt(0.6)])
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == ["conv1", "fc5", "head"]
    assert "are 0.27 (" in title_of(figure) and "to 1.00 (head, " in title_of(figure)


def test_figure4_shows_the_path_of_each_pair_and_its_barrier():
    figure = drawn("figure4", "paper")
    accuracy, loss, key = figure.axes
    assert len(accuracy.lines) == 4
    (flat,), (steep,) = lines_of(accuracy, BLUE), lines_of(accuracy, VERMILLION)
    assert flat[10] == pytest.approx(77.2 * 1.002)
    assert steep[10] == pytest.approx(44.776 * 0.02, abs=1e-3)
    # the pair in one basin has no arrow
    arrows = [text for text in accuracy.texts if text.arrow_patch is not None]
    assert len(arrows) == 3
    tallest = arrows[-1]
    assert tallest.get_position()[1] - tallest.xy[1] == pytest.approx(44.776 * 0.98, abs=1e-3)
    named = {text.get_text().split("\n")[0]: text.get_text().split("\n")[1:] for text in key.texts}
    assert list(named) == ["P-T & P-T", "P-T & RI-T", "RI-T & RI-T same init", "RI-T & RI-T"]
    accuracy_barrier, loss_barrier = named["RI-T & RI-T"]
    assert accuracy_barrier == f"43.9 ± {0.1 / np.sqrt(3):.1f} points" and loss_barrier.endswith("± 0.00 nats")
    assert "falls by 0.0 points between two P-T, by 43.9 points between two RI-T (real)" in title_of(figure)
    assert accuracy.get_xlim() == loss.get_xlim() == (-0.5, 1.5)


@pytest.mark.parametrize(
    ("origin", "said"),
    [("estimated", "estimated anew"), ("interpolated", "not estimated anew"), ("none", "have no batch")],
)
@pytest.mark.parametrize(
    ("name", "table"),
    [("figure4", "path"), ("figure5", "modules"), ("figure6", "criticality"), ("figure6_loss", "criticality")],
)
def test_what_became_of_batch_norm_is_said(demo, name, table, origin, said):
    texts = texts_of(FIGURES[name](replaced(demo, table, batch_norm=origin), "demo"))
    assert any(said in text.get_text().replace("\n", " ") for text in texts)


def test_figure5_shows_the_drop_of_each_module():
    figure = drawn("figure5", "paper")
    (axes,) = figure.axes
    tuned, scratch = 100 * np.transpose(list(PAPER.drops.values()))
    np.testing.assert_allclose([lines_of(axes, BLUE)[0], lines_of(axes, VERMILLION)[0]], [tuned, scratch])
    assert [text.get_text() for text in axes.get_xticklabels()] == list(PAPER.drops)
    assert "Rewinding fc costs P-T most, 4.2 points; conv1 costs RI-T most, 19.6 points" in title_of(figure)


def test_figure6_shows_the_error_around_both_paths_and_the_edge_of_the_valley():
    figure = drawn("figure6", "demo")
    grid = np.array(figure.axes[:-1]).reshape(4, 6)
    ways = [f"{one}\n{path}\nσ" for one in ("P-T", "RI-T") for path in ("direct", "optimisation")]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == ways
    assert [axes.get_title().split("\n")[0] for axes in grid[0]] == list(DEMO.drops)
    shown = grid[2, 0].images[0].get_array()
    # lowest noise first, initial value first
    np.testing.assert_allclose(shown[0], 100 * (0.05 + 0.8 * np.array([0.6, 0.4, 0.2, 0, 0, 0])))
    assert shown[-1, -1] == pytest.approx(100 * (0.05 + 0.6 / 1.1))
    # the edge is between the last alpha that fails and the first that passes, for the three noises that do
    upright, level = grid[2, 0].collections
    assert {tuple(segment[:, 0]) for segment in upright.get_segments()} == {(2.5, 2.5)} and len(
        upright.get_segments()
    ) == 3
    assert {tuple(segment[:, 1]) for segment in level.get_segments()} == {(2.5, 2.5)} and len(level.get_segments()) == 3
    assert [axes.get_title().split("\n")[-1] for axes in grid[:, 5]] == ["‖θ−θ₀‖ 16", "", "‖θ−θ₀‖ 10", ""]
    assert title_of(figure).endswith("for 6 of 6 modules of P-T and 0 of 6 modules of RI-T (rotated)")


def test_figure6_shows_all_of_many_modules_in_two_lines():
    figure = drawn("figure6", "deep")
    assert modules_in(figure) == list(DEEP.drops)
    # four maps each
    assert sum(len(axes.images) for axes in figure.axes[:-1]) == 4 * 18
    assert title_of(figure).endswith("for 18 of 18 modules of P-T and 0 of 18 modules of RI-T (real)")


def test_figure6_has_shorter_lines_where_names_are_long_and_leaves_the_last_incomplete():
    long = {f"encoder.layers.encoder_layer_{number}": (0.01, 0.1) for number in range(5)}
    figure = FIGURES["figure6"](tables(dataclasses.replace(DEMO, drops=long), 1), "demo")
    legible(figure)
    assert modules_in(figure) == list(long)
    empty = [axes for axes in figure.axes if not axes.axison]
    assert len(empty) == 4 and not any(axes.images for axes in empty)


def test_figure6_shows_the_loss_around_the_same_points(demo):
    error, loss = (drawn(name, "demo") for name in ("figure6", "figure6_loss"))
    for one, other in zip(error.axes[:-1], loss.axes[:-1], strict=True):
        # in the tables, loss is three times the error
        np.testing.assert_allclose(other.images[0].get_array(), 3 * one.images[0].get_array() / 100)
        edges = ([part.get_segments() for part in axes.collections] for axes in (one, other))
        for mine, its in zip(*edges, strict=True):
            np.testing.assert_array_equal(mine, its)
    assert title_of(loss).endswith("in the median 0.00 nats for P-T and 1.44 nats for RI-T (rotated)")
    assert loss.axes[-1].get_xlabel() == "training loss (nats)"
    # what cannot be computed is not drawn, and does not hide the others
    lost = demo.criticality["loss"].where(demo.criticality["sigma"] < 1, np.inf)
    scale = FIGURES["figure6_loss"](replaced(demo, "criticality", loss=lost), "demo").axes[0].images[0].norm
    assert (scale.vmin, scale.vmax) == pytest.approx((3 * 0.049, 3 * 0.9))


def test_a_point_passes_up_to_epsilon_and_no_further(demo):
    at = demo.criticality["error"].where(demo.criticality["alpha"] > 0, demo.criticality["epsilon"])
    assert "6 of 6 modules of P-T and 6 of 6 modules of RI-T" in title_of(
        figure6.draw(replaced(demo, "criticality", error=at), "demo")
    )
    beyond = at.where(demo.criticality["alpha"] > 0, EPSILON + 0.01)
    assert "0 of 6 modules of P-T and 0 of 6" in title_of(
        figure6.draw(replaced(demo, "criticality", error=beyond), "demo")
    )


def test_figure7_shows_what_is_reached_from_each_checkpoint():
    figure = drawn("figure7", "demo")
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [0, 1, 2, 4, 9])
    np.testing.assert_allclose(lines_of(axes, BLUE)[0], [46.2, 56.5, 60.5, 65.1, 68.3])
    np.testing.assert_allclose(lines_of(axes, "#000000")[0], 1 + 74 * (1 - 0.9 ** np.array([0, 1, 2, 4, 9])))
    assert title_of(figure).endswith("from epoch 9 of P is matched, within 2.5 points, from epoch 9 on (rotated)")
    assert axes.get_ylabel() == "accuracy (%)"


def test_figure7_shows_auc_where_there_are_two_classes():
    figure = drawn("figure7", "paper")
    said = "from epoch 5 on (chexpert), from 29 on (clipart), from 1 on (quickdraw), from 29 on (real)"
    assert title_of(figure).endswith(said)
    reached = list(PAPER.checkpoints["chexpert"].values())
    np.testing.assert_allclose(lines_of(figure.axes[0], BLUE)[0], 100 * np.array(reached))
    assert [axes.get_ylabel() for axes in figure.axes] == ["AUC, accuracy (%)"] + 3 * ["accuracy (%)"]


@pytest.mark.parametrize("name", ["figure3", "curves", "figure7"])
def test_what_the_first_instance_alone_has_is_shown_of_it_alone(name):
    """The second one is there for whole images and the last checkpoint alone."""
    tables = made("demo")
    rows = {table: getattr(tables, table) for table in ("accuracy", "history")}
    other = {"accuracy": ["accuracy", "speed"], "history": ["top1"]}
    moved = {
        table: frame.assign(**{one: frame[one].mask(frame["instance"] == "2", 0.1) for one in other[table]})
        for table, frame in rows.items()
    }
    shown, unmoved = FIGURES[name](dataclasses.replace(tables, **moved), "demo"), drawn(name, "demo")
    assert title_of(shown) == title_of(unmoved)
    for axes, same in zip(shown.axes, unmoved.axes, strict=True):
        for line, unmoved_line in zip(axes.lines, same.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), unmoved_line.get_ydata())


def test_mistakes_are_shares_of_all_test_images():
    figure = drawn("mistakes", "demo")
    shares = figure.axes[2]
    widths = np.array([patch.get_width() for patch in shares.patches]).reshape(4, 3)
    # both wrong with the same label and with others, the first alone, the second alone, of each pair
    np.testing.assert_allclose(widths.T, [[15, 5, 4, 4], [7, 11, 6, 24], [12, 18, 12, 12]])
    # at the end of each share its standard error; that of the first alone, a point more and a point less, is no 0
    found = [np.array([segment[:, 0] for segment in lines.get_segments()]) for lines in shares.collections]
    np.testing.assert_allclose(np.mean(found, axis=2), np.cumsum(widths, axis=0))
    halves = np.diff(found, axis=2)[:, :, 0] / 2
    np.testing.assert_allclose(halves.T, 3 * [[0, 0, 1 / np.sqrt(3), 0]], atol=1e-9)
    assert not drawn("mistakes", "alone").axes[2].collections
    assert [text.get_text() for text in shares.get_yticklabels()] == ["P-T & P-T", "P-T & RI-T", "RI-T & RI-T"]
    jaccard = [line.get_xdata()[0] for line in figure.axes[3].lines if line.get_marker() == "o"]
    assert jaccard == pytest.approx([200 / 280, 180 / 480, 300 / 540])
    assert title_of(figure).endswith("by Jaccard on 3 of 3 targets, by κ on 3 of 3 targets")


def test_all_mistakes_of_all_targets_are_within_the_axes(demo):
    more = demo.mistakes["second_only"].where(demo.mistakes["target"] != "rotated", 600)
    axes = mistakes.draw(replaced(demo, "mistakes", second_only=more), "demo").axes[2]
    assert max(patch.get_x() + patch.get_width() for patch in axes.patches) <= axes.get_xlim()[1]


def test_mistakes_that_are_shared_less_are_counted_so(demo):
    worse = demo.mistakes["jaccard"] + 0.5 * (demo.mistakes["pair"] == "RI-T & RI-T") * (
        demo.mistakes["target"] == "sketch"
    )
    said = title_of(mistakes.draw(replaced(demo, "mistakes", jaccard=worse), "demo"))
    assert said.endswith("by Jaccard on 2 of 3 targets, by κ on 3 of 3 targets")


def test_the_profile_shows_medians_and_their_range():
    criticality, width, distance = drawn("profile", "demo").axes
    np.testing.assert_allclose(lines_of(criticality, BLUE)[0], 3.0 ** np.arange(6) - 1)
    np.testing.assert_allclose(lines_of(criticality, BLUE)[1], (3.0 ** np.arange(6) - 1) / 2)  # along the optimisation
    np.testing.assert_allclose(lines_of(width, VERMILLION)[0], 0.01 * np.arange(1, 7))
    np.testing.assert_allclose(lines_of(distance, BLUE)[0], 0.5 * 2.0 ** np.arange(6))
    band = criticality.collections[0].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx((3**5 - 1) * 1.01)
    assert criticality.get_yscale() == "symlog"
    # sums over six modules: 3^0 - 1 and so on, and 500 / (1 + depth), each with 1 % of it up and down
    sums = np.array([(3.0 ** np.arange(6) - 1).sum(), (500 / np.arange(1, 7)).sum()])
    assert sums == pytest.approx([358, 1225])
    said = criticality.get_xlabel().split("\n")
    assert said == ["network, sum of μ", "P-T: 358 (354 to 362)", "RI-T: 1.22e+03 (1.21e+03 to 1.24e+03)"]
    assert drawn("profile", "alone").axes[0].get_xlabel().split("\n")[1] == "P-T: 358"


def test_a_module_without_any_point_that_passes_is_left_out_of_the_profile_and_most_critical(demo):
    modules = demo.modules
    unknown = (modules["module"] == "conv3") & (modules["treatment"] == "RI-T")
    for missing in (np.nan, np.inf):
        figure = profile.draw(replaced(demo, "modules", mu=modules["mu"].mask(unknown, missing)), "demo")
        legible(figure)
        assert np.isnan(lines_of(figure.axes[0], VERMILLION)[0]).tolist() == [False, False, True, False, False, False]
        assert "head for P-T, conv3 for RI-T" in title_of(figure)
        assert figure.axes[0].get_xlabel().endswith("RI-T: ∞ (∞ to ∞)")
