"""What the figures of similarity in training show equals the tables, and their titles say what is so."""

import itertools

import numpy as np
import pandas as pd
import pytest
from figure_checks import legible
from similarity_tables import DEPTH, FIXED, GOES_ON, LAYERS, TRUE, final, history_table, runs, similarity_table

from transferscope.figures import style
from transferscope.figures.similarity import controls, estimators, figure1, figure2, figure3, figure4, figure5

RUNS = {run["run"]: run for run in runs()}
DRAWN = {
    "figure1": lambda similarity, history: figure1.draw(similarity, "demo"),
    "figure2": lambda similarity, history: figure2.draw(history, "demo"),
    "figure3": lambda similarity, history: figure3.draw(similarity, "demo"),
    "figure4": lambda similarity, history: figure4.draw(similarity, "demo"),
    "figure5": lambda similarity, history: figure5.draw(similarity, history, "demo"),
    "estimators": lambda similarity, history: estimators.draw(similarity, "demo"),
    "controls": lambda similarity, history: controls.draw(similarity, "demo"),
}


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three seeds, the second of which is as far above the first as the third is below it."""
    similarity, history = similarity_table(range(3)), history_table(range(3))
    similarity["value"] += 0.01 * similarity["seed"].map({0: 0, 1: 1, 2: -1})
    history["top1"] += 0.002 * history["seed"].map({0: 0, 1: 1, 2: -1})
    return similarity, history


def at_end(name: str, reference: str, factor: float = 1.0, epoch: int | None = None) -> np.ndarray:
    """Similarity of each layer of a run at its end, or at an epoch, mean over seeds, by a measure further from 1."""
    epoch = epoch or (TRUE if RUNS[name]["randomness"] == 0 else GOES_ON)
    return 1 - factor * (1 - final(RUNS[name])[reference]) * (1 - 0.5**epoch)


def lines_of(axes) -> list[np.ndarray]:
    return [line.get_ydata() for line in axes.lines]


def names_of(axes) -> list[str]:
    """What stands at the ends of lines."""
    return [text.get_text() for text in axes.texts]


def lift(similarity: pd.DataFrame, change: float, **where) -> None:
    chosen = pd.Series(True, index=similarity.index)
    for column, value in where.items():
        chosen &= similarity[column] == value
    assert chosen.any()
    similarity.loc[chosen, "value"] += change


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(similarity, history, name):
    figure = DRAWN[name](similarity, history)
    texts = legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT
    assert "demo scale · 3 seeds" in texts
    assert any("standard error" in text for text in texts)
    assert name == "figure2" or any("fashion" in text for text in texts)


@pytest.mark.parametrize("name", DRAWN)
def test_one_seed_is_drawn_without_bands_and_without_a_null(similarity, history, name):
    alone = similarity[(similarity["seed"] == 0) & ~similarity["reference"].isin(["other seed", "untrained"])]
    figure = DRAWN[name](alone, history[history["seed"] == 0])
    legible(figure)
    for axes in figure.axes:
        assert not any(np.isfinite(band.get_paths()[0].vertices).all() for band in axes.collections if band.get_paths())
        assert "two seeds" not in names_of(axes)


def test_the_papers_own_number_of_degrees_and_sizes_stays_legible():
    many = similarity_table(range(2), (0, 1, 3, 5, 7, 9), (100, 500, 1000, 5000, 10000))
    for figure in (figure3.draw(many, "paper"), figure4.draw(many, "paper"), estimators.draw(many, "paper")):
        legible(figure)


def test_figure1_follows_each_layer_to_the_fixed_length_and_dotted_to_the_end(similarity):
    (axes,) = figure1.draw(similarity, "demo").axes
    solid, dotted = axes.lines[2], axes.lines[3]
    np.testing.assert_array_equal(solid.get_xdata(), [0, 1, 4, 8])
    expected = [at_end("pretrain-random0", "init", epoch=epoch)[1] for epoch in (1, 4, 8)]
    np.testing.assert_allclose(solid.get_ydata(), [1, *expected])
    np.testing.assert_array_equal(dotted.get_xdata(), [FIXED["pretrain"], TRUE])
    np.testing.assert_allclose(dotted.get_ydata(), [expected[-1], at_end("pretrain-random0", "init")[1]])
    top = axes.collections[2].get_paths()[0].get_extents().y1
    assert top == pytest.approx(1 + 0.01 / np.sqrt(3))  # the seeds' standard error, above the start
    assert names_of(axes) == LAYERS


def test_figure1_of_a_run_that_never_went_on_has_no_dotted_line(similarity):
    (axes,) = figure1.draw(similarity[similarity["checkpoint"] != "end"], "demo").axes
    assert len(axes.lines) == len(LAYERS)
    assert names_of(axes) == LAYERS


def test_figure1_says_that_change_grows_with_depth_only_if_it_does(similarity):
    assert "Deeper convolutional layers" in figure1.draw(similarity, "demo").get_suptitle()
    lift(similarity, -0.6, run="pretrain-random0", checkpoint="end", layer="block2")
    title = figure1.draw(similarity, "demo").get_suptitle()
    assert "changes block2 most and block1 least" in title.replace("\n", " ")


def test_figure2_shows_every_degree_and_what_ended_keeps_its_value(history):
    loss, training, test = figure2.draw(history, "demo").axes
    assert [len(axes.lines) for axes in (loss, training, test)] == [6, 6, 6]  # of each degree a line and its dots
    np.testing.assert_allclose(loss.lines[2].get_ydata(), 4 * 0.8 ** np.arange(1, GOES_ON + 1))
    reached = 0.1 + 0.75 * (1 - 0.5**10)
    np.testing.assert_allclose(test.lines[1].get_xdata(), [TRUE, GOES_ON])
    np.testing.assert_allclose(test.lines[1].get_ydata(), [100 * reached] * 2)
    band = training.collections[0].get_paths()[0].get_extents()
    assert band.y1 == pytest.approx(100 * (0.1 + 0.895 * (1 - 0.5**10) + 0.002 / np.sqrt(3)))
    assert names_of(test) == ["d=0", "d=3", "d=9"]


def test_figure2_carries_a_seed_that_ended_before_the_others(history):
    late = (history["run"] == "pretrain-random9") & (history["epoch"] == GOES_ON) & (history["seed"] < 2)
    test = figure2.draw(history[~late], "demo").axes[2]
    assert test.lines[4].get_xdata()[-1] == GOES_ON
    np.testing.assert_allclose(test.lines[4].get_ydata(), 10)


def test_figure2_says_what_is_slower_and_what_generalises_less_only_if_it_is_so(history):
    assert "slower they are learned and the less they generalise" in figure2.draw(history, "demo").get_suptitle()
    of_random = (history["run"] == "pretrain-random9") & (history["split"] == "test")
    history.loc[of_random, "top1"] += 0.6
    title = figure2.draw(history, "demo").get_suptitle()
    assert "slower" in title and "generalise" not in title
    history.loc[(history["run"] == "pretrain-random9") & (history["epoch"] == 1), "loss"] = 0
    assert "slower" not in figure2.draw(history, "demo").get_suptitle()


def test_figure3_shows_degrees_and_sizes_at_the_end_and_at_the_fixed_length(similarity):
    figure = figure3.draw(similarity, "demo")
    panels = np.array(figure.axes).reshape(2, 2)
    for stage, (degrees, sizes) in zip((None, FIXED["pretrain"]), panels, strict=True):
        of_degrees = [at_end(f"pretrain-random{d}", "init", epoch=stage) for d in (0, 3, 9)]
        np.testing.assert_allclose(lines_of(degrees), of_degrees)
        of_sizes = [at_end(f"pretrain-random9-size{n}", "init", epoch=stage) for n in (100, 1000)]
        np.testing.assert_allclose(lines_of(sizes), [*of_sizes, of_degrees[-1]])
        assert names_of(sizes) == ["100", "1,000", "all"]
    assert [axes.get_ylabel().split("\n")[1] for axes in panels[:, 0]] == ["when training ended", "after 8 epochs"]
    assert [text.get_text() for text in panels[1, 0].get_xticklabels()] == LAYERS


def test_figure3_counts_the_early_layers_that_stay_nearer_on_random_labels_at_each_stage(similarity):
    def title():
        return figure3.draw(similarity, "demo").get_suptitle().replace("\n", " ")

    said = "On random labels, {} of 3 early layers stay nearer to their initialisation than on true labels"
    assert title() == f"{said.format(3)} when training ended, 3 of 3 after 8 epochs"
    # so much that the mean over the three is still above that of true labels
    lift(similarity, -0.08, run="pretrain-random9", checkpoint="end", layer="block2")
    lift(similarity, -0.3, run="pretrain-random9", checkpoint="epoch8")
    assert title() == f"{said.format(2)} when training ended, 0 of 3 after 8 epochs"


@pytest.mark.parametrize("draw", [figure3.draw, figure4.draw])
def test_there_is_one_row_where_no_run_went_on(similarity, draw):
    figure = draw(similarity[similarity["checkpoint"] != "end"], "demo")
    assert "epochs" in figure.axes[0].get_ylabel() and "ended" not in figure.axes[0].get_ylabel()
    assert len({round(axes.get_position().y0, 6) for axes in figure.axes}) == 1


def test_figure4_shows_degrees_domains_and_tasks_against_the_pre_trained_weights(similarity):
    degrees, domains, tasks = figure4.draw(similarity, "demo").axes[:3]
    np.testing.assert_allclose(lines_of(degrees), [at_end(f"finetune-random{d}", "pre") for d in (0, 3, 9)])
    names = ("finetune-cross", "finetune-cross-random9")
    np.testing.assert_allclose(lines_of(domains), [at_end(name, "pre") for name in names])
    names = ("finetune-random0", "finetune-shifted1", "finetune-cross", "finetune-random9")
    np.testing.assert_allclose(lines_of(tasks), [at_end(name, "pre") for name in names])
    assert names_of(tasks) == ["same task", "shifted labels", "cross-domain", "random labels"]


def test_figure4_counts_the_cases_in_which_random_labels_change_more(similarity):
    assert "take every convolutional layer further" in figure4.draw(similarity, "demo").get_suptitle()
    # so much that the mean over layers is still below that of true labels
    lift(similarity, 0.3, run="finetune-cross-random9", checkpoint="end", reference="pre", layer="block1")
    title = figure4.draw(similarity, "demo").get_suptitle().replace("\n", " ")
    assert title.endswith("in 15 of 16 cases: layers by domains and stages")


def test_figure5_shows_both_references_and_the_training_accuracy_reached(similarity, history):
    figure = figure5.draw(similarity, history, "demo")
    panels = np.array(figure.axes).reshape(2, 4)
    for axes, name in zip(panels[0], ("random0", "random9", "shifted1", "cross"), strict=True):
        np.testing.assert_allclose(lines_of(axes), [at_end(f"finetune-{name}", one) for one in ("pre", "init")])
    titles = [[axes.get_title() for axes in row] for row in panels]
    fixed = {epochs: 0.1 + 0.895 * (1 - 0.5 ** (10 * FIXED["finetune"] / epochs)) for epochs in (TRUE, GOES_ON)}
    assert titles[0][1] == "random labels\ntraining accuracy 99%"
    assert titles[1][0] == f"training accuracy {fixed[TRUE]:.0%}"
    assert titles[1][1] == f"training accuracy {fixed[GOES_ON]:.0%}"


def test_figure5_counts_the_layers_that_unlearn_at_each_stage(similarity, history):
    lift(similarity, 0.5, run="finetune-random9", checkpoint="end", reference="pre", layer="block3")
    title = figure5.draw(similarity, history, "demo").get_suptitle().replace("\n", " ")
    assert title.startswith("Random labels leave 3 of 4 convolutional layers nearer to the initialisation")
    assert title.endswith("when training ended, 4 of 4 after 6 epochs")


def test_the_main_panels_are_shown_by_three_measures_side_by_side(similarity):
    figure = estimators.draw(similarity, "demo")
    panels = np.array(figure.axes).reshape(4, 3)
    assert [axes.get_title() for axes in panels[0]] == ["biased CKA", "debiased CKA", "RSA"]
    for column, factor in zip(panels.T, (1.0, 1.1, 1.2), strict=True):
        expected = [at_end(f"pretrain-random{d}", "init", factor) for d in (0, 3, 9)]
        np.testing.assert_allclose(lines_of(column[0]), expected)
        expected = [at_end("finetune-random9", reference, factor) for reference in ("pre", "init")]
        np.testing.assert_allclose(lines_of(column[3]), expected)
    assert "Debiased CKA orders 100%" in figure.get_suptitle() and "RSA 100%" in figure.get_suptitle()


def test_how_often_measures_agree_is_counted_over_pairs_of_points(similarity):
    # block4 of random labels trades places with that of true labels: 1 of 5 * (3 + 3 + 6 + 1) pairs
    lift(similarity, -0.4, run="pretrain-random9", checkpoint="end", measure="rsa", layer="block4")
    lines = estimators.draw(similarity, "demo").axes
    biased, rsa = (
        [
            above > below
            for axes in lines[column::3]
            for one, other in itertools.combinations(lines_of(axes), 2)
            for above, below in zip(one, other, strict=True)
        ]
        for column in (0, 2)
    )
    assert len(biased) == 65
    agreed = np.mean(np.equal(biased, rsa))
    assert agreed == pytest.approx(63 / 65)
    assert f"RSA {agreed:.0%}" in estimators.draw(similarity, "demo").get_suptitle()


def test_controls_show_the_null_and_untrained_nets_on_the_images_of_each_run(similarity):
    figure = controls.draw(similarity, "demo")
    panels = np.array(figure.axes).reshape(2, 5)
    assert [axes.get_title() for axes in panels[0]][1:3] == ["same task", "random labels"]
    null = 0.5 - 0.3 * DEPTH
    for factor, (pretraining, same, *_, cross) in zip((1.0, 1.1), panels, strict=True):
        assert [len(axes.lines) for axes in (pretraining, same, cross)] == [3, 4, 4]
        np.testing.assert_allclose(lines_of(same)[2], 1 - factor * (1 - null) * (1 - 0.5**TRUE))
        untrained = 1 - factor * (0.4 + 0.1 * DEPTH)
        np.testing.assert_allclose(lines_of(same)[3], untrained)
        np.testing.assert_allclose(lines_of(cross)[3], 0.9 * untrained)
    assert names_of(panels[0, -1]) == ["to pre-trained", "to initialisation", "two seeds", "two untrained"]


def test_controls_count_the_layers_above_the_null(similarity):
    assert "20 of 20 layers of fine-tuned nets" in controls.draw(similarity, "demo").get_suptitle()
    lift(similarity, 0.9, run="finetune-shifted1", checkpoint="end", reference="other seed", layer="head")
    assert "19 of 20 layers of fine-tuned nets" in controls.draw(similarity, "demo").get_suptitle()


def test_negative_similarities_are_shown(similarity):
    lift(similarity, -0.9, checkpoint="end", measure="cka_debiased", layer="head")
    figure = controls.draw(similarity, "demo")
    legible(figure)
    lowest = min(values.min() for axes in figure.axes for values in lines_of(axes))
    assert lowest < -0.5 and figure.axes[0].get_ylim()[0] < lowest
