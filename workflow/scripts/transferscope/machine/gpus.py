"""GPUs, without torch: how many there are, on this machine or in the SLURM cluster, and which one a process takes."""

import fcntl
import functools
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from transferscope.errors import InputError

SECONDS_BETWEEN_TRIES = 1.0


@functools.cache
def gpus_here() -> int:
    """GPUs of this machine that a process may use: those of CUDA_VISIBLE_DEVICES where it is set, else all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len(re.findall(r"^GPU \d+:", _answer("nvidia-smi", "-L"), re.MULTILINE))
    count = 0
    for device in visible.split(","):
        # as CUDA reads it: what follows an entry that names no device counts for nothing
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", device.strip()):
            break
        count += 1
    return count


@functools.cache
def gpus_in_cluster() -> bool:
    """Whether any node of the SLURM cluster has a GPU."""
    # such as "gpu:a100:4(S:0-1),shard:8", a line for each kind of node
    return bool(re.search(r"(^|,)gpu\b", _answer("sinfo", "--noheader", "--format=%G"), re.MULTILINE))


@functools.cache
def claim(names: tuple[str, ...]) -> int:
    """Which of some GPUs, counted from 0, is this process's until it ends; waits while all are taken.

    Asked again, a process gets the one that it has. A lock on a file stands for each GPU; the system gives it back
    when the process ends, in whatever way. These files are in the folder for temporary ones, where all processes of the
    machine find them.
    names: of these GPUs, the same in all processes: their numbers on the machine, or what CUDA calls them.
    Raises InputError if such a file cannot be opened.
    """
    folder = Path(tempfile.gettempdir())
    while True:
        for number, name in enumerate(names):
            if _locked(folder / f"transferscope-gpu{name.strip()}.lock"):
                return number
        time.sleep(SECONDS_BETWEEN_TRIES)


def _locked(path: Path) -> bool:
    """Whether this process now holds the lock on a file, which stays open for as long as the process lives."""
    # to lock a file of another user, reading is enough
    try:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            file = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as error:
        raise InputError(
            f"{path} cannot be opened ({error.strerror}), by whose lock jobs know that a GPU is taken: have its owner "
            "make it readable (chmod 644), or give each job its GPU (CUDA_VISIBLE_DEVICES)"
        ) from error
    if os.fstat(file).st_uid == os.geteuid():
        # readable for all, whatever the umask made of that
        os.fchmod(file, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    return True


def _answer(*command: str) -> str:
    """What a program says; nothing at all where it is missing or fails."""
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True).stdout
