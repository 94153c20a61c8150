"""Files appear whole or not at all, and what is not whole, not ours or no longer what was written is refused."""

import csv
import fcntl
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from transferscope import store
from transferscope.errors import InputError

LIBRARY = str(Path(store.__file__).parents[1])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- whole or not at all


def test_a_file_takes_its_place_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    with store.atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, interruption):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(interruption), store.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise interruption
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_an_interrupted_write_of_each_format_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), store.write_hdf5(tmp_path / "file.h5", "dataset", {}) as file:
        file["images"] = np.zeros(10)
        raise ZeroDivisionError
    with pytest.raises(ValueError, match=r"a row has the keys \['b'\], expected \['a'\]"):
        store.write_table(tmp_path / "file.csv", ["a"], [{"a": 1}, {"b": 1}], {})
    with pytest.raises(TypeError):
        store.write_checkpoint(tmp_path / "file.safetensors", {1: torch.zeros(1)}, {})
    assert names(tmp_path) == []


def test_what_a_killed_process_left_vanishes_when_the_same_path_is_written_again(tmp_path):
    path = tmp_path / "epoch[1].h5"
    killed = (
        "import os; from transferscope import store\nwith store.atomic_path('epoch[1].h5'): os.kill(os.getpid(), 9)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, env=os.environ | {"PYTHONPATH": LIBRARY})
        assert len(names(tmp_path)) == 1 and names(tmp_path)[0].startswith(".epoch[1].h5.")
    others = [".epoch1.h5.abcdefgh.h5", ".epoch[1].h5.other.h5.abcdefgh.h5", "epoch[1].h5.abcdefgh.h5", ".keep"]
    for name in others:
        (tmp_path / name).touch()
    with store.atomic_path(path):
        pass
    assert names(tmp_path) == sorted([*others, path.name])


def test_results_are_as_readable_as_any_other_file(tmp_path):
    (tmp_path / "plain").touch()
    with store.atomic_path(tmp_path / "result"):
        pass
    assert (tmp_path / "result").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "results").write_text("a file, not a folder")
    with (
        pytest.raises(InputError, match=r"results/file.csv cannot be written .*make its folder writable"),
        store.atomic_path(tmp_path / "results" / "file.csv"),
    ):
        pass


CLOSED = """
import os, sys
from transferscope import store
from transferscope.errors import InputError
if os.geteuid() == 0:
    # nothing is forbidden to root
    os.setuid(int(sys.argv[1]))
try:
    with store.atomic_path("file.csv"):
        pass
except InputError as error:
    print(error)
"""
NOBODY = 65534


def test_a_folder_that_is_not_writable_is_named(tmp_path):
    tmp_path.chmod(0o555)
    outcome = subprocess.run(
        [sys.executable, "-c", CLOSED, str(NOBODY)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": LIBRARY},
        capture_output=True,
        text=True,
    )
    assert re.fullmatch(r"file.csv cannot be written \(.*\): make its folder writable and run again\n", outcome.stdout)


FULL_DISK = """
import os, resource
import numpy as np, pandas, torch
from transferscope import store
from transferscope.errors import InputError

def hdf5():
    with store.write_hdf5("file.h5", "dataset", {}) as file:
        file["images"] = np.zeros(100_000)

def table():
    store.write_table("file.csv", ["a"], [{"a": "x" * 1000}] * 1000, {})

def checkpoint():
    store.write_checkpoint("file.safetensors", {"weight": torch.zeros(100_000)}, {})

# what this imports may compile and write files of its own
store.write_checkpoint("small.safetensors", {}, {})
os.remove("small.safetensors")
# no file may grow beyond this: to a program the same as a disk that is full
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
for write in (hdf5, table, checkpoint):
    try:
        write()
    except InputError as error:
        print(error, flush=True)
# h5py may complain once more on its way out
os._exit(0)
"""


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": LIBRARY},
        capture_output=True,
        text=True,
    )
    assert process.stdout.splitlines() == [
        f"{name} cannot be written (File too large): make room on the disk and run again"
        for name in ("file.h5", "file.csv", "file.safetensors")
    ]
    assert names(tmp_path) == []


# ---- HDF5


