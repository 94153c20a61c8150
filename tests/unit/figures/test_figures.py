"""What the figures show equals the data; nothing overlaps or is cut off; files repeat to the byte."""

import itertools
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from figure_checks import legible, texts_of
from matplotlib.colors import to_rgb

from transferscope import store
from transferscope.errors import InputError
from transferscope.figures import style
from transferscope.figures.tas import figure1, figure2, table1

MODELS = {"small_residual": "ResNet-50", "small_dense": "DenseNet-121", "small_transformer": "ViT-B/16", "plain": None}
TARGETS = {"same": "control", "rotated": "near", "digits": "far"}
LAYERS = {"small_residual": 9, "small_dense": 14, "small_transformer": 11, "plain": 5}
LEVEL = {"same": 0.02, "rotated": 0.06, "digits": 0.12}


def scores_of(model: str, target: str, seed: int, epochs: int = 4) -> list[dict]:
    """Scores that rise to a level of their own for each model, target, seed and estimator."""
    rows = []
    level = LEVEL[target] * (1 + list(MODELS).index(model)) + 0.001 * seed
    for epoch in range(epochs + 1):
        for factor, estimator in ((1.0, "biased"), (1.2, "debiased"), (0.8, "minibatch")):
            last, value = epoch == epochs, factor * level * (1 - 0.5**epoch)
            known = last and estimator != "minibatch"
            row = {"model": model, "target": target, "seed": seed, "checkpoint": f"epoch{epoch}", "epoch": epoch}
            row |= {"step": 10 * epoch, "estimator": estimator, "layers": LAYERS[model], "tas": value}
            row |= {"low": 0.9 * value if known else np.nan, "high": 1.1 * value if known else np.nan}
            row |= {"null": 0.01 if last else np.nan, "top1": 0.9 - 0.5**epoch - 0.01 * seed, "parameter_change": 0.03}
            rows.append(row)
    return rows


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return pd.DataFrame([row for run in itertools.product(MODELS, TARGETS, range(3)) for row in scores_of(*run)])


@pytest.fixture
def changes(rng) -> dict[tuple[str, str], np.ndarray]:
    return {
        (model, target): LEVEL[target] * rng.standard_normal((3, LAYERS[model], LAYERS[model]))
        for model in MODELS
        for target in TARGETS
    }


@pytest.fixture(params=["table1", "figure1", "figure2"])
def drawn(request, scores, changes):
    """Each figure of the paper, at a size with four models and three targets."""
    if request.param == "table1":
        return table1.draw(table1.rows(scores, MODELS, "rotated"), "fashion_mnist", "demo")
    if request.param == "figure1":
        return figure1.draw(changes, MODELS, TARGETS, "biased", "demo")
    return figure2.draw(scores, MODELS, TARGETS, "demo")


def test_every_figure_is_legible_fits_the_page_and_says_its_scale_and_seeds(drawn):
    assert "demo scale · 3 seeds" in legible(drawn)
    assert drawn.get_figwidth() <= style.PAGE_WIDTH


def test_the_papers_own_grid_of_panels_fits_a_page_and_stays_legible(rng):
    models = {f"densenet121_at_{size}": "DenseNet-121" for size in (32, 64, 96, 128, 160, 192, 224)}
    targets = {"eurosat": "far", "pcam": "far", "stanford_cars": "near", "dtd": "near", "cifar10": "near"}
    changes = {pair: rng.standard_normal((2, 433, 433)) for pair in itertools.product(models, targets)}
    figure = figure1.draw(changes, models, targets, "debiased", "paper")
    assert figure.get_figwidth() <= style.PAGE_WIDTH and figure.get_figheight() <= style.PAGE_HEIGHT
    legible(figure)


def test_an_unknown_scale_is_refused():
    with pytest.raises(InputError, match="demo, reduced, paper, found 'full'"):
        style.scale_note("full", 3)


