"""What a script does around its work: its output goes to the rule's log, and its results carry their provenance."""

import contextlib
import datetime
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from transferscope import provenance, store
from transferscope.errors import InputError
from transferscope.machine.exclusive import at_work


class Job:
    """One run of a script, from its start on."""

    def __init__(self, rule: str, config: dict):
        self.rule = rule
        self.config_digest = provenance.digest(config)
        self.began = time.monotonic()

    def facts(self, **more) -> dict:
        """The facts that a file of this job carries: rule, config, versions, date, wall seconds so far, and `more`."""
        return {
            "rule": self.rule,
            "config_digest": self.config_digest,
            "versions": provenance.versions(),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "wall_seconds": round(time.monotonic() - self.began, 2),
            **more,
        }


@contextlib.contextmanager
def job_log(snakemake) -> Iterator[Job]:
    """Send everything that is printed to the rule's log; end the script with one clear message on a user's mistake.

    The message of an InputError goes to the log and to the console, without a traceback; any other error leaves its
    traceback in the log. A log that cannot be written, and a disk that is full, are such mistakes, too.
    """
    rule, path = snakemake.rule, Path(snakemake.log[0])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = open(path, "w", buffering=1)  # noqa: SIM115 (closed below)
    except OSError as error:
        sys.exit(f"error in rule {rule}: its log cannot be written ({error}): make its folder writable and run again")
    try:
        with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                with at_work(rule):
                    yield Job(rule, snakemake.config)
            except InputError as error:
                print(f"error: {error}", file=log)
                raise
            except Exception:
                traceback.print_exc(file=log)
                raise
    except InputError as error:
        sys.exit(f"error in rule {rule}: {error}")
    except Exception as error:
        reason = store.no_room(error)
        remedy = f"no room on the disk ({reason}): make some and run again"
        sys.exit(f"error in rule {rule}: {remedy}" if reason else f"rule {rule} failed; its log: {path}")
