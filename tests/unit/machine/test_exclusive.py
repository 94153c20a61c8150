"""One run at a time writes to a folder, and only to one that can be written to."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from transferscope.errors import InputError
from transferscope.machine import exclusive

AT_HOME = {"env": os.environ | {"PYTHONPATH": str(Path(exclusive.__file__).parents[2])}, "stdout": subprocess.PIPE}
HOLDER = """
import sys
from transferscope.machine import exclusive
held = exclusive.hold("running")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_folder_is_held_until_the_process_ends_however_it_ends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, **AT_HOME) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=re.escape(f"another snakemake is at work in {tmp_path}: wait until")):
            exclusive.hold("running")
        holder.send_signal(signal.SIGKILL)
    exclusive.hold("running").close()


def test_where_there_are_no_locks_a_run_goes_on_with_a_warning(tmp_path, monkeypatch, capsys):
    def unsupported(*_arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    assert exclusive.hold(tmp_path / "running") is None
    assert "cannot be locked ([Errno 37] No locks available)" in capsys.readouterr().err


# ---- jobs whose Snakemake was killed

AT_WORK = """
import sys
from transferscope.machine import exclusive
with exclusive.at_work("finetune"):
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A process that is at work in the present folder."""
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([sys.executable, "-c", AT_WORK], stdin=subprocess.PIPE, **AT_HOME) as process:
        assert process.stdout.readline() == b"at work\n"
        yield process
        process.kill()


def test_a_job_at_work_is_named_until_it_ends_however_it_ends(job, tmp_path):
    found = re.escape(f"at work in {tmp_path}: finetune (process {job.pid} on {os.uname().nodename}): end these")
    for _ in range(2):
        with pytest.raises(InputError, match=found):
            exclusive.require_idle()
    job.kill()
    job.wait()
    exclusive.require_idle()
    assert list(exclusive.JOBS.iterdir()) == []


def test_a_job_that_ended_leaves_nothing(job):
    job.communicate()
    assert job.returncode == 0 and list(exclusive.JOBS.iterdir()) == []


def test_a_folder_where_no_job_was_is_idle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exclusive.require_idle()


def test_a_rule_whose_name_is_too_long_for_a_file_is_found_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rule = "_".join(["finetune_seeds", *map(str, range(100))])
    with exclusive.at_work(rule), pytest.raises(InputError, match="finetune_seeds_0_1_2"):
        exclusive.require_idle()


def test_where_there_are_no_locks_jobs_work_and_are_not_found(tmp_path, monkeypatch):
    def unsupported(*_arguments):
        raise OSError(37, "No locks available")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fcntl, "flock", unsupported)
    with exclusive.at_work("finetune"):
        exclusive.require_idle()


# ---- folders that cannot be written to

CLOSED = """
import os, sys
from transferscope.machine import exclusive
from transferscope.errors import InputError
if os.geteuid() == 0:
    # nothing is forbidden to root
    os.setuid(int(sys.argv[1]))
try:
    exclusive.require_writable("results", "results/tas", "results/none")
except InputError as error:
    print(error)
"""
NOBODY = 65534


@pytest.mark.parametrize("closed", ["results", "results/tas"])
def test_a_folder_that_cannot_be_written_to_is_told_at_once(closed, tmp_path):
    (tmp_path / "results/tas").mkdir(parents=True)
    tmp_path.chmod(0o755)
    if os.geteuid() == 0:
        for folder in ("results", "results/tas"):
            os.chown(tmp_path / folder, NOBODY, NOBODY)
    (tmp_path / closed).chmod(0o555)
    outcome = subprocess.run([sys.executable, "-c", CLOSED, str(NOBODY)], cwd=tmp_path, **AT_HOME, text=True)
    (tmp_path / closed).chmod(0o755)
    assert outcome.stdout == (
        f"{tmp_path / closed} cannot be written to: make it writable, or copy the results elsewhere and run there\n"
    )