def test_table1_puts_our_numbers_beside_the_papers(scores):
    rows = {row["model"]: row for row in table1.rows(scores, MODELS, "rotated")}
    assert list(rows) == list(MODELS)
    row = rows["small_transformer"]
    assert set(row) == set(table1.COLUMNS)
    assert (row["paper_accuracy"], row["paper_layers"], row["paper_tas"]) == (95.2, 140, 0.1528)
    assert (row["seeds"], row["layers"]) == (3, 11)
    # the level 0.18 + 0.001 seed has reached 15/16 at the last epoch; accuracies are 0.8375 - 0.01 seed
    assert row["tas_biased"] == pytest.approx((0.18 + 0.001) * 15 / 16)
    assert row["tas_error_biased"] == pytest.approx(0.001 * 15 / 16 / np.sqrt(3))
    assert row["tas_low_debiased"] == pytest.approx(0.9 * 1.2 * 0.181 * 15 / 16)
    assert row["tas_low_minibatch"] is None
    assert row["tas_above_null_biased"] == pytest.approx(0.181 * 15 / 16 - 0.01)
    assert row["accuracy"] == pytest.approx(82.75)
    assert row["accuracy_error"] == pytest.approx(1 / np.sqrt(3))
    assert rows["plain"]["paper_tas"] is None


def test_table1_with_one_seed_knows_no_error(scores):
    row = table1.rows(scores[scores["seed"] == 0], MODELS, "rotated")[0]
    assert row["tas_error_biased"] is None and row["tas_biased"] == pytest.approx(0.06 * 15 / 16)


def test_table1_prints_both_columns_and_names_the_other_target(scores):
    rows = table1.rows(scores, MODELS, "rotated")
    printed = [text.get_text() for text in texts_of(table1.draw(rows, "fashion_mnist", "demo"))]
    assert "0.1528" in printed and f"{rows[2]['tas_biased']:.4f}" in printed
    assert "paper: CIFAR-10" in printed and "reproduced, demo scale: rotated" in printed
    title = next(text for text in printed if "lowest" in text)
    assert "lowest for small-residual (0.057) and highest for plain (0.226)" in title
    assert "Target: rotated (fashion-mnist); in the paper: CIFAR-10" in title
    same = table1.draw(rows, "cifar10", "paper")
    assert "as in the paper" in same.get_suptitle()


def panels_of(figure) -> list:
    return [axes for axes in figure.axes if axes.images]


def test_figure1_shows_the_seed_mean_of_every_model_and_target_on_one_scale(changes):
    figure = figure1.draw(changes, MODELS, TARGETS, "biased", "demo")
    panels = panels_of(figure)
    assert len(panels) == len(MODELS) * len(TARGETS)
    for axes, pair in zip(panels, itertools.product(MODELS, TARGETS), strict=True):
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), changes[pair].mean(0))
        assert image.get_clim() == panels[0].images[0].get_clim()
        assert image.get_clim()[0] == -image.get_clim()[1]
        assert image.origin == "lower"
        assert axes.get_title() == f"TAs {np.abs(changes[pair]).mean():.3f}"


def test_figure1_of_one_model_and_target_is_legible(changes):
    legible(
        figure1.draw(
            {("plain", "digits"): changes["plain", "digits"][:1]}, {"plain": None}, {"digits": "far"}, "biased", "demo"
        )
    )


def test_figure1_says_far_targets_change_more_only_if_they_do_for_every_model(changes):
    assert "Far targets" in figure1.draw(changes, MODELS, TARGETS, "biased", "demo").get_suptitle()
    changes["plain", "rotated"] *= 10
    title = figure1.draw(changes, MODELS, TARGETS, "biased", "demo").get_suptitle()
    assert "Far targets" not in title and "most in plain on rotated" in title.replace("\n", " ")