@pytest.fixture
def dataset(tmp_path) -> Path:
    path = tmp_path / "dataset.h5"
    with store.write_hdf5(path, "dataset", {"seeds": [0, 1], "when": Path("here")}) as file:
        file["images"] = np.arange(50_000)
    return path


def test_hdf5_keeps_arrays_and_facts(dataset):
    with store.open_hdf5(dataset, "dataset") as file:
        assert np.array_equal(file["images"], np.arange(50_000))
        assert store.read_facts(file) == {"seeds": [0, 1], "when": "here"}


def test_hdf5_holds_the_names_of_any_number_of_classes(tmp_path):
    names = [f"species {number}" for number in range(20_000)]
    with store.write_hdf5(tmp_path / "dataset.h5", "dataset", {}) as file:
        file.attrs["class_names"] = names
    with store.open_hdf5(tmp_path / "dataset.h5", "dataset") as file:
        assert list(file.attrs["class_names"]) == names


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_hdf5_is_refused(dataset, share):
    content = dataset.read_bytes()
    dataset.write_bytes(content[: int(share * len(content))])
    with (
        pytest.raises(InputError, match=r"dataset.h5 is truncated or no HDF5 file .*delete it and run again"),
        store.open_hdf5(dataset, "dataset"),
    ):
        pass


def test_text_is_no_hdf5(tmp_path):
    path = tmp_path / "notes.h5"
    path.write_text("images, labels\n" * 500)
    with pytest.raises(InputError, match=r"notes.h5 is truncated or no HDF5 file"), store.open_hdf5(path, "dataset"):
        pass


def test_hdf5_of_another_kind_is_refused(dataset, tmp_path):
    with pytest.raises(InputError, match="of kind 'similarity', found kind 'dataset'"):
        store.open_hdf5(dataset, "similarity").__enter__()
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["images"] = np.zeros(3)
    with pytest.raises(InputError, match="of kind 'dataset', found kind 'None': was it written by something else"):
        store.open_hdf5(foreign, "dataset").__enter__()


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none.h5: no such file: expected an HDF5 file of kind 'dataset'"):
        store.open_hdf5(tmp_path / "none.h5", "dataset").__enter__()
    with pytest.raises(InputError, match=r"none.csv: no such file: expected a table"):
        store.read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"none.safetensors: no such file: expected a checkpoint"):
        store.read_checkpoint(tmp_path / "none.safetensors")


def test_hdf5_that_turns_out_damaged_while_it_is_read_is_named(tmp_path):
    path = tmp_path / "packed.h5"
    values = np.random.default_rng(0).integers(0, 256, 20_000).astype(np.uint8)
    with store.write_hdf5(path, "dataset", {}) as file:
        file.create_dataset("images", data=values, chunks=(20_000,), fletcher32=True)
    content = bytearray(path.read_bytes())
    content[content.index(values.tobytes()) + 5000] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"packed.h5 is damaged"), store.open_hdf5(path, "dataset") as file:
        file["images"][:]


def test_hdf5_whose_structure_is_damaged_is_named(dataset):
    content = bytearray(dataset.read_bytes())
    # the header of the array, which HDF5 checks, begins with these letters, and so does that of the file's root
    content[content.rindex(b"OHDR") + 8] ^= 1
    dataset.write_bytes(content)
    with pytest.raises(InputError, match=r"dataset.h5 is damaged"), store.open_hdf5(dataset, "dataset") as file:
        file["images"][:]


def test_hdf5_that_lacks_a_part_is_named(dataset):
    with (
        pytest.raises(InputError, match=r"dataset.h5 is damaged .*labels"),
        store.open_hdf5(dataset, "dataset") as file,
    ):
        file["labels"]


