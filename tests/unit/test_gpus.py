"""One GPU a process: tried with real processes, and without any GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from transferscope import gpus

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
# tells the number of its GPU, and keeps it until its standard input ends
HOLD = (
    "import sys; from transferscope import gpus; print(gpus.claim({names}, {folder!r}), flush=True); sys.stdin.read()"
)


@pytest.fixture
def start(tmp_path):
    """Starts a process that claims one of the GPUs from the first one on, up to a number."""
    running = []

    def started(count: int, first: int = 0) -> subprocess.Popen:
        call = HOLD.format(names=tuple(map(str, range(first, count))), folder=str(tmp_path))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running.append(
            subprocess.Popen([sys.executable, "-c", call], env=os.environ | {"PYTHONPATH": SCRIPTS}, **pipes)
        )
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


def test_a_process_keeps_the_gpu_that_it_has(tmp_path):
    assert gpus.claim(("0", "1"), tmp_path) == gpus.claim(("0", "1"), tmp_path) == 0


def test_processes_that_see_different_gpus_take_none_from_each_other(start):
    # 0 and 1; 2 and 3, of which the first has the number 0 for one that sees no others
    assert sorted(map(number, [start(2), start(2), start(4, first=2), start(4, first=2)])) == [0, 0, 1, 1]
