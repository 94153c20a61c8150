"""What a model sees of an image: its channels, its size, its range of values."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from transferscope.data.tasks import Examples
from transferscope.errors import InputError

# ITU-R BT.601: what PIL and torchvision call grey
LUMA = (0.299, 0.587, 0.114)
STATISTICS_EXAMPLES = 50_000
IMAGES_AT_ONCE = 256


class Inputs:
    """Turns stored images into a model's input: channels, size and normalisation.

    channels:   1 (grey) or 3 (RGB).
    image_size: height and width in pixels.
    mean, std:  per channel, of values in [0, 1].
    Raises InputError if these do not fit together.
    """

    def __init__(self, channels: int, image_size: int, mean: Sequence[float], std: Sequence[float]):
        _check_channels(channels)
        if len(mean) != channels or len(std) != channels:
            raise InputError(
                f"normalisation has {len(mean)} means and {len(std)} deviations, expected {channels} of each"
            )
        if not min(std) > 0:
            raise InputError(f"normalisation has the deviations {list(std)}, expected positive numbers")
        self.channels = channels
        self.image_size = image_size
        self.mean = tuple(mean)
        self.std = tuple(std)

    @classmethod
    def of(cls, facts: Mapping) -> "Inputs":
        """What the network of a checkpoint wants, by the checkpoint's facts: its architecture and normalisation."""
        architecture = facts["architecture"]
        return cls(architecture["channels"], architecture["image_size"], **facts["normalisation"])

    def __call__(
        self,
        images: np.ndarray,
        device: torch.device | str,
        augment: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Images, uint8 (b, H, W, 1 or 3), as float32 (b, channels, image_size, image_size) on `device`.

        Values are scaled to [0, 1]; RGB becomes grey by its luma, grey becomes RGB by repetition; images of another
        size are resized (bilinear, antialiased); `augment` makes others of the same shape of them, as for training;
        then (value - mean) / std per channel.
        """
        values = _with_channels(torch.from_numpy(np.ascontiguousarray(images)).to(device), self.channels)
        if values.shape[-2:] != (self.image_size, self.image_size):
            values = torch.nn.functional.interpolate(
                values, (self.image_size, self.image_size), mode="bilinear", antialias=True
            )
        if augment is not None:
            values = augment(values)
        mean, std = (values.new_tensor(numbers).reshape(1, -1, 1, 1) for numbers in (self.mean, self.std))
        return (values - mean) / std


def channel_statistics(examples: Examples, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of values in [0, 1], over all pixels of the examples.

    channels: 1 or 3, those of the model; images are converted first. Of more than 50,000 examples the first 50,000
    count (a class-balanced sample). Raises InputError if a channel is constant.
    """
    _check_channels(channels)
    total, squares, pixels = torch.zeros(channels, dtype=torch.float64), torch.zeros(channels, dtype=torch.float64), 0
    count = min(len(examples), STATISTICS_EXAMPLES)
    for start in range(0, count, IMAGES_AT_ONCE):
        images = examples.images(np.arange(start, min(start + IMAGES_AT_ONCE, count)))
        values = _with_channels(torch.from_numpy(np.ascontiguousarray(images)), channels).double()
        total += values.sum(dim=(0, 2, 3))
        squares += values.square().sum(dim=(0, 2, 3))
        pixels += values[:, 0].numel()
    mean = total / pixels
    std = (squares / pixels - mean.square()).clamp(min=0).sqrt()
    if not (std > 1e-6).all():
        raise InputError(
            f"all images are the same in a channel (standard deviations {std.tolist()}): is the dataset right?"
        )
    return tuple(mean.tolist()), tuple(std.tolist())


def _with_channels(images: torch.Tensor, channels: int) -> torch.Tensor:
    """uint8 (b, H, W, 1 or 3) as float32 (b, channels, H, W) in [0, 1]."""
    values = images.permute(0, 3, 1, 2).to(torch.float32) / 255
    if values.shape[1] == channels:
        return values
    if channels == 3:
        return values.expand(-1, 3, -1, -1)
    return (values * values.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _check_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise InputError(f"channels is {channels}, expected 1 (grey) or 3 (RGB)")
