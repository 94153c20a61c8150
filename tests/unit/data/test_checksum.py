"""Dataset files that are not what they were made as."""

import os
import re

import h5py
import numpy as np
import pytest

from transferscope import provenance
from transferscope.data import checksum, datasets, tasks
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


def test_what_would_take_long_to_read_is_taken_at_its_word(textures, monkeypatch):
    size = 1100 * 8 * 8
    with h5py.File(textures, "r+") as file:
        said = file.attrs["checksum"]
        file["images"][0] ^= 1
    monkeypatch.setattr(checksum, "LIMIT_BYTES", size - 1)
    assert verified_checksum(textures) == said
    monkeypatch.setattr(checksum, "LIMIT_BYTES", size)
    os.utime(textures, ns=(0, 0))
    with pytest.raises(InputError, match="is damaged"):
        verified_checksum(textures)


def test_a_file_is_read_once_until_it_is_written_again(textures):
    said, written = verified_checksum(textures), os.stat(textures).st_mtime_ns
    with h5py.File(textures, "r+") as file:
        file["images"][0] ^= 1
    os.utime(textures, ns=(written, written))
    assert verified_checksum(textures) == said
    os.utime(textures, ns=(written, written + 1))
    with pytest.raises(InputError, match="is damaged"):
        verified_checksum(textures)


@pytest.mark.parametrize("memory_bytes", [0, tasks.MEMORY_BYTES], ids=["on demand", "held"])
def test_whoever_loads_a_task_of_a_damaged_file_is_told(textures, memory_bytes, monkeypatch):
    monkeypatch.setattr(tasks, "MEMORY_BYTES", memory_bytes)
    task = {
        "dataset": "textures",
        "train": {"split": "all", "rows": [0, 10]},
        "test": {"split": "all", "rows": [10, 20]},
    }
    assert len(tasks.load(textures, task, "test")) == 10
    with h5py.File(textures, "r+") as file:
        file["images"][1000] ^= 1
    os.utime(textures, ns=(0, 0))
    with pytest.raises(InputError, match=r"textures.h5 is damaged .*delete it and run again"):
        tasks.load(textures, task, "test")


def test_nothing_opens_a_dataset_but_the_check_and_what_loads_tasks():
    sources = provenance.LIBRARY.parent
    opens = re.compile(r"open_hdf5\(.*\"dataset\"\)")
    found = {path.relative_to(sources).as_posix() for path in sources.rglob("*.py") if opens.search(path.read_text())}
    assert found == {"transferscope/data/checksum.py", "transferscope/data/tasks.py"}


@pytest.mark.parametrize("name", ["images", "labels", "splits"])
@pytest.mark.parametrize("odd", ["a group", "text", "no dimensions", "too few"])
def test_arrays_that_are_none_or_do_not_go_together_are_noticed(textures, name, odd):
    with h5py.File(textures, "r+") as file:
        whole = file[name][()]
        del file[name]
        if odd == "a group":
            file.create_group(name)
        else:
            file[name] = {"text": "1" * 1100, "no dimensions": whole[0].max(), "too few": whole[:-1]}[odd]
    with pytest.raises(InputError, match=r"textures.h5 is damaged .*delete it and run again"):
        verified_checksum(textures)