def test_hdf5_is_read_whoever_holds_a_lock_on_it(dataset):
    # as a file system may that knows no locks, or a process that died on another machine
    with open(dataset, "rb+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="unable to lock file"):
            h5py.File(dataset, "r", locking=True)
        with store.open_hdf5(dataset, "dataset") as file:
            assert len(file["images"]) == 50_000


def test_hdf5_is_written_without_a_lock(tmp_path):
    # as where there are no locks: HDF5 would not open a file that it could not lock
    with store.write_hdf5(tmp_path / "dataset.h5", "dataset", {}):
        (written,) = tmp_path.iterdir()
        with open(written, "rb+") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_trouble_with_another_file_is_not_blamed_on_the_one_that_is_open(dataset, tmp_path):
    with pytest.raises(FileNotFoundError), store.open_hdf5(dataset, "dataset"):
        (tmp_path / "other").read_bytes()
    with pytest.raises(KeyError), store.open_hdf5(dataset, "dataset"):
        {}["other"]


# ---- tables


def test_tables_keep_numbers_to_the_bit_and_texts_as_they_are(tmp_path, rng):
    path = tmp_path / "table.csv"
    numbers = [*(rng.standard_normal(2000) * 10.0 ** rng.integers(-300, 300, 2000)), 0.1 + 0.2, 5e-324, math.inf, -0.0]
    texts = ["NA", "nan", "null", "a#b", "# c", 'x,y "z"', "two\nlines", "é", *["plain"] * (len(numbers) - 8)]
    rows = [
        {"number": number, "text": text, "count": np.int64(k), "single": np.float32(k / 7)}
        for k, (number, text) in enumerate(zip(numbers, texts, strict=True))
    ]
    store.write_table(path, ["number", "text", "count", "single"], rows, {"scale": "demo"})
    frame = store.read_table(path, ["text", "number"])
    assert frame["number"].to_numpy().tobytes() == np.array(numbers).tobytes()
    assert frame["text"].tolist() == texts
    assert frame["count"].tolist() == list(range(len(rows)))
    assert np.array_equal(frame["single"].astype(np.float32), [row["single"] for row in rows])
    with open(path) as stream:
        assert json.loads(stream.readline()[1:]) == {"scale": "demo", "rows": len(rows)}


def test_what_is_missing_is_an_empty_cell_and_reads_back_as_nan(tmp_path):
    path = tmp_path / "table.csv"
    rows = [{"a": None, "b": math.nan, "c": np.float64("nan"), "d": 1.5}, {"a": 2, "b": 2.5, "c": 0.0, "d": math.nan}]
    store.write_table(path, list("abcd"), rows, {})
    with open(path) as stream:
        assert list(csv.reader(stream))[2:] == [["", "", "", "1.5"], ["2", "2.5", "0.0", ""]]
    frame = store.read_table(path)
    assert frame.to_numpy(float) == pytest.approx(
        np.array([[math.nan] * 3 + [1.5], [2, 2.5, 0, math.nan]]), nan_ok=True
    )


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    store.write_table(tmp_path / "table.csv", ["a", "b"], [], {})
    assert list(store.read_table(tmp_path / "table.csv")) == ["a", "b"]


def test_a_table_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "table.csv"
    store.write_table(path, ["a", "b"], [{"a": k, "b": k / 7} for k in range(4)], {"scale": "demo"})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"table.csv (is truncated|is no table)"):
            store.read_table(path, ["a", "b"])


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"[1]\n", b"\x89HDF\r\n\x1a\n\x00\xff", b"# {}\na\n1\n"])
def test_what_is_no_table_of_ours_is_refused(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"table.csv is no table of this workflow"):
        store.read_table(path)


def test_a_table_without_a_column_is_refused(tmp_path):
    store.write_table(tmp_path / "table.csv", ["a"], [{"a": 1}], {})
    with pytest.raises(InputError, match=r"expected the columns \['tas'\], found \['a'\]"):
        store.read_table(tmp_path / "table.csv", ["a", "tas"])


def test_the_facts_of_a_table_are_read_without_its_rows(tmp_path):
    path = tmp_path / "table.csv"
    store.write_table(path, ["a"], [{"a": 1}], {"layers": 7})
    assert store.read_table_facts(path, ["layers"]) == {"layers": 7, "rows": 1}
    with pytest.raises(InputError, match=r"table.csv: expected the facts \['classes'\], found \['layers', 'rows'\]"):
        store.read_table_facts(path, ["layers", "classes"])


def test_importing_the_store_waits_for_no_large_package():
    code = "import sys; from transferscope import store; print(*sys.modules)"
    folder = Path(store.__file__).parents[1]
    output = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert not {"torch", "pandas", "h5py", "matplotlib"} & set(output.split())
