"""Augmentation: what is drawn for each image, and images that are moved, turned, enlarged, mirrored and mixed."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from scipy.stats import kstest

from transferscope.data import augment
from transferscope.data.augment import Augment
from transferscope.errors import InputError
from transferscope.randomness import numpy_generator

SIDE = 16


@pytest.fixture
def images(rng) -> torch.Tensor:
    """Eight images of noise, of two channels: nothing in them is symmetrical."""
    return torch.from_numpy(rng.random((8, 2, SIDE, SIDE), np.float32))


def placed(images: torch.Tensor, right: int, down: int) -> torch.Tensor:
    """The images, written into black ones at another place."""
    canvas = torch.zeros(*images.shape[:2], 3 * SIDE, 3 * SIDE)
    canvas[..., SIDE + down : 2 * SIDE + down, SIDE + right : 2 * SIDE + right] = images
    return canvas[..., SIDE : 2 * SIDE, SIDE : 2 * SIDE]


def transformed(images: torch.Tensor, degrees=0.0, factors=1.0, offsets=(0, 0), mirrored=False) -> torch.Tensor:
    """`augment.transformed` with the same numbers for all images."""
    count = len(images)
    numbers = (np.full(count, degrees), np.full(count, factors), np.tile(offsets, (count, 1)), np.full(count, mirrored))
    return augment.transformed(images, *numbers)


# ---- whole pixels


@pytest.mark.parametrize("offsets", [(0, 0), (3, 0), (0, -2), (-5, 4), (SIDE, 0), (40, -40)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_whole_pixels_are_moved_as_they_are_and_leave_black_behind(images, offsets, mirrored):
    found = augment.moved(images, np.tile(offsets, (8, 1)), np.full(8, mirrored))
    inside = tuple(np.clip(offsets, -SIDE, SIDE))
    assert torch.equal(found, placed(images.flip(-1) if mirrored else images, *inside))


def test_each_image_is_moved_by_its_own_offsets_and_mirrored_by_its_own_draw(images):
    offsets, mirrored = np.arange(16).reshape(8, 2) - 7, np.arange(8) % 3 == 1
    found = augment.moved(images, offsets, mirrored)
    for position, (right, down) in enumerate(offsets.tolist()):
        image = images[position : position + 1]
        expected = placed(image.flip(-1) if mirrored[position] else image, right, down)
        assert torch.equal(found[position : position + 1], expected)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("offsets", [(0, 0), (2, -3)])
def test_moving_by_interpolation_is_moving_by_index_where_pixels_meet(images, offsets, mirrored):
    moved = augment.moved(images, np.tile(offsets, (8, 1)), np.full(8, mirrored))
    torch.testing.assert_close(transformed(images, offsets=offsets, mirrored=mirrored), moved, rtol=0, atol=1e-5)


# ---- affine maps


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_numpy(images, quarters):
    expected = torch.rot90(images, quarters, dims=(2, 3))
    assert expected.numpy() == pytest.approx(np.rot90(images, quarters, axes=(2, 3)))
    torch.testing.assert_close(transformed(images, degrees=90 * quarters), expected, rtol=0, atol=1e-5)


def test_an_image_that_is_enlarged_twofold_shows_its_middle_half(rng):
    middle = rng.random((SIDE // 2, SIDE // 2), np.float32)
    image = np.pad(middle, SIDE // 4)
    found = transformed(torch.from_numpy(image)[None, None], factors=2.0)[0, 0].numpy()
    # pixels of the enlarged image lie a quarter of a pixel off those of the image, in all directions
    assert found.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3)) == pytest.approx(
        scipy.ndimage.convolve1d(
            scipy.ndimage.convolve1d(image, [1 / 8, 3 / 4, 1 / 8], axis=0), [1 / 8, 3 / 4, 1 / 8], axis=1
        )[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4],
        abs=1e-5,
    )


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    ("degrees", "factor", "offsets"),
    [(0, 1, (2.3, -1.6)), (20, 1, (0, 0)), (-75, 1.3, (1.5, 0.2)), (170, 0.7, (-2.1, -3.3)), (33, 0.9, (5.5, 6.1))],
)
def test_affine_maps_are_those_of_scipy(images, degrees, factor, offsets, mirrored):
    found = transformed(images, degrees, factor, offsets, mirrored)[:, 0].numpy()
    # rows downwards and columns to the right, so that a turn to the left takes (0, 1), the right, to (-1, 0), upwards
    angle, centre = np.radians(degrees), (SIDE - 1) / 2
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    forwards = factor * turn @ np.diag([1, -1 if mirrored else 1])
    backwards = np.linalg.inv(forwards)
    offset = centre - backwards @ (centre + np.array(offsets)[::-1])
    for image, result in zip(images[:, 0].double().numpy(), found, strict=True):
        expected = scipy.ndimage.affine_transform(image, backwards, offset, order=1, mode="grid-constant")
        assert result == pytest.approx(expected, abs=1e-5)


# ---- draws


def warped(values: torch.Tensor, seed: int = 0, **fields) -> torch.Tensor:
    return Augment(**fields).warped(values, numpy_generator(seed, "augmentation"))


def drawn(**fields) -> dict[str, np.ndarray]:
    """What was drawn for each of 3,000 images, read from where three spots on a line and off it have gone."""
    side, spots = 40, np.array([[2.0, -5], [6, 3], [-4, 1]])
    places = np.arange(side) - (side - 1) / 2
    image = np.exp(-((places - spots[:, None, :1]) ** 2 + (places[:, None] - spots[:, 1:, None]) ** 2) / 8)
    found = warped(torch.from_numpy(image).float().expand(3000, -1, -1, -1), **fields).double().numpy()
    total = found.sum(axis=(2, 3))
    found = np.stack([found.sum(axis=2) @ places / total, found.sum(axis=3) @ places / total], axis=2)
    # (x, y, 1) of the spots times this is where they are
    columns = np.linalg.solve(np.column_stack([spots, np.ones(3)]), found)
    determinants = np.linalg.det(columns[:, :2])
    return {
        # y points downwards; where an image is mirrored, its second column still tells the turn
        "degrees": np.degrees(np.arctan2(columns[:, 1, 0], columns[:, 1, 1])),
        "factor": np.sqrt(np.abs(determinants)),
        "right": columns[:, 2, 0],
        "down": columns[:, 2, 1],
        "mirrored": (determinants < 0).astype(float),
    }


def assert_unrelated(draws: dict[str, np.ndarray]) -> None:
    assert np.abs(np.corrcoef(list(draws.values())) - np.eye(len(draws))).max() < 0.07


def test_without_anything_asked_for_images_stay_as_they_are(images):
    assert torch.equal(warped(images), images)


def test_turns_zooms_and_shifts_are_uniform_within_what_is_given():
    draws = drawn(rotation=30, zoom=0.2, shift=0.1, flip=True)
    for name, least, most in (("degrees", -30, 30), ("factor", 0.8, 1.2), ("right", -4, 4), ("down", -4, 4)):
        assert kstest((draws[name] - least) / (most - least), "uniform").pvalue > 1e-3, name
    assert_unrelated(draws)


@pytest.mark.parametrize("fields", [{"rotation": 30}, {"zoom": 0.2}, {"shift": 0.1}, {"crop": 3}, {"flip": True}])
def test_one_field_alone_changes_nothing_else(fields):
    changed = {"rotation": ["degrees"], "zoom": ["factor"], "flip": ["mirrored"]}.get(*fields, ["right", "down"])
    unchanged = {"degrees": 0, "factor": 1, "right": 0, "down": 0, "mirrored": 0}
    for name, values in drawn(**fields).items():
        assert (np.std(values) > 0.1) == (name in changed), name
        if name not in changed:
            assert np.mean(values) == pytest.approx(unchanged[name], abs=0.02), name


@pytest.mark.parametrize("more", [{}, {"rotation": 1e-6}], ids=["by index", "by interpolation"])
def test_crops_are_shifts_by_whole_pixels_all_equally_often(more):
    draws = drawn(crop=3, flip=True, **more)
    for name in ("right", "down"):
        values, counts = np.unique(draws[name].round(3) + 0.0, return_counts=True)
        assert values.tolist() == [-3, -2, -1, 0, 1, 2, 3]
        assert np.abs(counts / 3000 - 1 / 7).max() < 0.025
    assert_unrelated({name: draws[name] for name in ("right", "down", "mirrored")})


def test_a_flip_is_one_in_two_and_nothing_else(images):
    values = images[:1].expand(400, -1, -1, -1)
    found = warped(values, flip=True)
    flipped = [torch.equal(image, images[0].flip(-1)) for image in found]
    assert all(
        torch.equal(image, images[0]) for image, is_flipped in zip(found, flipped, strict=True) if not is_flipped
    )
    assert 160 < sum(flipped) < 240


@pytest.mark.parametrize(
    "fields", [{"crop": 5}, {"rotation": 20}, {"shift": 0.2}, {"zoom": 0.2}, {"crop": 5, "rotation": 20, "flip": True}]
)
def test_every_image_of_a_batch_has_its_own_draw_the_same_for_the_same_seed(images, fields):
    values = images[:1].expand(6, -1, -1, -1)
    found = warped(values, **fields)
    assert all(not torch.equal(found[i], found[j]) for i in range(6) for j in range(i))
    assert torch.equal(warped(values, **fields), found)
    assert not torch.equal(warped(values, seed=1, **fields), found)


def test_an_image_is_drawn_alike_in_a_shorter_batch_and_with_more_asked_for(images):
    fields = {"rotation": 20, "shift": 0.2, "flip": True}
    torch.testing.assert_close(warped(images[:3], **fields), warped(images, **fields)[:3], rtol=0, atol=1e-6)
    plain, cropped = warped(images, crop=2), warped(images, crop=2, flip=True)
    same = [torch.equal(one, other) for one, other in zip(plain, cropped, strict=True)]
    assert 0 < sum(same) < 8


@pytest.mark.parametrize("fields", [{"crop": 4}, {"shift": 0.3}, {"zoom": 0.5}, {"rotation": 45}])
def test_what_comes_from_outside_is_black_and_the_rest_in_range(fields):
    found = warped(torch.ones(50, 1, SIDE, SIDE), **fields)
    assert found.shape == (50, 1, SIDE, SIDE) and found.dtype == torch.float32
    assert found.min() == 0 and found.max() == pytest.approx(1)
    assert (found[:, 0, SIDE // 2, SIDE // 2] > 0.99).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("fields", [{"crop": 14, "flip": True}, {"rotation": 30, "zoom": 0.2, "crop": 4}])
def test_a_gpu_gives_the_images_of_a_cpu_whatever_its_precision(rng, fields):
    values = torch.from_numpy(rng.random((8, 3, 227, 227), np.float32))
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        found = warped(values.cuda(), **fields).cpu()
    finally:
        torch.set_float32_matmul_precision(precision)
    torch.testing.assert_close(found, warped(values, **fields), rtol=0, atol=1e-4)


# ---- mixtures


def mixed(images: torch.Tensor, labels: torch.Tensor, seed: int = 0, mixup: float = 0.7):
    return Augment(mixup=mixup).mixed(images, labels, 4, numpy_generator(seed, "augmentation"))


def test_without_mixup_images_and_labels_stay_as_they_are(images):
    labels = torch.arange(8) % 4
    found = mixed(images, labels, mixup=0)
    assert found[0] is images and found[1] is labels


def test_images_and_labels_are_mixed_by_one_weight_with_one_partner_each(images):
    labels = torch.arange(4)
    found, shares = mixed(images[:4], labels, seed=1)
    assert shares.sum(dim=1).tolist() == pytest.approx([1] * 4)
    # with as many classes as images the shares are the recipe of each mixture
    expected = torch.einsum("ij,jchw->ichw", shares, images[:4])
    torch.testing.assert_close(found, expected)
    weights = shares.diag()[shares.diag() < 1]
    assert len(weights) > 0 and (weights == weights[0]).all() and weights[0] >= 0.5
    assert shares.sum(dim=0).tolist() == pytest.approx([1] * 4)


@pytest.mark.parametrize("alpha", [0.2, 0.7, 3.0])
def test_the_greater_of_the_two_weights_is_that_of_a_beta_distribution(alpha):
    labels = torch.tensor([0, 1])
    weights = np.array([mixed(labels.float(), labels, seed, alpha)[0][1].item() for seed in range(600)])
    # half the time the partner of the second of two images is itself
    beta = scipy.stats.beta(alpha, alpha)
    for quantile in (0.6, 0.75, 0.9, 0.97):
        expected = (2 * beta.cdf(quantile) - 1) / 2
        assert np.mean(weights < quantile) == pytest.approx(expected, abs=0.07)
    assert weights.min() >= 0.5


# ---- bad input


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rotation", -1),
        ("rotation", 181),
        ("shift", 1.0),
        ("shift", float("nan")),
        ("zoom", 1.0),
        ("zoom", -0.1),
        ("crop", -1),
        ("mixup", -0.7),
        ("mixup", float("inf")),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=rf"augment\.{key}: expected .*, found {value!r}: correct it in the config"):
        Augment(**{key: value})