def test_figure2_shows_mean_and_standard_error_over_epochs(scores):
    figure = figure2.draw(scores, MODELS, TARGETS, "demo")
    upper, lower = np.array(figure.axes).reshape(2, len(TARGETS))[:, 1]
    line, null = upper.lines[2 * list(MODELS).index("small_dense") :][:2]
    epochs = np.arange(5)
    level, shape = 0.12 + 0.001, 1 - 0.5**epochs
    np.testing.assert_allclose(line.get_xdata(), epochs)
    np.testing.assert_allclose(line.get_ydata(), level * shape)
    np.testing.assert_allclose(null.get_ydata(), 0.01)
    edge = upper.collections[1].get_paths()[0].get_extents()
    assert edge.y1 == pytest.approx(level * shape[-1] + 0.001 * shape[-1] / np.sqrt(3))
    np.testing.assert_allclose(lower.lines[1].get_ydata(), 100 * (0.89 - 0.5**epochs))
    assert "82%" not in figure.get_suptitle() and "80%" in figure.get_suptitle()  # (1 - 1/4) / (1 - 1/16)


def test_figure2_has_room_for_checkpoints_between_epochs_and_at_their_end(scores):
    early = scores[scores["epoch"] == 1].assign(step=5, epoch=0.5, checkpoint="step5")
    again = scores[scores["epoch"] == 4].assign(checkpoint="step40", null=np.nan)
    figure = figure2.draw(pd.concat([scores, early, again]), MODELS, TARGETS, "demo")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_xdata(), [0, 0.5, 1, 2, 3, 4])


def test_figure2_of_one_seed_draws_no_band(scores):
    figure = figure2.draw(scores[scores["seed"] == 0], MODELS, TARGETS, "demo")
    legible(figure)
    assert not any(
        np.isfinite(part.get_paths()[0].vertices).all() for part in figure.axes[0].collections if part.get_paths()
    )


def test_changes_are_read_from_the_last_epoch_of_each_seed(tmp_path, rng):
    path = tmp_path / "similarity.h5"
    with store.write_hdf5(path, "similarity", {}) as file:
        file.attrs["estimators"] = ["biased", "debiased", "minibatch"]
        file["m1"] = source = rng.random((3, 4, 4))
        tuned = {
            name: rng.random((3, 4, 4)) for name in ("0/epoch9", "0/epoch10", "0/step50", "11/epoch10", "2/epoch10")
        }
        for name, value in tuned.items():
            file[f"m2/{name}"] = value
    expected = [source[1] - tuned[name][1] for name in ("0/epoch10", "2/epoch10", "11/epoch10")]
    np.testing.assert_array_equal(figure1.read_changes(path, "debiased"), expected)


