"""How many GPUs there are, as programs and variables tell, and one of them a process, tried with real ones."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from transferscope.machine import gpus

SCRIPTS = Path(__file__).parents[3] / "workflow" / "scripts"
# tells the number of its GPU, and keeps it until its standard input ends
HOLD = """
import sys
from transferscope.machine import gpus
print(gpus.claim({names}), flush=True)
sys.stdin.read()
"""


# ---- how many


@pytest.fixture
def says(tmp_path, monkeypatch):
    """says(program, text): on PATH there is this program alone, and it says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(program: str, text: str, status: int = 0):
        path = tmp_path / program
        path.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
        path.chmod(0o755)
        gpus.gpus_here.cache_clear()
        gpus.gpus_in_cluster.cache_clear()

    yield put
    gpus.gpus_here.cache_clear()
    gpus.gpus_in_cluster.cache_clear()


@pytest.mark.parametrize(
    ("visible", "count"),
    [("0", 1), ("0,1,2", 3), ("", 0), ("-1", 0), ("0,-1,1", 1), ("NoDevFiles", 0), ("GPU-8932f937, MIG-4f0", 2)],
)
def test_gpus_are_counted_as_cuda_reads_its_variable(says, monkeypatch, visible, count):
    says("nvidia-smi", "GPU 0: H100 (UUID: GPU-1)")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.gpus_here() == count


def test_without_the_variable_all_gpus_of_the_machine_count(says):
    says("sinfo", "")
    assert gpus.gpus_here() == 0
    says("nvidia-smi", "GPU 0: NVIDIA H100 (UUID: GPU-1)\n  MIG 1g: (UUID: MIG-2)\nGPU 1: NVIDIA H100 (UUID: GPU-3)")
    assert gpus.gpus_here() == 2
    says("nvidia-smi", "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.", status=9)
    assert gpus.gpus_here() == 0


@pytest.mark.parametrize(
    ("resources", "there"),
    [
        ("gpu:2", True),
        ("(null)\ngpu:a100:4(S:0-1)", True),
        ("shard:4,gpu:1", True),
        ("(null)", False),
        ("fpga:1", False),
    ],
)
def test_a_cluster_has_gpus_where_any_node_has(says, resources, there):
    says("sinfo", resources)
    assert gpus.gpus_in_cluster() == there


def test_without_slurm_there_is_no_cluster_with_gpus(says):
    says("nvidia-smi", "GPU 0: NVIDIA H100 (UUID: GPU-1)")
    assert not gpus.gpus_in_cluster()


# ---- one a process


@pytest.fixture
def start(tmp_path):
    """Starts a process that claims one of the GPUs from the first one on, up to a number."""
    running = []

    def started(count: int, first: int = 0) -> subprocess.Popen:
        call = HOLD.format(names=tuple(map(str, range(first, count))))
        environment = os.environ | {"PYTHONPATH": SCRIPTS, "TMPDIR": str(tmp_path)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen([sys.executable, "-c", call], env=environment, **pipes))
        return running[-1]

    yield started
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def number(process: subprocess.Popen) -> int:
    """The GPU that a process has, as soon as it has one."""
    return int(process.stdout.readline())


def test_processes_at_one_time_have_different_gpus(start):
    assert sorted(map(number, [start(3), start(3), start(3)])) == [0, 1, 2]


def test_one_more_process_waits_for_the_first_gpu_that_is_free_however_its_process_ended(start):
    holders = {number(process): process for process in (start(2), start(2))}
    waiting = start(2)
    holders[1].kill()
    assert number(waiting) == 1
    last = start(2)
    holders[0].communicate()
    assert number(last) == 0


def test_a_process_keeps_the_gpu_that_it_has(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert gpus.claim(("0", "1")) == gpus.claim(("0", "1")) == 0


def test_processes_that_see_different_gpus_take_none_from_each_other(start):
    # 0 and 1; 2 and 3, of which the first has the number 0 for one that sees no others
    assert sorted(map(number, [start(2), start(2), start(4, first=2), start(4, first=2)])) == [0, 0, 1, 1]


# ---- several users

# claims a GPU by a file in the present folder; as another user, where it may
CLAIM = """
import os, sys, tempfile
from transferscope.errors import InputError
from transferscope.machine import gpus
tempfile.tempdir = ""
os.umask(int(sys.argv[1], 8))
if os.geteuid() == 0:
    os.setuid(int(sys.argv[2]))
try:
    print(gpus.claim(("0", "1")))
except InputError as error:
    print(error)
"""
ROOT, NOBODY = "0", "65534"


def claimed(folder: Path, umask: str, user: str) -> str:
    """What a process says that claims one of two GPUs."""
    call, environment = [sys.executable, "-c", CLAIM, umask, user], os.environ | {"PYTHONPATH": str(SCRIPTS)}
    return subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def shared(tmp_path) -> Path:
    """A folder that all users may write to."""
    tmp_path.chmod(0o1777)
    return tmp_path


def test_a_gpu_is_free_for_all_users_after_the_job_of_one_who_lets_nobody_read_their_files(shared):
    assert claimed(shared, "077", ROOT) == "0"
    (lock,) = shared.iterdir()
    assert lock.stat().st_mode & 0o777 == 0o644
    # left as an earlier job made it
    lock.chmod(0o600)
    assert claimed(shared, "077", ROOT) == "0"
    assert claimed(shared, "022", NOBODY) == "0"


def test_a_lock_that_cannot_be_opened_is_told_with_what_to_do(shared):
    (shared / "transferscope-gpu0.lock").touch(mode=0)
    said = claimed(shared, "022", NOBODY)
    assert said.startswith("transferscope-gpu0.lock cannot be opened (Permission denied), by whose lock")
    assert "make it readable (chmod 644), or give each job its GPU" in said
