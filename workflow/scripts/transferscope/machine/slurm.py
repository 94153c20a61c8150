"""SLURM jobs that outlived the Snakemake that submitted them."""

import shutil
import subprocess
import time
from pathlib import Path

from transferscope.errors import InputError

# where Snakemake's executor has its jobs write: alone it tells for sure which folder a job works for
LOGS = Path(".snakemake/slurm_logs")
PATIENCE = 600  # seconds until a job that does not end is given up


def require_own_logs(logdir: str | Path | None) -> None:
    """Raise InputError if SLURM's logs go elsewhere (the executor's `slurm-logdir`) than to the working folder."""
    if logdir is not None:
        raise InputError(
            f"slurm-logdir is {logdir}: leave it out: the jobs of a killed submission are known by logs in {LOGS}"
        )


def cancel_orphans(alone: bool) -> list[str]:
    """Cancel what an earlier Snakemake in this folder submitted, and wait until none of it can write any more.

    alone: whether it is known that no other Snakemake is at work here, whose jobs these could be.
    Returns the ids of the jobs that were cancelled.
    Raises InputError if there are jobs and it is not known, if a job does not end, or if SLURM does not answer.
    """
    orphans = _orphans()
    if orphans and not alone:
        raise InputError(
            f"SLURM has jobs of this folder: {', '.join(orphans)}: where files cannot be locked, nothing tells whether "
            f"another snakemake waits for them. If none does: scancel {' '.join(orphans)}, then run again"
        )
    if orphans:
        print(f"cancelling jobs of a killed submission: {', '.join(orphans)}", flush=True)
        _ask("scancel", *orphans)
    deadline = time.monotonic() + PATIENCE
    while left := _orphans():
        if time.monotonic() > deadline:
            raise InputError(
                f"SLURM jobs of a killed submission do not end: {', '.join(left)}: have them cancelled, then run again"
            )
        time.sleep(1)
    return orphans


def require_none_submitted() -> None:
    """Raise InputError if SLURM has jobs of this folder, waiting ones included, beside which a local run would write.

    SLURM is asked only where it is and jobs were ever submitted from here. Raises InputError if it does not answer.
    """
    if not LOGS.is_dir() or not shutil.which("squeue"):
        return
    try:
        orphans = _orphans()
    except InputError as error:
        raise InputError(f"{error}; or, if no job of this folder can be left, remove {LOGS}") from error
    if orphans:
        raise InputError(
            f"SLURM still has jobs of this folder: {', '.join(orphans)}: scancel {' '.join(orphans)}, then run again, "
            "or go on with the profile for SLURM, which cancels what a killed submission left"
        )


def _orphans() -> list[str]:
    """Jobs in the queue, running and ending ones included, that write below this folder."""
    listing = _ask("squeue", "--me", "--array", "--noheader", "--Format=JobArrayID:64,STDOUT:4096")
    folder = f"{LOGS.resolve()}/"
    return [line[:64].strip() for line in listing.splitlines() if line[64:].startswith(folder)]


def _ask(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise InputError(f"{command[0]} fails ({answer.stderr.strip()}): run again when SLURM answers")
    return answer.stdout
