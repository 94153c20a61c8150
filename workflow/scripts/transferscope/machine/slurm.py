"""SLURM jobs that outlived the Snakemake that submitted them."""

import subprocess
import time
from pathlib import Path

from transferscope.errors import InputError

# where Snakemake's executor has its jobs write: alone it tells for sure which folder a job works for
LOGS = Path(".snakemake/slurm_logs")
PATIENCE = 600  # seconds until a job that does not end is given up


def cancel_orphans() -> list[str]:
    """Cancel what an earlier Snakemake in this folder submitted, and wait until none of it can write any more.

    To be called by one that knows that it is alone here.
    Returns the ids of the jobs that were cancelled.
    Raises InputError if a job does not end, or if SLURM does not answer.
    """
    orphans = _orphans()
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
