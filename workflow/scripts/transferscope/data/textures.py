"""Generated textures: a domain far from clothes and digits, ten classes that phase, contrast and noise blur."""

from collections.abc import Callable

import numpy as np

from transferscope.data.collection import Collection, Part
from transferscope.errors import InputError

Pattern = Callable[[np.random.Generator, int], np.ndarray]


def textures(images: int = 2000, classes: int = 10, size: int = 28) -> Collection:
    """Grey textures, uint8 (images, size, size, 1), equally many of each class, as split "all".

    Image i is of class i modulo `classes` and drawn from a generator of its own, so that it is the same whatever the
    number of images. Raises InputError if a number is out of range.
    """
    for name, value, low, high in (
        ("images", images, classes, 10_000_000),
        ("classes", classes, 2, len(PATTERNS)),
        ("size", size, 8, 1024),
    ):
        if not low <= value <= high:
            raise InputError(f"textures: {name} is {value}, expected {low} to {high:,}")
    names = list(PATTERNS)[:classes]

    def read(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(start, stop) % classes
        drawn = [
            _texture(np.random.default_rng([*b"texture", row]), names[row % classes], size)
            for row in range(start, stop)
        ]
        return np.stack(drawn)[..., None], labels

    return Collection(names, [Part("all", images, read)], "generated textures")


def _texture(generator: np.random.Generator, name: str, size: int) -> np.ndarray:
    """One image, uint8 (size, size): the class's pattern at random polarity, contrast and brightness, under noise."""
    pattern = PATTERNS[name](generator, size) * generator.choice([-1, 1])
    contrast = generator.uniform(0.25, 0.7)
    brightness = generator.uniform(-0.25, 0.25)
    noise = generator.uniform(0.05, 0.25) * generator.standard_normal((size, size))
    grey = 127.5 * (1 + brightness + contrast * pattern + noise)
    return np.rint(np.clip(grey, 0, 255)).astype(np.uint8)


def _plane(generator: np.random.Generator, size: int, degrees: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels in a frame turned by `degrees` +- `spread`, at a random origin, in image widths."""
    angle = np.deg2rad(generator.uniform(degrees - spread, degrees + spread))
    rows, columns = np.mgrid[:size, :size] / size
    rows, columns = rows + generator.uniform(), columns + generator.uniform()
    return np.cos(angle) * rows + np.sin(angle) * columns, np.cos(angle) * columns - np.sin(angle) * rows


def _stripes(*directions: float) -> Pattern:
    """A sine grating whose normal points along one of `directions`, in degrees from the vertical."""

    def pattern(generator: np.random.Generator, size: int) -> np.ndarray:
        along, _ = _plane(generator, size, generator.choice(directions), spread=15)
        return np.sin(2 * np.pi * generator.uniform(2.5, 6) * along)

    return pattern


def _rings(generator: np.random.Generator, size: int) -> np.ndarray:
    """A sine grating around a centre that lies within the image."""
    rows, columns = np.mgrid[:size, :size] / size
    radius = np.hypot(rows - generator.uniform(0.1, 0.9), columns - generator.uniform(0.1, 0.9))
    return np.sin(2 * np.pi * (generator.uniform(2.5, 6) * radius + generator.uniform()))


def _checks(generator: np.random.Generator, size: int) -> np.ndarray:
    """A checkerboard in any direction."""
    along, across = _plane(generator, size, 0, spread=45)
    frequency = 2 * np.pi * generator.uniform(1.5, 3.5)
    return np.sign(np.sin(frequency * along) * np.sin(frequency * across))


def _dots(generator: np.random.Generator, size: int) -> np.ndarray:
    """Discs on a square lattice in any direction."""
    along, across = _plane(generator, size, 0, spread=45)
    frequency = 2 * np.pi * generator.uniform(3, 5.5)
    return np.where(np.cos(frequency * along) + np.cos(frequency * across) > 0.9, 1.0, -1.0)


def _nearest_seeds(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances of each pixel from scattered seeds, sorted, (size, size, seeds); which one is nearest, (size, size)."""
    seeds = generator.uniform(-0.1, 1.1, (generator.integers(14, 30), 2))
    pixels = np.stack(np.mgrid[:size, :size] / size, axis=-1)
    distances = np.linalg.norm(pixels[:, :, None] - seeds, axis=-1)
    return np.sort(distances, axis=-1), distances.argmin(axis=-1)


def _cells(generator: np.random.Generator, size: int) -> np.ndarray:
    """The walls between the Voronoi cells of scattered seeds."""
    distances, _ = _nearest_seeds(generator, size)
    return np.where(distances[..., 1] - distances[..., 0] < 0.05, 1.0, -1.0)


def _patches(generator: np.random.Generator, size: int) -> np.ndarray:
    """The Voronoi cells of scattered seeds, each of one grey."""
    distances, nearest = _nearest_seeds(generator, size)
    return generator.uniform(-1, 1, distances.shape[-1])[nearest]


def _filtered_noise(slowest: float, fastest: float) -> Pattern:
    """White noise of which only a band of spatial frequencies is left, in cycles per image width."""

    def pattern(generator: np.random.Generator, size: int) -> np.ndarray:
        frequencies = np.fft.fftfreq(size, 1 / size)
        radius = np.hypot(frequencies[:, None], frequencies)
        spectrum = np.fft.fft2(generator.standard_normal((size, size)))
        field = np.fft.ifft2(spectrum * ((radius >= slowest) & (radius <= fastest))).real
        return np.tanh(field / field.std())

    return pattern


PATTERNS: dict[str, Pattern] = {
    "horizontal stripes": _stripes(0),
    "vertical stripes": _stripes(90),
    "diagonal stripes": _stripes(-45, 45),
    "rings": _rings,
    "checks": _checks,
    "dots": _dots,
    "cells": _cells,
    "patches": _patches,
    "blobs": _filtered_noise(1, 3),
    "grain": _filtered_noise(4, 7),
}
