"""Which of a machine's GPUs a process takes: one that no other process of this workflow has."""

import fcntl
import functools
import os
import tempfile
import time
from pathlib import Path

SECONDS_BETWEEN_TRIES = 1.0


@functools.cache
def claim(names: tuple[str, ...], folder: str | Path | None = None) -> int:
    """Which of some GPUs, counted from 0, is this process's until it ends; waits while all are taken.

    Asked again, a process gets the one that it has. A lock on a file stands for each GPU; the system gives it back
    when the process ends, in whatever way.
    names: of these GPUs, the same in all processes: their numbers on the machine, or what CUDA calls them.
    folder: where these files are, the same for all processes of the machine; by default that for temporary files.
    """
    folder = Path(folder or tempfile.gettempdir())
    while True:
        for number, name in enumerate(names):
            if _locked(folder / f"transferscope-gpu{name.strip()}.lock"):
                return number
        time.sleep(SECONDS_BETWEEN_TRIES)


def _locked(path: Path) -> bool:
    """Whether this process now holds the lock on a file, which stays open for as long as the process lives."""
    # to lock a file of another user, reading is enough
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True
