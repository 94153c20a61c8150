"""Outlines of images: Sobel's gradient, scaled so that they can be stored as any image."""

import numpy as np
import pytest
from scipy.ndimage import sobel

from transferscope.data.sketch import edges


def test_edges_are_the_magnitude_of_sobels_gradient(rng):
    images = rng.integers(0, 256, (3, 9, 7, 3), np.uint8)
    for image, found in zip(images, edges(images), strict=True):
        for channel in range(3):
            gradient = [sobel(image[..., channel].astype(float), axis=axis, mode="nearest") for axis in (0, 1)]
            expected = np.clip(np.hypot(*gradient) / 4, 0, 255)
            np.testing.assert_allclose(found[..., channel], expected, atol=0.51)
    assert edges(images).dtype == np.uint8


@pytest.mark.parametrize("axis", [1, 2])
def test_a_step_from_black_to_white_is_white_and_all_else_black(axis):
    image = np.zeros((1, 8, 8, 1), np.uint8)
    np.moveaxis(image, axis, 0)[4:] = 255
    found = np.moveaxis(edges(image), axis, 0)
    assert (found[3:5] == 255).all()
    assert (found[:3] == 0).all() and (found[5:] == 0).all()
    np.moveaxis(image, axis, 0)[4:] = 128
    assert (np.moveaxis(edges(image), axis, 0)[3:5] == 128).all()


def test_an_image_of_one_colour_has_no_edges_and_an_inverted_image_the_same(rng):
    assert not edges(np.full((1, 5, 5, 3), 200, np.uint8)).any()
    images = rng.integers(0, 256, (2, 6, 6, 1), np.uint8)
    np.testing.assert_array_equal(edges(images), edges(255 - images))
