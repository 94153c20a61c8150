"""What the figures of convergent learning show equals tables and examples, and their titles say what is so."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from convergent_tables import (
    ERRORS,
    KEPT,
    MATCHED,
    UNTRAINED_MATCHED,
    cluster_table,
    example_pair,
    layer_table,
    mapping_table,
    match_table,
    matched_units,
)
from figure_checks import legible, title_of
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from transferscope.convergence.examples import Examples, best_and_worst
from transferscope.figures import style
from transferscope.figures.convergent import (
    clusters,
    correlations,
    figure1,
    filters,
    layers,
    mapping,
    patches,
)
from transferscope.figures.convergent.panels import number, short

Tables = dict[str, object]
DRAWN: dict[str, Callable[[Tables, str], Figure]] = {
    "figure1": lambda made, scale: figure1.draw(made["examples"], made["matches"], made["layers"], scale),
    "correlations": lambda made, scale: correlations.draw(made["matches"], scale),
    "layers": lambda made, scale: layers.draw(made["layers"], scale),
    "filters": lambda made, scale: filters.draw(made["examples"], made["matches"], scale),
    "patches": lambda made, scale: patches.draw(made["examples"], made["matches"], scale),
    "mapping": lambda made, scale: mapping.draw(made["mapping"], scale),
    "clusters": lambda made, scale: clusters.draw(made["examples"], made["clusters"], scale),
}


def make(convolutional: int = 4, seeds: int = 3, channels: int = 1) -> Tables:
    matches = match_table(convolutional, seeds)
    tables = {"matches": matches, "layers": layer_table(matches), "mapping": mapping_table(convolutional, seeds)}
    return tables | {"clusters": cluster_table(convolutional, seeds), "examples": example_pair(channels)}


@pytest.fixture(scope="module")
def demo() -> Tables:
    return make()


@pytest.fixture(scope="module")
def paper() -> Tables:
    return make(convolutional=5, seeds=2, channels=3)


def fits(figure: Figure, scale: str, seeds: int) -> None:
    assert style.scale_note(scale, seeds) in legible(figure)
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT


@pytest.fixture(scope="module")
def drawn(demo) -> dict[str, Figure]:
    """Every figure at demo scale."""
    return {name: draw(demo, "demo") for name, draw in DRAWN.items()}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(name, drawn):
    fits(drawn[name], "demo", 3)


@pytest.mark.parametrize("name", ["filters", "patches"])
def test_two_networks_and_pictures_in_colour_are_drawn(name, paper):
    fits(DRAWN[name](paper, "paper"), "paper", 2)


@pytest.mark.parametrize("name", ["correlations", "layers", "mapping", "clusters"])
def test_a_net_of_many_layers_fits_the_page(name, paper):
    def deepened(table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([table, table.assign(layer=table["layer"] + ".second")], ignore_index=True)

    deep = {which: deepened(table) if isinstance(table, pd.DataFrame) else table for which, table in paper.items()}
    fits(DRAWN[name](deep, "reduced"), "reduced", 2)


def test_figure1_shows_matrices_and_puts_matches_on_the_diagonal(demo, drawn):
    figure = drawn["figure1"]
    *panels, _ = figure.axes
    for state, (within, other, natural, aligned) in zip(
        ("trained", "untrained"), (panels[:4], panels[4:]), strict=True
    ):
        example = demo["examples"].states[state]["conv1"]
        matrices = [panel.images[0].get_array() for panel in (within, other, natural, aligned)]
        half = len(example.unit) // 2
        np.testing.assert_array_equal(matrices[0], example.correlation[:half, :half])
        np.testing.assert_array_equal(matrices[1], example.correlation[half:, half:])
        np.testing.assert_array_equal(matrices[2], example.correlation[:half, half:])
        units, _, values = matched_units(state, "conv1", 0, 1)
        np.testing.assert_allclose(np.diag(matrices[3]), values[np.argsort(units)], rtol=1e-6)
        assert aligned.get_xlabel() == f"mean diagonal {number(values.mean())}"
        assert natural.get_xlabel() == f"mean diagonal {number(np.diag(matrices[2]).mean())}"
    assert "from 0.02 to 0.62; in untrained networks, from 0.02 to 0.55" in title_of(figure)


def test_figure1_says_what_is_so_of_all_pairs(demo):
    layers = demo["layers"].copy()
    of_pair = (layers["source"] == 1) & (layers["target"] == 2) & (layers["state"] == "trained")
    layers.loc[of_pair, ["natural", "aligned"]] = -0.07, 0.72
    figure = figure1.draw(demo["examples"], demo["matches"], layers, "demo")
    # of three pairs the others have 0.02, and 0.62 and 0.625
    assert "from −0.01 to 0.66; in" in title_of(figure)
    said = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
    assert "trained, −0.01 (−0.07 to 0.02) and 0.66 (0.62 to 0.72); untrained, 0.02 (0.02 to 0.02) and 0.55" in said


def test_figure1_puts_units_without_a_match_last(demo):
    """The unit that is dead in one network leaves one over in the other."""
    pair = {state: {"conv1": one["conv1"]} for state, one in demo["examples"].states.items()}
    lost = demo["matches"].query("state == 'trained' and layer == 'conv1' and method == 'matching'").index[3]
    matches = demo["matches"].copy()
    partner = matches.loc[lost, "partner"]
    matches.loc[lost, ["partner", "correlation"]] = np.nan
    figure = figure1.draw(Examples((0, 1), pair), matches, demo["layers"], "demo")
    aligned, example = figure.axes[3].images[0].get_array(), pair["trained"]["conv1"]
    assert aligned.shape == (12, 12)
    left_over = example.correlation[example.rows(0, [matches.loc[lost, "unit"]]), example.rows(1, [partner])]
    assert aligned[-1, -1] == left_over[0]


def test_correlations_show_each_unit_of_a_pair_and_the_mean_of_all_pairs(drawn):
    figure = drawn["correlations"]
    top, first, *others = figure.axes
    _, _, values = matched_units("trained", "conv1", 0, 1)
    semi, matching = (np.array([bar.get_height() for bar in bars]) for bars in top.containers)
    np.testing.assert_allclose(matching, values)
    np.testing.assert_allclose(semi, values + np.linspace(0, 0.06, 12))
    _, _, untrained = matched_units("untrained", "conv1", 0, 1)
    lines = [line.get_ydata() for line in top.lines]
    np.testing.assert_allclose(lines, [untrained + np.linspace(0, 0.06, 12), untrained])
    assert [line.get_linestyle() for line in top.lines] == ["--", "--"]
    assert [line.get_color() for line in top.lines] == [line.get_color() for line in first.lines[2:]]
    ends = [line.get_ydata()[[0, -1]] for line in first.lines]
    expected = [MATCHED["conv1"], MATCHED["conv1"], UNTRAINED_MATCHED["conv1"], UNTRAINED_MATCHED["conv1"]]
    np.testing.assert_allclose(ends, [(m + 0.3, m - 0.3 + g) for m, g in zip(expected, (0.06, 0) * 2, strict=True)])
    assert [line.get_linestyle() for line in first.lines] == ["-", "-", "--", "--"]
    assert [axes.get_title() for axes in (first, *others)] == ["conv1", "conv2", "conv3", "conv4", "fc6"]
    assert "0.65 with its semi-match and 0.62 with its match; untrained, 0.58 and 0.55" in title_of(figure)


def test_layers_show_means_and_the_range_over_pairs(drawn):
    figure = drawn["layers"]
    main, *small = figure.axes
    names = ["conv1", "conv2", "conv3", "conv4", "fc6"]
    drawn = [line.get_ydata() for line in main.lines]
    np.testing.assert_allclose(drawn[1], [MATCHED[name] for name in names])
    np.testing.assert_allclose(drawn[3], [UNTRAINED_MATCHED[name] for name in names])
    band = main.collections[1].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(MATCHED["conv1"] + 0.005)
    assert [text.get_text() for text in main.get_xticklabels()][3] == "conv4\n24"
    assert [axes.get_title() for axes in small] == list(layers.OTHERS)
    assert all(len(axes.lines) == 4 for axes in (main, *small))
    assert "most in conv1 (0.62), least in conv4 (0.38)" in title_of(figure)
    assert "most in fc6 (+0.22), least in conv1 (+0.07)" in title_of(figure)
    assert any("1 at most (conv4, untrained)" in text.get_text().replace("\n", " ") for text in figure.texts)


def test_layers_have_a_panel_for_each_kind_of_activations_that_was_run(demo):
    some = demo["layers"].query("activations == 'after' or samples == 'positions'")
    assert len(layers.draw(some, "demo").axes) == 3
    alone = layers.draw(demo["layers"].query("activations == 'after' and samples == 'positions'"), "demo")
    assert len(alone.axes) == 1
    legible(alone)


def pictures(axes) -> list[np.ndarray]:
    return [image.get_array() for image in axes.findobj(AxesImage)]


def test_filters_stand_with_their_match_the_best_first(demo, drawn):
    figure = drawn["filters"]
    for axes, state in zip(figure.axes, ("trained", "untrained"), strict=True):
        units, partners, values = matched_units(state, "conv1", 0, 1)
        assert [text.get_text() for text in axes.texts] == [short(value) for value in values]
        shown, example = pictures(axes), demo["examples"].states[state]["conv1"]
        assert len(shown) == 24
        best = example.filters[[units[0], 12 + partners[0]]]
        for picture, weights in zip(shown[:2], best, strict=True):
            red_over_blue = picture[..., 0].astype(float) - picture[..., 2]
            assert (np.sign(red_over_blue) == np.sign(weights[..., 0])).all()
    assert title_of(figure) == "Matched filters of conv1: trained from r = .92 to .32, untrained from r = .85 to .25"


def test_filters_of_three_channels_are_colours(paper):
    axes = DRAWN["filters"](paper, "paper").axes[0]
    units, _, _ = matched_units("trained", "conv1", 0, 1)
    weights = paper["examples"].states["trained"]["conv1"].filters[units[0]]
    np.testing.assert_allclose(pictures(axes)[0], 0.5 + weights / (2 * np.abs(weights).max()), rtol=1e-6)


def test_a_layer_of_the_papers_width_shows_its_filters_on_one_page(demo, rng):
    example = demo["examples"].states["trained"]["conv1"]
    wide = replace(
        example,
        network=np.repeat([0, 1], 200),
        unit=np.tile(np.arange(200), 2),
        correlation=np.zeros((400, 400), np.float32),
        filters=rng.standard_normal((400, 11, 11, 3)),
    )
    rows = {"method": "matching", "layer": "conv1", "activations": "after", "samples": "positions"}
    rows |= {
        "source": 0,
        "target": 1,
        "unit": range(200),
        "partner": range(200),
        "correlation": np.linspace(1, -1, 200),
    }
    matches = pd.concat([pd.DataFrame(rows | {"state": state}) for state in ("trained", "untrained")])
    figure = filters.draw(Examples((0, 1), {state: {"conv1": wide} for state in rows_of_states()}), matches, "paper")
    fits(figure, "paper", 2)
    written = [text.get_text() for text in figure.axes[0].texts]
    assert len(written) == filters.MOST and (written[0], written[-1]) == ("1.00", "−1.00")


def rows_of_states() -> tuple[str, str]:
    return "trained", "untrained"


def test_patches_show_both_units_of_each_pair(demo, drawn):
    figure = drawn["patches"]
    assert len(figure.axes) == 6
    for axes, (layer, state) in zip(
        figure.axes,
        ((layer, state) for layer in ("conv1", "conv2", "conv3") for state in rows_of_states()),
        strict=True,
    ):
        example = demo["examples"].states[state][layer]
        shown = pictures(axes)
        np.testing.assert_array_equal(
            [picture[..., :1] for picture in shown], example.patches.reshape(-1, *example.patches.shape[3:])
        )
        *_, values = matched_units(state, layer, 0, 1)
        written = [text.get_text() for text in axes.texts]
        assert written[:8] == [short(value) for value in values[best_and_worst(values, 4)]]
        assert f"{layer}\n{state}" in written
    assert "r = .92 to .32 in conv1, .80 to .20 in conv2, .75 to .15 in conv3" in title_of(figure)


def test_patches_leave_out_layers_without_any(demo):
    states = {
        state: {name: one if name == "conv1" else replace(one, shown=None, patches=None) for name, one in found.items()}
        for state, found in demo["examples"].states.items()
    }
    assert len(patches.draw(Examples((0, 1), states), demo["matches"], "demo").axes) == 2


def test_mapping_shows_errors_weights_and_the_papers_numbers(drawn):
    figure = drawn["mapping"]
    errors, weights = figure.axes[:5], figure.axes[5:]
    for axes, layer in zip(errors[:3], ("conv1", "conv2", "conv3"), strict=True):
        _, trained, untrained, paper = (line.get_ydata() for line in axes.lines)
        np.testing.assert_allclose(trained, ERRORS[layer])
        np.testing.assert_allclose(untrained, np.add(ERRORS[layer], 0.02))
        assert list(paper) == list(mapping.PAPER.get(layer, {}).values())
    for axes in weights:
        np.testing.assert_allclose([line.get_ydata() for line in axes.lines], [np.multiply(100, KEPT)] * 2)
    ticks = [text.get_text() for text in weights[0].get_xticklabels()]
    assert ticks == ["0", *(f"$10^{{{power}}}$" for power in range(-5, 0))]
    assert title_of(figure).endswith("error of 0.17 from 3.0 units (untrained: 0.19 from 3.0 units; paper: 0.17)")


def test_mapping_without_the_usual_decays_is_drawn(demo):
    figure = mapping.draw(demo["mapping"].query("decay != 0.001").replace({"decay": {1e-4: 2e-4}}), "demo")
    legible(figure)
    assert title_of(figure).startswith("At a decay of 0, ") and "paper: 0.17" in title_of(figure)
    assert [text.get_text() for text in figure.axes[5].get_xticklabels()][2] == "0.0002"


def test_no_error_of_the_mapping_is_cut_off(demo):
    table = demo["mapping"]
    rising = table.assign(error=table["error"] + 0.2 * (table["layer"] == "conv4"))
    (conv4,) = (axes for axes in mapping.draw(rising, "demo").axes if axes.get_title() == "conv4")
    highest = max(line.get_ydata().max() for line in conv4.lines[1:3])
    assert highest > 0.7 and conv4.get_ylim()[0] == 0 and conv4.get_ylim()[1] > highest


def test_clusters_show_their_blocks_and_what_is_shared(demo, drawn):
    figure = drawn["clusters"]
    trained, _, mixed, contrast, *_ = figure.axes
    example = demo["examples"].states["trained"]["conv1"]
    order = np.lexsort([example.network, example.cluster])
    assert list(zip(example.cluster[order], example.network[order], strict=True)) == sorted(
        zip(example.cluster, example.network, strict=True)
    )
    np.testing.assert_array_equal(trained.images[0].get_array(), example.correlation[np.ix_(order, order)])
    assert [line.get_ydata()[0] for line in trained.lines[::2]] == [5.5, 11.5, 17.5]
    np.testing.assert_allclose([line.get_ydata() for line in mixed.lines], [[100] * 5, [50] * 5])
    # within falls by 0.05 from cluster to cluster, from 0.5 and 0.3; outside is 0.05
    expected = np.mean([0.45, 0.4, 0.35, 0.3]), np.mean([0.25, 0.2])
    np.testing.assert_allclose([line.get_ydata() for line in contrast.lines], [[value] * 5 for value in expected])
    table = demo["clusters"]
    by = table["layer"].map({"conv2": 0.101, "fc6": -0.199}).fillna(0)
    title = title_of(clusters.draw(demo["examples"], table.assign(inside=table["inside"] + by), "demo"))
    assert "by 0.18 (fc6) to 0.48 (conv2) more" in title and title.endswith("untrained, by 0.03 to 0.33")
    apart = table.assign(inside=table["inside"].where(table["layer"] != "conv1"))
    *_, contrast = clusters.draw(demo["examples"], apart, "demo").axes[:4]
    assert [line.get_ydata()[0] for line in contrast.lines] == [0, 0]


def test_clusters_leave_out_layers_of_which_a_pair_has_none(demo):
    table = demo["clusters"]
    lacks = (table["layer"] == "conv4") & (table["state"] == "trained") & (table["target"] == 2)
    states = {
        state: {name: replace(one, cluster=None) for name, one in found.items()}
        for state, found in demo["examples"].states.items()
    }
    figure = clusters.draw(Examples((0, 1), states), table[~lacks], "demo")
    trained, _, *lines, _ = figure.axes
    assert not trained.lines  # without clusters, no lines between them
    for axes in lines[:2]:
        assert [len(line.get_xdata()) for line in axes.lines] == [4, 4]
        assert [text.get_text() for text in axes.get_xticklabels()] == ["conv1", "conv2", "conv3", "fc6"]


def test_small_numbers_have_a_true_minus_and_no_needless_zero():
    assert [short(value) for value in (0.456, -0.456, 1.0, -0.001)] == [".46", "−.46", "1.00", ".00"]
    assert number(-0.001) == "0.00"