def test_saved_files_repeat_to_the_byte_and_carry_their_facts(tmp_path, scores):
    facts = {"rule": "draw", "config_digest": "abc", "seeds": [0, 1, 2]}
    for name, changing in (
        ("one", {"date": "today", "wall_seconds": 1}),
        ("two", {"date": "later", "wall_seconds": 2}),
    ):
        figure = figure2.draw(scores, MODELS, TARGETS, "demo")
        style.save(figure, [tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"], facts | changing)
    for suffix, magic in (("pdf", b"%PDF"), ("png", b"\x89PNG")):
        written = (tmp_path / f"one.{suffix}").read_bytes()
        assert written.startswith(magic) and len(written) > 10_000
        assert written == (tmp_path / f"two.{suffix}").read_bytes()
        assert b"today" not in written and b"CreationDate" not in written
        assert b"config_digest" in written


def test_saved_bytes_do_not_depend_on_the_order_of_hashes_or_the_users_settings(tmp_path):
    script = """if True:
        import sys

        import matplotlib
        matplotlib.rcParams.update({"font.size": float(sys.argv[2]), "savefig.bbox": sys.argv[3]})
        from transferscope.figures import style
        @style.styled
        def draw():
            figure = style.new_figure(3, 2, "A title", style.scale_note("demo", 1), "An explanation")
            figure.add_subplot().plot([1, 2], [3, 4])
            return figure
        style.save(draw(), [sys.argv[1] + ".pdf", sys.argv[1] + ".png"], {})
    """
    for name, size, box, seed in (("one", "8", "standard", "1"), ("two", "15", "tight", "2")):
        environment = {"PYTHONPATH": str(Path(style.__file__).parents[2]), "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", script, tmp_path / name, size, box], check=True, env=environment)
    for suffix in ("pdf", "png"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()


def test_a_file_of_another_kind_is_refused(tmp_path, scores):
    with pytest.raises(InputError, match=r"saved as \.pdf or \.png, found '\.jpg'"):
        style.save(figure2.draw(scores, MODELS, TARGETS, "demo"), [tmp_path / "figure.jpg"], {})


def test_spread_keeps_order_and_distance_and_moves_as_little_as_can_be(rng):
    for _ in range(20):
        wanted = rng.uniform(0, 10, 6)
        places = style.spread(wanted, 1.5)
        assert (np.argsort(places) == np.argsort(wanted)).all()
        assert (np.diff(np.sort(places)) >= 1.5 - 1e-9).all()
        assert places.mean() == pytest.approx(wanted.mean())
    np.testing.assert_allclose(style.spread([0, 0.5, 9], 2), [-0.75, 1.25, 9])


# Machado, Oliveira & Fernandes 2009: full protanopia, deuteranopia, tritanopia, on linear RGB
SIGHTS = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
RGB_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def linear(colour) -> np.ndarray:
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(linear_rgb) -> np.ndarray:
    """CIELAB of a linear RGB colour: distances are differences as seen, 2 is just visible."""
    xyz = RGB_TO_XYZ @ np.clip(linear_rgb, 0, 1) / RGB_TO_XYZ.sum(1)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_palette_is_told_apart_by_every_kind_of_sight(sight):
    seen = [lab(np.array(SIGHTS[sight]) @ linear(colour)) for colour in style.PALETTE]
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) > 15


def test_the_first_colours_stand_out_from_white_as_accessible_graphics_must():
    luminance = np.array([RGB_TO_XYZ[1] @ linear(colour) for colour in style.PALETTE])
    contrast = 1.05 / (luminance + 0.05)
    assert contrast[:5].min() >= 3 and contrast.min() > 2.2


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_diverging_map_darkens_evenly_on_both_sides_of_white_and_its_sides_differ(sight):
    seen = np.array(
        [lab(np.array(SIGHTS[sight]) @ linear(colour)) for colour in style.DIVERGING(np.linspace(0, 1, 65))[:, :3]]
    )
    lightness = seen[:, 0]
    assert (np.diff(lightness[:33]) > 0).all() and (np.diff(lightness[32:]) < 0).all()
    assert seen[32] == pytest.approx([100, 0, 0], abs=1.5)
    assert abs(lightness[:32][::-1] - lightness[33:]).max() < 16
    assert np.linalg.norm(seen[8:28] - seen[-9:-29:-1], axis=1).min() > 10


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_sequential_map_brightens_evenly(sight):
    colours = matplotlib.colormaps[style.SEQUENTIAL](np.linspace(0, 1, 65))[:, :3]
    steps = np.diff([lab(np.array(SIGHTS[sight]) @ linear(colour))[0] for colour in colours])
    assert steps.min() > 0 and steps.max() < 3 * steps.mean()


def test_many_lines_are_told_apart_by_colour_and_marker():
    kinds = list(style.line_styles(range(21)).values())
    assert len({(kind["color"], kind["marker"]) for kind in kinds}) == 21
    assert len({kind["marker"] for kind in kinds[:7]}) == len({kind["color"] for kind in kinds[:7]}) == 7


def test_no_line_of_text_ends_within_an_equation_or_a_name():
    words = "word " * 300 + " ".join(f"small-net{n} n = {n}," for n in range(40))
    figure = style.new_figure(4, 3, words, "demo scale", words)
    texts = [figure.get_suptitle(), *(text.get_text() for text in figure.texts)]
    lines = [line for text in texts for line in text.split("\n")]
    assert len(lines) > 40
    assert not any(line.startswith("= ") or line.endswith((" =", " n", "-")) for line in lines)
