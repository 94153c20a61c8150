"""Files: HDF5, tables and checkpoints, written whole or not at all, read with checks, each with its provenance.

Every file carries `facts`, a JSON object: an attribute of an HDF5 file, the metadata of a safetensors file, the
first line (`# {...}`) of a CSV table.
"""

import contextlib
import csv
import errno
import glob
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from transferscope.errors import InputError

if TYPE_CHECKING:
    import h5py
    import pandas as pd
    import torch

# how the system says that there is no room; h5py and safetensors hand on the words but not always the number
NO_ROOM = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def no_room(error: BaseException) -> str | None:
    """What the system said if an error means that a disk is full, or else None."""
    return next((words for words in NO_ROOM if words in str(error)), None)


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well and vanishes when it does not.

    The bytes are on disk before the name is, so that not even a power cut leaves half a file under the final name.
    What a process that was killed left behind vanishes when the same path is written again.
    Raises InputError if the folder cannot be written to or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp puts eight characters between prefix and suffix
        for left in path.parent.glob(f".{glob.escape(path.name)}.{'?' * 8}{glob.escape(path.suffix)}"):
            left.unlink()
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error}): make its folder writable and run again") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes files private; a result is as readable as any other file of the user
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except InputError:
        raise
    except Exception as error:
        reason = no_room(error)
        if reason is None:
            raise
        raise InputError(f"{path} cannot be written ({reason}): make room on the disk and run again") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def write_hdf5(path: str | Path, kind: str, facts: Mapping) -> Iterator["h5py.File"]:
    """An HDF5 file open for writing; it appears under `path` only when the block ends well.

    kind: what the file holds, in a word, as "dataset"; `open_hdf5` refuses a file of another kind.
    """
    import h5py

    # in the format of before 1.8 an attribute holds 64 KB at most, 4,095 names of classes
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver="v108", locking=False) as file:
        file.attrs["kind"] = kind
        yield file
        file.attrs["facts"] = json.dumps(facts, default=str)


@contextlib.contextmanager
def open_hdf5(path: str | Path, kind: str) -> Iterator["h5py.File"]:
    """An HDF5 file open for reading.

    Raises InputError if the file is missing, truncated, damaged, not HDF5 or of another kind.
    """
    import h5py

    try:
        # under its final name no file is ever written to: there is nothing to lock, and some file systems cannot
        file = h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file: expected an HDF5 file of kind '{kind}'; run the workflow again"
        ) from None
    except OSError as error:
        raise InputError(f"{path} is truncated or no HDF5 file ({error}): delete it and run again") from error
    try:
        with file:
            found = str(file.attrs.get("kind"))
            if found != kind:
                raise InputError(
                    f"{path}: expected an HDF5 file of kind '{kind}', found kind '{found}': "
                    "was it written by something else? Delete it and run again"
                )
            yield file
    except (OSError, KeyError) as error:
        # as HDF5 words what it cannot find or read; any other error is about something else
        if not str(*error.args[:1]).startswith(("Unable to", "Can't")):
            raise
        raise InputError(f"{path} is damaged ({error.args[0]}): delete it and run again") from error


def read_facts(file: "h5py.File") -> dict:
    """The facts of an open HDF5 file. Raises InputError if it has none."""
    return _facts(file.filename, file.attrs.get("facts"))


def _facts(path: str | Path, text: object) -> dict:
    """Facts from the JSON text that a file has of them."""
    try:
        facts = json.loads(text)
    # a text that nests too deeply for Python is a RecursionError
    except (ValueError, TypeError, RecursionError):
        facts = None
    if not isinstance(facts, dict):
        raise InputError(f"{path} does not hold the facts of a file of this workflow: delete it and run again")
    return facts


def write_table(path: str | Path, columns: Sequence[str], rows: Sequence[Mapping], facts: Mapping) -> None:
    """A CSV table below one comment line that holds its facts and its number of rows.

    rows: one mapping a row, with exactly the keys `columns`; floats are written so that they read back to the bit,
    None and NaN as empty cells, which read back as NaN.
    Raises ValueError if a row has a key too many or too few.
    """
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as stream:
        stream.write(f"# {json.dumps({**facts, 'rows': len(rows)}, default=str)}\n")
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            if set(row) != set(columns):
                raise ValueError(f"{path}: a row has the keys {sorted(row)}, expected {sorted(columns)}")
            # NaN alone differs from itself
            writer.writerow({column: None if value != value else value for column, value in row.items()})


def read_table(path: str | Path, columns: Sequence[str] = ()) -> "pd.DataFrame":
    """A table that `write_table` wrote.

    columns: those that must be there. Raises InputError if the file is missing, empty, truncated, written by something
    else or lacks one.
    """
    import pandas as pd

    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = _facts(path, stream.readline().removeprefix("#"))["rows"]
            text = stream.read()
        # an empty cell is missing, any text is itself: "NA" may be the name of a class
        frame = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: expected a table; run the workflow again") from None
    # the errors of facts, of pandas and of text that is none are all ValueErrors
    except (ValueError, KeyError) as error:
        raise InputError(f"{path} is no table of this workflow ({error}): delete it and run again") from error
    if len(frame) != rows or not text.endswith("\n"):
        raise InputError(f"{path} is truncated (expected {rows} rows, found {len(frame)}): delete it and run again")
    missing = [column for column in columns if column not in frame]
    if missing:
        raise InputError(f"{path}: expected the columns {missing}, found {list(frame)}: delete it and run again")
    return frame


def read_table_facts(path: str | Path, keys: Sequence[str]) -> dict:
    """The facts of a table that `write_table` wrote.

    keys: those that must be there. Raises InputError if one is not, or if the table has no facts.
    """
    with open(path, newline="", encoding="utf-8") as stream:
        facts = _facts(path, stream.readline().removeprefix("#"))
    missing = [key for key in keys if key not in facts]
    if missing:
        raise InputError(f"{path}: expected the facts {missing}, found {list(facts)}: delete it and run again")
    return facts


def write_checkpoint(path: str | Path, tensors: Mapping[str, "torch.Tensor"], facts: Mapping) -> None:
    """A safetensors file of named tensors, with its facts and a digest of both."""
    from safetensors.torch import save_file

    # state dicts may share memory or be laid out channels-last; the file holds plain copies
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(facts, default=str)
    with atomic_path(path) as temporary:
        save_file(plain, temporary, metadata={"facts": text, "digest": tensor_digest(plain, text)})


def read_checkpoint(path: str | Path) -> tuple[dict[str, "torch.Tensor"], dict]:
    """Tensors (on the CPU) and facts of a checkpoint.

    Raises InputError if the file is missing, truncated, no safetensors file, or if a tensor or a fact has changed
    since it was written. Files from elsewhere (no facts, no digest) give empty facts.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: expected a checkpoint (.safetensors)") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is truncated or no safetensors file ({error}): delete it and run again") from error
    ours = "facts" in metadata or "digest" in metadata
    if ours and metadata.get("digest") != tensor_digest(tensors, metadata.get("facts", "")):
        raise InputError(f"{path} is damaged (the digest of its contents is another): delete it and run again")
    return tensors, _facts(path, metadata.get("facts", "{}"))


def tensor_digest(tensors: Mapping[str, "torch.Tensor"], text: str = "") -> str:
    """SHA-256 of named tensors (names, types, shapes and values, in the order of the names) and of a text, in hex."""
    import torch

    content = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return content.hexdigest()
