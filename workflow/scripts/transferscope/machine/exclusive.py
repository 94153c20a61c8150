"""Before a run writes: folders that can be written to, and that no other run writes to until this one ends."""

import fcntl
import os
import sys
from pathlib import Path
from typing import IO

from transferscope.errors import InputError


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
