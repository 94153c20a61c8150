"""Before a run writes: folders that can be written to, and that nothing else writes to until this run ends."""

import contextlib
import fcntl
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from transferscope.errors import InputError

# of the working folder: one file for each job at work, which has it locked
JOBS = Path(".snakemake/jobs")


def require_writable(*folders: str | Path) -> None:
    """Raise InputError if one of these folders is there and cannot be written to."""
    closed = [Path(folder).absolute() for folder in folders if Path(folder).exists() and not os.access(folder, os.W_OK)]
    if closed:
        more = f" and {len(closed) - 1} more" if closed[1:] else ""
        raise InputError(
            f"{closed[0]}{more} cannot be written to: make it writable, or copy the results elsewhere and run there"
        )


def hold(lock: str | Path) -> IO | None:
    """Hold the working folder for this process; it is free again when the process ends, be it killed.

    lock: a file of the folder, made if it is not there.
    Returns the open file, which holds the folder while it is open; None, with a warning, where there are no locks.
    Raises InputError if another process holds the folder.
    """
    file = open(lock, "w")  # noqa: SIM115 (the caller's to close)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(
            f"another snakemake is at work in {os.getcwd()}: wait until it ends, or use another --directory"
        ) from None
    except OSError as error:
        file.close()
        print(f"warning: {lock} cannot be locked ({error}): see to it that only one run writes here", file=sys.stderr)
        return None
    return file


@contextlib.contextmanager
def at_work(rule: str) -> Iterator[None]:
    """Within this block, `require_idle` finds a job at work in the working folder, whether its Snakemake lives or not.

    The system takes the lock back when the process ends, in whatever way. Without locks, no job is ever found.
    """
    JOBS.mkdir(parents=True, exist_ok=True)
    # a file's name has 255 bytes at most, and a rule's may name a hundred seeds
    path = JOBS / f"{rule[:100]} (process {os.getpid()} on {platform.node()})"
    with open(path, "w") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def require_idle() -> None:
    """Raise InputError if jobs are at work in the working folder: those of a run that was killed without them.

    To be called by the one that holds the folder, before it starts a job.
    """
    jobs = [path for path in sorted(JOBS.glob("*")) if _is_at_work(path)]
    if jobs:
        raise InputError(
            f"jobs of a killed run are still at work in {os.getcwd()}: {', '.join(path.name for path in jobs)}: "
            "end these processes (kill), then run again: a training goes on after its last whole epoch"
        )


def _is_at_work(job: Path) -> bool:
    """Whether a process has the file of a job locked. What a job left that was killed is removed."""
    try:
        # on some network file systems only who may write may lock
        with open(job, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            job.unlink()
    except BlockingIOError:
        return True
    except OSError:
        # no locks here
        return False
    return False
