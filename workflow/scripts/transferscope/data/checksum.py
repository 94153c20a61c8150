"""What a dataset file says of its own content, and whether it is so."""

import functools
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transferscope import store
from transferscope.errors import InputError

if TYPE_CHECKING:
    import h5py

LIMIT_BYTES = 2 * 2**30
IMAGES_AT_ONCE = 1024


def verified_checksum(path: str | Path) -> str:
    """The checksum of a dataset file (see `datasets.prepare`), which tells its content from any other.

    Images of up to LIMIT_BYTES are read and compared with it; of more, which would take a job longer to read than much
    of what it is there for, the file is taken at its word.
    Raises InputError if the file is not a dataset, or damaged.
    """
    # a file that is not there is missed as it is opened
    return _verified(Path(path), os.stat(path).st_mtime_ns if os.path.exists(path) else None)


# a job loads the same dataset many times, and reads it for this once
@functools.cache
def _verified(path: Path, _written: int | None) -> str:
    with store.open_hdf5(path, "dataset") as file:
        expected = str(file.attrs["checksum"])
        images, labels, splits = _arrays(file)
        if images.size > LIMIT_BYTES:
            return expected
        content = hashlib.sha256()
        for start in range(0, len(images), IMAGES_AT_ONCE):
            content.update(images[start : start + IMAGES_AT_ONCE])
        content.update(labels[()].astype("<i8"))
        content.update(splits[()].astype(np.int8))
    if content.hexdigest() != expected:
        raise InputError(
            f"{path} is damaged (its images, labels or splits have changed): delete it and run again, or, as that "
            "makes again all that was made from it, restore a copy of the same age (cp -p); docs/results.md says more"
        )
    return expected


def _arrays(file: "h5py.File") -> list["h5py.Dataset"]:
    """The arrays of a dataset file: images, labels and splits."""
    import h5py

    arrays = [file[name] for name in ("images", "labels", "splits")]
    shapes = [array.shape if isinstance(array, h5py.Dataset) and array.dtype.kind in "iu" else () for array in arrays]
    if [len(shape) for shape in shapes] != [4, 1, 1] or len({shape[0] for shape in shapes}) != 1:
        raise InputError(
            f"{file.filename} is damaged (expected as many labels and splits as images, all of them whole numbers): "
            "delete it and run again"
        )
    return arrays
