"""What a dataset file says of its own content, and whether it is so."""

import hashlib
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.data.tasks import IMAGES_AT_ONCE, MEMORY_BYTES
from transferscope.errors import InputError


def verified_checksum(path: str | Path, limit: int = MEMORY_BYTES) -> str:
    """The checksum of a dataset file (see `datasets.prepare`), which tells its content from any other.

    limit: up to so many bytes of images are read and compared with it; of more, which would take a job longer to read
    than much of what it is there for, the file is taken at its word.
    Raises InputError if the file is not a dataset, or damaged.
    """
    with store.open_hdf5(path, "dataset") as file:
        expected, images = str(file.attrs["checksum"]), file["images"]
        if images.size > limit:
            return expected
        content = hashlib.sha256()
        for start in range(0, len(images), IMAGES_AT_ONCE):
            content.update(images[start : start + IMAGES_AT_ONCE])
        content.update(file["labels"][()].astype("<i8"))
        content.update(file["splits"][()].astype(np.int8))
    if content.hexdigest() != expected:
        raise InputError(f"{path} is damaged (its images, labels or splits have changed): delete it and run again")
    return expected
