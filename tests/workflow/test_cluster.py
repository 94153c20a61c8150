"""What is asked of a cluster, where small programs say what SLURM would say; a real one is in tests/slurm."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from running import ROOT, SMOKE, changed, command

ON_CLUSTER = ("--profile", str(ROOT / "workflow" / "profiles" / "slurm"))
# with a logger that tells what each job asks for
WORDY = ("--workflow-profile", "none")
# what Python loads before anything else: a system without locks
WITHOUT_LOCKS = """
import fcntl

def flock(*_):
    raise OSError(37, "No locks available")

fcntl.flock = flock
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """slurm(program, script): puts a program of SLURM's on the PATH that does what a shell script says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    # as on a login node
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def put(program: str, script: str) -> None:
        (folder / program).write_text(f"#!/bin/sh\n{script}\n")
        (folder / program).chmod(0o755)

    # no jobs yet; the executor's plugin cannot be loaded where there is sinfo and no squeue
    put("squeue", "exit 0")
    return put


def words(folder: Path, *arguments: str, config: Path = SMOKE, where: tuple = ON_CLUSTER) -> str:
    """All that a Snakemake on the login node says, to its end."""
    call = command(folder, *arguments, config=config, where=where)
    return subprocess.run(call, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


@pytest.mark.parametrize(
    ("nodes", "where", "expected"),
    [
        ("gpu:a100:4(S:0-1)", ON_CLUSTER, "1"),
        ("(null)", ON_CLUSTER, "0"),
        ("gpu:a100:4(S:0-1)", ("--cores", "1"), "0"),
    ],
    ids=["a cluster with GPUs", "a cluster without", "the login node itself"],
)
def test_what_trains_asks_for_a_gpu_where_there_is_one(tmp_path, slurm, nodes, where, expected):
    slurm("sinfo", f"echo '{nodes}'")
    config = changed(tmp_path, lambda config: config.update(device="auto"))
    said = words(tmp_path, "-n", "results/tas/models/residual/source.csv", config=config, where=(*where, *WORDY))
    asked = dict(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)", said, re.MULTILINE))
    gpus = {rule: re.findall(r"\bgpu=(\d+)", resources) for rule, resources in asked.items()}
    assert gpus == {"prepare_dataset": [], "pretrain": [expected]}, said


def test_jobs_that_may_be_anothers_are_left_alone_where_nothing_can_be_locked(tmp_path, slurm, monkeypatch):
    slurm("squeue", f"printf '%-64s%s\\n' 17 '{tmp_path}/.snakemake/slurm_logs/rule_pretrain/17.log'")
    slurm("scancel", f"touch {tmp_path}/cancelled")
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_LOCKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = words(tmp_path, "tas")
    assert "cannot be locked" in said
    assert "SLURM has jobs of this folder: 17: " in said
    assert not (tmp_path / "cancelled").exists() and not (tmp_path / "results").exists()


def test_a_local_run_is_refused_beside_jobs_that_a_killed_submission_left_in_the_queue(tmp_path, slurm):
    logs = tmp_path / ".snakemake/slurm_logs"
    logs.mkdir(parents=True)
    slurm("squeue", f"printf '%-64s%s\\n' 17 '{logs}/rule_pretrain/17.log'")
    here = ("--cores", "1")
    said = words(tmp_path, "tas", where=here)
    assert "SLURM still has jobs of this folder: 17: scancel 17, then run again" in said
    assert "Traceback" not in said and not (tmp_path / "results").exists()
    # what would be done may be asked all the same
    assert "still has jobs" not in words(tmp_path, "-n", "tas", where=here)


def test_logs_of_slurm_that_would_lie_elsewhere_are_refused(tmp_path, slurm):
    said = words(tmp_path, "--slurm-logdir", str(tmp_path), "tas")
    assert f"slurm-logdir is {tmp_path}: leave it out" in said
    assert not (tmp_path / "results").exists()
