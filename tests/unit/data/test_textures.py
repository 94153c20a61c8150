"""Generated textures: reproducible, balanced, learnable but not by pixel templates."""

import numpy as np
import pytest

from transferscope.data import datasets, textures
from transferscope.errors import InputError


def test_textures_do_not_depend_on_how_many_are_drawn_or_how_many_are_read_at_once():
    few, many = (textures.textures(images=count, classes=5, size=16).parts[0] for count in (12, 40))
    images, labels = many.read(0, 40)
    assert images.shape == (40, 16, 16, 1) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [8] * 5
    for start, stop in ((0, 12), (5, 9)):
        np.testing.assert_array_equal(few.read(start, stop)[0], images[start:stop])


def test_textures_are_told_apart_by_their_spectrum_better_than_by_their_pixels():
    images, labels = textures.textures(images=600).parts[0].read(0, 600)
    pixels = images.reshape(600, -1) / 255

    def accuracy_of_nearest_mean(features: np.ndarray) -> float:
        means = np.stack([features[:300][labels[:300] == label].mean(axis=0) for label in range(10)])
        nearest = np.linalg.norm(features[300:, None] - means, axis=-1).argmin(axis=1)
        return (nearest == labels[300:]).mean()

    spectrum = np.log(np.abs(np.fft.rfft2(pixels.reshape(600, 28, 28) - 0.5)) + 1).reshape(600, -1)
    assert accuracy_of_nearest_mean(pixels) < 0.3
    assert 0.5 < accuracy_of_nearest_mean(spectrum) < 0.98


@pytest.mark.parametrize("option", [{"classes": 11}, {"classes": 1}, {"images": 3}, {"size": 4}])
def test_textures_refuse_numbers_out_of_range(option, tmp_path):
    (name,) = option
    with pytest.raises(InputError, match=f"textures: {name} is {option[name]}, expected"):
        datasets.prepare({"loader": "textures", **option}, tmp_path, tmp_path / "textures.h5", {})
