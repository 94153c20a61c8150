"""What excites units the most: images, positions and the pixels seen from there, in files of kind "excitations".

A file holds for each layer, under `arrays/{number}` in the order of `layers`, with U units, the k images that excite
each the most, and P positions in the layer's map (1 for dense units):

- `values` (U, k) float32: activations, falling;
- `images` (U, k) int64: rows of the images among the examples that were shown;
- `positions` (U, k) int64: where in the map of positions, row by row;
- `fields` (P, 4) int64: receptive field of each position, top, bottom, left and right in pixels of the network's input;
- `image_size` () int64: height and width of that input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope.convergence import files

NAMES = ("values", "images", "positions", "fields", "image_size")


@dataclass(frozen=True, eq=False)
class Excitations:
    """The k images that excite each of a layer's U units the most, each image at the position where it does so most.

    values: (U, k) activations, falling.
    images: (U, k) int64, rows of the images; no image is there twice for a unit.
    positions: (U, k) int64, indices into `fields`.
    fields: (P, 4) int64, top, bottom, left and right, in pixels of the network's input, of what each position sees.
        What is beyond the edge of the image is left out.
    image_size: height and width of the network's input.
    """

    values: np.ndarray
    images: np.ndarray
    positions: np.ndarray
    fields: np.ndarray
    image_size: int

    def patches(self, unit: int, images: np.ndarray) -> np.ndarray:
        """What a unit sees of the images that excite it the most (k, h, w, C), all of the same size.

        images: (k, H, W, C), those of rows `self.images[unit]`, in their order. Those of another size than the
            network's input, which were resized for it, are cut in proportion.
        What a unit sees beyond the edge of an image is zero, as long as another position of the layer sees as far.
        """
        tops, height = _spans(self.fields[:, :2], self.image_size, images.shape[1])
        lefts, width = _spans(self.fields[:, 2:], self.image_size, images.shape[2])
        framed = np.pad(images, ((0, 0), (height, height), (width, width), (0, 0)))
        corners = zip(height + tops[self.positions[unit]], width + lefts[self.positions[unit]], strict=True)
        return np.stack(
            [image[top : top + height, left : left + width] for image, (top, left) in zip(framed, corners, strict=True)]
        )


def _spans(ends: np.ndarray, image_size: int, pixels: int) -> tuple[np.ndarray, int]:
    """Along one axis of an image, where its fields begin (P,), and how long all of them are.

    A pixel is in a field if any part of it is seen. A field at the edge of the image that is shorter than others goes
    on beyond it by what it lacks, in whole pixels: it begins below zero, or ends where the image no longer is.
    ends: (P, 2) of the fields, in pixels of the network's input, which has image_size of them, and the image `pixels`.
    """
    (first, last), scale = ends.T, pixels / image_size
    length = int((np.ceil(last * scale) - np.floor(first * scale)).max())
    beyond = np.floor(((last - first).max() - (last - first)) * scale).astype(np.int64)
    start = np.floor(first * scale).astype(np.int64) - beyond * (first == 0)
    # none goes on beyond the end of the image but by what it lacks there
    return np.minimum(start, pixels - length + beyond * (last == image_size)), length


def write(path: str | Path, layers: Mapping[str, Excitations], facts: Mapping) -> None:
    """An excitations file; it appears whole or not at all."""
    arrays = {name: {field: np.asarray(getattr(layer, field)) for field in NAMES} for name, layer in layers.items()}
    files.write(path, "excitations", arrays, facts)


def read(path: str | Path, layers: Sequence[str] | None = None) -> tuple[dict[str, Excitations], dict]:
    """The layers in a file by name, in their order, and the file's facts.

    layers: names of those to read, in the order wanted; by default all.
    Raises InputError if the file is missing, truncated, damaged or something else, or has no layer of that name.
    """
    found, facts = files.read(path, "excitations", NAMES, layers)
    return {
        name: Excitations(**arrays | {"image_size": int(arrays["image_size"])}) for name, arrays in found.items()
    }, facts
