"""Dataset files that are not what they were made as."""

import h5py
import numpy as np
import pytest

from transferscope.data import datasets
from transferscope.data.checksum import verified_checksum
from transferscope.errors import InputError


@pytest.fixture
def textures(tmp_path):
    """Textures generated, with more images than are read at a time."""
    path = tmp_path / "textures.h5"
    datasets.prepare({"loader": "textures", "images": 1100, "size": 8}, tmp_path, path, {})
    return path


def test_a_file_that_is_as_it_was_made_has_the_checksum_that_it_says(textures):
    with h5py.File(textures) as file:
        said = file.attrs["checksum"]
    assert verified_checksum(textures) == said


@pytest.mark.parametrize(("name", "row"), [("images", 0), ("images", 1099), ("labels", 7), ("splits", 1099)])
def test_a_bit_that_flips_anywhere_is_noticed(textures, name, row):
    with h5py.File(textures, "r+") as file:
        file[name][row] = np.bitwise_xor(file[name][row], 1)
    with pytest.raises(InputError, match=r"textures.h5 is damaged .*delete it and run again"):
        verified_checksum(textures)


def test_more_than_the_limit_is_taken_at_its_word(textures):
    size = 1100 * 8 * 8
    with h5py.File(textures, "r+") as file:
        said = file.attrs["checksum"]
        file["images"][0] ^= 1
    assert verified_checksum(textures, limit=size - 1) == said
    with pytest.raises(InputError, match="is damaged"):
        verified_checksum(textures, limit=size)
