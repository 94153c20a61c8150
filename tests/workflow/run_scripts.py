"""Runs scripts of the workflow, one after the other, where there is no Snakemake and nothing but an environment.

Started with `python -I` by the environment's Python. Takes jobs as `list_jobs.py` describes them from standard input,
and answers each with a line of JSON: what went wrong, which modules came from outside the environment, and which
packages were imported so far.
"""

import gc
import io
import json
import os
import pickle
import runpy
import sys
import sysconfig
import traceback
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace

SCRIPTS = str(Path(__file__).parents[2] / "workflow" / "scripts")
STANDARD = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}


class Named(list):
    """A list, some of whose values have names, and can be found by them."""

    def __init__(self, values, names):
        super().__init__(values)
        self.__dict__.update(names)

    def __getitem__(self, key):
        return self.__dict__[key] if isinstance(key, str) else super().__getitem__(key)

    def items(self):
        return self.__dict__.items()


def handed_over(job):
    """What a script knows as `snakemake`."""
    lists = {key: Named(*job[key]) for key in ("input", "output", "log", "wildcards", "params")}
    return SimpleNamespace(**lists, rule=job["rule"], config=job["config"], threads=1)


def foreign():
    """Modules, by name, that are of another place than the environment, Python's own library and the scripts."""
    ours = tuple(f"{place}{os.sep}" for place in (sys.prefix, SCRIPTS))
    found = []
    for name, module in sys.modules.items():
        file = getattr(module, "__file__", None) or ""
        standard = any(file.startswith(f"{place}{os.sep}") for place in STANDARD) and "site-packages" not in file
        # a module that a package makes as it runs names no file, or none that could be found
        if os.path.isabs(file) and name != "__main__" and not standard and not file.startswith(ours):
            found.append(f"{name} ({file})")
    return found


def run(job):
    """Run a job's script; what went wrong, or None."""
    for path in [*job["output"][0], *job["log"][0]]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    errors = io.StringIO()
    try:
        with redirect_stderr(errors):
            runpy.run_path(job["script"], {"snakemake": handed_over(job)}, run_name="__main__")
    # a script that fails ends with one; its log then says why
    except SystemExit:
        return errors.getvalue() + Path(job["log"][0][0]).read_text()
    except BaseException:
        return traceback.format_exc()
    return None


sys.path.append(SCRIPTS)
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
while sys.stdin.buffer.peek(1):
    error = run(pickle.load(sys.stdin.buffer))
    # figures are many objects that refer to each other
    gc.collect()
    imported = sorted({name.partition(".")[0] for name in sys.modules})
    print(json.dumps({"error": error, "foreign": foreign(), "imported": imported}), file=answers, flush=True)
