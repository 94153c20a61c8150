"""What a model sees: scale, channels, size, normalisation, and the statistics behind it."""

import numpy as np
import pytest
import torch
from PIL import Image

from transferscope.data.inputs import Inputs, channel_statistics
from transferscope.data.tasks import Examples
from transferscope.errors import InputError


def examples_of(images: np.ndarray) -> Examples:
    count = len(images)
    return Examples(images, np.zeros(count, np.int64), ["only"], images.shape[-1], np.arange(count))


def plain(channels: int, image_size: int) -> Inputs:
    """Inputs that leave the values in [0, 1]."""
    return Inputs(channels, image_size, mean=[0] * channels, std=[1] * channels)


def test_values_are_scaled_and_normalised_per_channel(rng):
    images = rng.integers(0, 256, (4, 8, 8, 3), np.uint8)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    values = Inputs(3, 8, mean, std)(images, "cpu")
    assert values.shape == (4, 3, 8, 8) and values.dtype == torch.float32
    expected = ((images / 255 - mean) / std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(values.numpy(), expected, atol=1e-6)


def test_grey_images_are_repeated_for_a_model_of_colour(rng):
    images = rng.integers(0, 256, (2, 8, 8, 1), np.uint8)
    values = plain(3, 8)(images, "cpu")
    assert values.shape == (2, 3, 8, 8)
    for channel in range(3):
        np.testing.assert_allclose(values[:, channel], images[..., 0] / 255, atol=1e-7)


def test_coloured_images_become_the_grey_that_pil_knows(rng):
    images = rng.integers(0, 256, (1, 16, 16, 3), np.uint8)
    values = plain(1, 16)(images, "cpu")
    expected = np.asarray(Image.fromarray(images[0]).convert("L"))
    np.testing.assert_allclose(values[0, 0] * 255, expected, atol=1)


@pytest.mark.parametrize("size", [7, 45])
def test_another_size_is_reached_as_pil_reaches_it(rng, size):
    images = rng.integers(0, 256, (1, 28, 28, 1), np.uint8)
    values = plain(1, size)(images, "cpu")
    expected = np.asarray(Image.fromarray(images[0, :, :, 0]).resize((size, size), Image.Resampling.BILINEAR))
    assert values.shape == (1, 1, size, size)
    np.testing.assert_allclose(values[0, 0] * 255, expected, atol=1.5)


def test_rotated_images_and_single_images_are_accepted(rng):
    images = rng.integers(0, 256, (1, 8, 8, 1), np.uint8)
    values = plain(1, 8)(np.rot90(images, axes=(1, 2)), "cpu")
    np.testing.assert_allclose(values[0, 0], np.rot90(images[0, :, :, 0]) / 255, atol=1e-7)


def test_an_image_gives_the_same_input_in_any_batch(rng):
    images = rng.integers(0, 256, (9, 28, 28, 3), np.uint8)
    inputs = Inputs(1, 32, [0.3], [0.4])
    torch.testing.assert_close(inputs(images, "cpu")[4:6], inputs(images[4:6], "cpu"), rtol=0, atol=0)


def test_images_are_augmented_at_the_models_size_before_they_are_normalised(rng):
    images, seen = rng.integers(0, 256, (4, 8, 8, 3), np.uint8), []

    def halved(values):
        seen.append(values)
        return values / 2

    values = Inputs(1, 16, [0.3], [0.4])(images, "cpu", halved)
    (given,) = seen
    torch.testing.assert_close(given, plain(1, 16)(images, "cpu"), rtol=0, atol=0)
    torch.testing.assert_close(values, (given / 2 - 0.3) / 0.4)


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_are_those_of_all_pixels(rng, channels):
    images = rng.integers(0, 200, (600, 6, 6, channels), np.uint8)
    mean, std = channel_statistics(examples_of(images), channels)
    values = images.reshape(-1, channels) / 255
    assert mean == pytest.approx(values.mean(axis=0), rel=1e-6)
    assert std == pytest.approx(values.std(axis=0), rel=1e-6)
    assert all(isinstance(number, float) for number in mean + std)


def test_statistics_normalise_what_the_model_sees(rng):
    images = rng.integers(0, 256, (50, 8, 8, 3), np.uint8)
    mean, std = channel_statistics(examples_of(images), channels=1)
    values = Inputs(1, 8, mean, std)(images, "cpu")
    assert values.mean().item() == pytest.approx(0, abs=1e-5)
    assert values.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_constant_images_have_no_statistics():
    with pytest.raises(InputError, match="all images are the same in a channel"):
        channel_statistics(examples_of(np.full((5, 4, 4, 1), 77, np.uint8)), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 8, [0, 0], [1, 1]), "channels is 2, expected 1"),
        ((3, 8, [0], [1]), "1 means and 1 deviations, expected 3"),
        ((1, 8, [0], [0]), "expected positive numbers"),
        ((1, 8, [0], [float("nan")]), "expected positive numbers"),
    ],
)
def test_a_normalisation_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Inputs(*arguments)


def test_the_facts_of_a_checkpoint_tell_what_its_network_wants():
    facts = {
        "architecture": {"library": "small", "name": "residual", "channels": 3, "image_size": 32},
        "normalisation": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
    }
    wanted = Inputs.of(facts)
    assert (wanted.channels, wanted.image_size) == (3, 32)
    assert (wanted.mean, wanted.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
