"""Histogram equalisation of images."""

import numpy as np
import pytest

from transferscope.data.contrast import equalised


def test_values_are_spread_by_their_ranks():
    image = np.array([50, 50, 60, 200], np.uint8).reshape(1, 2, 2, 1)
    # two of four pixels have the lowest value; 1 and 2 of the two others are at most 60 and 200
    assert equalised(image).ravel().tolist() == [0, 0, 128, 255]


def test_every_range_of_values_becomes_equally_frequent(rng):
    dark = (60 * rng.random((2, 64, 64, 3)) ** 2 + 20).astype(np.uint8)
    found = equalised(dark)
    assert found.dtype == np.uint8 and found.shape == dark.shape
    for image in np.moveaxis(found, -1, 1).reshape(6, -1):
        assert (image.min(), image.max()) == (0, 255)
        # the darkest value is frequent, and stays together; what is lighter is spread evenly
        darkest = np.mean(image == 0)
        for level in (64, 128, 192, 255):
            assert np.mean(image <= level) == pytest.approx(darkest + (1 - darkest) * level / 255, abs=0.03)


def test_order_and_other_images_and_channels_do_not_matter(rng):
    images = rng.integers(0, 256, (3, 9, 7, 2), np.uint8)
    found = equalised(images)
    for index in np.ndindex(3, 2):
        one, spread = images[index[0], ..., index[1]].ravel(), found[index[0], ..., index[1]].ravel()
        alone = equalised(images[index[0] : index[0] + 1, ..., index[1] : index[1] + 1])
        np.testing.assert_array_equal(alone.ravel(), spread)
        assert (np.diff(spread[np.argsort(one, kind="stable")].astype(int)) >= 0).all()
    np.testing.assert_array_equal(equalised(images[:, ::-1]), found[:, ::-1])


def test_an_image_of_one_value_stays_as_it_is():
    flat = np.full((1, 4, 4, 1), 77, np.uint8)
    np.testing.assert_array_equal(equalised(flat), flat)
