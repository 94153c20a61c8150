"""Augmentation: training images in a guise of their own each time they are seen, so that a model cannot learn them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transferscope.errors import expect

# a recipe holds an Augment, and the config is checked without torch
if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Augment:
    """What is drawn for each training image; the fields are the keys of `augment` in the config. All are off at 0.

    rotation: it is turned by up to so many degrees, either way.
    shift: it is moved by up to this fraction of its side, along each axis.
    zoom: it is enlarged or shrunk by up to this fraction: 0.1 means to 0.9 to 1.1 of its size.
    crop: it is cropped at random from itself with so many black pixels around it, which moves it by whole pixels.
    flip: it is mirrored, left to right, with probability 1/2.
    mixup: parameter alpha of the weight with which it is mixed with another image of its batch, see `mixed`.
    Raises InputError if a value is out of its range.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    crop: int = 0
    flip: bool = False
    mixup: float = 0.0

    def __post_init__(self):
        expect(0 <= self.rotation <= 180, "augment.rotation", "0 to 180 degrees", self.rotation)
        expect(0 <= self.shift < 1, "augment.shift", "0 or more and below 1", self.shift)
        expect(0 <= self.zoom < 1, "augment.zoom", "0 or more and below 1", self.zoom)
        expect(self.crop >= 0, "augment.crop", "0 or more", self.crop)
        expect(0 <= self.mixup < np.inf, "augment.mixup", "0 or more", self.mixup)

    def warped(self, values: "torch.Tensor", generator: np.random.Generator) -> "torch.Tensor":
        """Images, each turned, zoomed, moved and mirrored as it is drawn, all uniformly and independently.

        values: float32 (b, C, S, S), in [0, 1]. Returns the same; where an image has nothing to show it is 0, black.
        generator: gives seven draws an image, whatever is asked for: with one more field set the others' draws stay.
        Where only crop and flip are asked for, pixels keep their values: nothing is interpolated.
        """
        draws = generator.random((len(values), 7))
        turn, right, down, enlargement = 2 * draws[:, :4].T - 1
        offsets = np.floor(draws[:, 4:6] * (2 * self.crop + 1)).astype(np.int64) - self.crop
        mirrored = self.flip & (draws[:, 6] < 0.5)
        if not (self.rotation or self.shift or self.zoom):
            return moved(values, offsets, mirrored)
        offsets = offsets + self.shift * values.shape[-1] * np.stack([right, down], axis=1)
        return transformed(values, self.rotation * turn, 1 + self.zoom * enlargement, offsets, mirrored)

    def mixed(
        self, images: "torch.Tensor", labels: "torch.Tensor", classes: int, generator: np.random.Generator
    ) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Images of a batch and their labels, each mixed with one of the others (mixup, Zhang et al. 2018).

        w x_i + (1 - w) x_j and w y_i + (1 - w) y_j, where j is drawn for each i, by a permutation of the batch, and
        w ~ Beta(alpha, alpha) for all of it. Of w and 1 - w the greater one is taken: these are the same mixtures, and
        each image is then mostly itself.

        images: (b, C, S, S), normalised or not. labels: int64 (b,), below `classes`.
        Returns images, and float32 (b, classes), the share of each class; without mixup, both as they are.
        """
        if not self.mixup:
            return images, labels
        from torch.nn.functional import one_hot

        others = generator.permutation(len(images)).tolist()
        weight = generator.beta(self.mixup, self.mixup)
        weight = max(weight, 1 - weight)
        shares = one_hot(labels, classes).to(images.dtype)
        return tuple(weight * each + (1 - weight) * each[others] for each in (images, shares))


def moved(values: "torch.Tensor", offsets: np.ndarray, mirrored: np.ndarray) -> "torch.Tensor":
    """Images, mirrored left to right where that is asked for and then moved by whole pixels; no value changes.

    values: (b, C, S, S). offsets: int (b, 2), pixels to the right and down. mirrored: bool (b,).
    Returns (b, C, S, S), 0 where nothing of the image has come to lie.
    """
    import torch

    side, most = values.shape[-1], int(np.abs(offsets).max())
    padded = torch.nn.functional.pad(values, (most,) * 4)
    columns, rows = (np.arange(side) - offsets[:, axis, None] for axis in (0, 1))
    columns = np.where(mirrored[:, None], side - 1 - columns, columns)
    columns, rows = (torch.from_numpy(places + most).to(values.device) for places in (columns, rows))
    images = torch.arange(len(values), device=values.device)[:, None, None]
    return padded[images, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def transformed(
    values: "torch.Tensor", degrees: np.ndarray, factors: np.ndarray, offsets: np.ndarray, mirrored: np.ndarray
) -> "torch.Tensor":
    """Images, mirrored, then turned and enlarged about the centre, then moved: an affine map, interpolated only once.

    values: float32 (b, C, S, S). degrees: (b,), counter-clockwise. factors: (b,), above 1 they enlarge.
    offsets: (b, 2), pixels to the right and down. mirrored: bool (b,), left to right.
    Returns float32 (b, C, S, S), bilinear; 0 where nothing of the image has come to lie.
    """
    import torch

    side, angles = values.shape[-1], np.radians(degrees)
    numbers = np.stack([np.cos(angles) / factors, np.sin(angles) / factors, 1 - 2 * mirrored, *(2 * offsets / side).T])
    cos, sin, mirror, right, down = torch.from_numpy(numbers).to(values)[:, :, None, None]
    # pixels of the result, from -1 to 1 between the image's edges, y downwards
    centres = (2 * torch.arange(side, device=values.device) + 1) / side - 1
    x, y = centres - right, centres[:, None] - down
    # where in the image they come from; not by affine_grid, whose matrix product a GPU may round to 11 bits
    origins = torch.stack([mirror * (cos * x - sin * y), sin * x + cos * y], dim=-1)
    return torch.nn.functional.grid_sample(values, origins, align_corners=False)
