"""Jobs of a killed submission, in a queue that two small programs play; a real one is in tests/slurm."""

import os

import pytest

from transferscope.errors import InputError
from transferscope.machine import slurm

SQUEUE = """#!/bin/sh
cd "{queue}" || exit 1
for job in *; do [ -e "$job" ] && printf '%-64s%s\\n' "$job" "$(cat "$job")"; done
true
"""
SCANCEL = """#!/bin/sh
cd "{queue}"
for job; do [ "$job" = stuck ] || rm "$job"; done
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Jobs in the queue, each a file with the path of its log; a run's folder is the working one."""
    programs, queue, folder = (tmp_path / name for name in ("bin", "queue", "run"))
    for path in (programs, queue, folder):
        path.mkdir()
    for name, script in (("squeue", SQUEUE), ("scancel", SCANCEL)):
        (programs / name).write_text(script.format(queue=queue))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return queue


def put(queue, job, folder):
    (queue / job).write_text(f"{folder}/.snakemake/slurm_logs/rule_pretrain/%j.log")


def test_jobs_of_this_folder_are_cancelled_and_no_others(queue, tmp_path):
    put(queue, "17", tmp_path / "run")
    put(queue, "18_2", tmp_path / "run")
    put(queue, "19", tmp_path / "run2")
    put(queue, "20", tmp_path / "run" / "below")
    (queue / "21").write_text(f"{tmp_path}/run/slurm-21.out")
    assert slurm.cancel_orphans(alone=True) == ["17", "18_2"]
    assert sorted(path.name for path in queue.iterdir()) == ["19", "20", "21"]
    assert slurm.cancel_orphans(alone=True) == []


def test_jobs_are_found_by_whatever_path_their_folder_was_entered(queue, tmp_path, monkeypatch):
    put(queue, "17", tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "link")
    assert slurm.cancel_orphans(alone=True) == ["17"]


def test_without_locks_jobs_are_named_and_none_is_cancelled(queue, tmp_path):
    put(queue, "17", tmp_path / "run")
    put(queue, "18_2", tmp_path / "run")
    put(queue, "19", tmp_path / "run2")
    with pytest.raises(InputError, match=r"jobs of this folder: 17, 18_2: .* scancel 17 18_2, then run again"):
        slurm.cancel_orphans(alone=False)
    assert sorted(path.name for path in queue.iterdir()) == ["17", "18_2", "19"]
    for job in ("17", "18_2"):
        (queue / job).unlink()
    assert slurm.cancel_orphans(alone=False) == []


def test_a_local_run_is_refused_while_jobs_of_its_folder_wait_or_work(queue, tmp_path):
    slurm.LOGS.mkdir(parents=True)
    put(queue, "19", tmp_path / "run2")
    slurm.require_none_submitted()
    put(queue, "17", tmp_path / "run")
    put(queue, "18_2", tmp_path / "run")
    with pytest.raises(InputError, match=r"SLURM still has jobs of this folder: 17, 18_2: scancel 17 18_2, then run"):
        slurm.require_none_submitted()
    assert len(list(queue.iterdir())) == 3


def test_a_local_run_asks_slurm_only_where_it_is_and_something_was_ever_submitted(queue, monkeypatch):
    queue.rmdir()
    slurm.require_none_submitted()
    slurm.LOGS.mkdir(parents=True)
    with pytest.raises(InputError, match=r"squeue fails .*: run again when SLURM answers; or, .* remove .*slurm_logs"):
        slurm.require_none_submitted()
    monkeypatch.setenv("PATH", "")
    slurm.require_none_submitted()


def test_logs_that_would_lie_elsewhere_stop_the_run():
    slurm.require_own_logs(None)
    with pytest.raises(InputError, match=r"slurm-logdir is /logs: leave it out"):
        slurm.require_own_logs("/logs")


def test_a_job_that_does_not_end_stops_the_run(queue, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "PATIENCE", 0)
    put(queue, "17", tmp_path / "run")
    put(queue, "stuck", tmp_path / "run")
    with pytest.raises(InputError, match="do not end: stuck: have them cancelled"):
        slurm.cancel_orphans(alone=True)


def test_a_slurm_that_does_not_answer_stops_the_run(queue):
    queue.rmdir()
    with pytest.raises(InputError, match=r"squeue fails .*: run again when SLURM answers"):
        slurm.cancel_orphans(alone=True)
