"""A dataset as its loader hands it over: the examples of its official splits, read on demand."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Part:
    """Examples of one official split; a split may come in several parts.

    split: name of the split ("train", "test", ...; "all" where the dataset has none).
    count: number of examples.
    read:  (start, stop) -> images, uint8 (stop - start, H, W, C), and labels, int64 (stop - start,).
    """

    split: str
    count: int
    read: Callable[[int, int], tuple[np.ndarray, np.ndarray]]

    @classmethod
    def held(cls, split: str, images: np.ndarray, labels: np.ndarray) -> "Part":
        """A part that is in memory already: images uint8 (N, H, W, C), labels (N,) of any integer type.

        Raises ValueError if there are not as many labels as images.
        """
        if len(images) != len(labels):
            raise ValueError(f"split '{split}' has {len(images):,} images and {len(labels):,} labels")
        return cls(split, len(images), lambda start, stop: (images[start:stop], labels[start:stop].astype(np.int64)))


@dataclass(frozen=True)
class Collection:
    """All parts of a dataset.

    class_names: name of class 0, of class 1, ...
    parts:       all of one image size (H, W, C).
    source:      where the images come from, in words.
    """

    class_names: list[str]
    parts: list[Part]
    source: str


@contextlib.contextmanager
def decoding(path: str | Path) -> Iterator[None]:
    """Around the reading of a file (or folder): whatever goes wrong becomes a ValueError that names it.

    Decoders raise all kinds of errors on bytes that are not what they expect.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{path} is missing, damaged or of another format ({error})") from error
