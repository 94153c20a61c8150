"""What a script does around its work: its output goes to the rule's log, and its results carry their provenance."""

import contextlib
import datetime
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from transferscope import provenance
from transferscope.errors import InputError


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
    traceback in the log.
    """
    console = sys.stderr
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", buffering=1) as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            yield Job(snakemake.rule, snakemake.config)
        except InputError as error:
            print(f"error: {error}", file=log)
            print(f"error in rule {snakemake.rule}: {error}", file=console)
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=log)
            print(f"rule {snakemake.rule} failed; its log: {path}", file=console)
            sys.exit(1)
