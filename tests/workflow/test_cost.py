"""What the papers' scale costs: the page says what the command derives, and the command counts what would run."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from running import ROOT, SMOKE, listed, run

from transferscope import configuration
from transferscope.cost.page import costs
from transferscope.cost.sizes import Size

DEMO, PAPER = ROOT / "config" / "config.yaml", ROOT / "config" / "paper.yaml"
PAGE = ROOT / "docs" / "cost.md"
# of any network, as jobs are not counted by it
SIZE = Size(flop=1, below=(0,) * 9, units=(), calls=1, tensors=1, layers=1, features=1)


def test_the_page_is_what_the_command_writes(tmp_path):
    outcome = run(tmp_path, "cost", config=PAPER)
    assert outcome.returncode == 0, outcome.stdout
    assert (tmp_path / "results/cost.md").read_text() == PAGE.read_text()


@pytest.mark.parametrize("path", [DEMO, PAPER, SMOKE], ids=["demo", "paper", "smoke"])
def test_the_jobs_that_are_counted_are_those_that_would_run(tmp_path, path):
    jobs, with_a_gpu = Counter(), Counter()
    papers = {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")} & yaml.safe_load(path.read_text()).keys()
    for job in listed(tmp_path, path):
        ((log,), _) = job["log"]
        folder = log.split("/")[1]
        name = folder if folder in papers else "report" if job["rule"] == "write_config" else "images"
        jobs[name] += 1
        with_a_gpu[name] += takes_a_gpu(job)
    # those without a script: the report itself, and the target of all
    jobs["report"] += 2
    counted = costs(configuration.load([path]), lambda *_: SIZE)
    assert {name: (work.jobs, work.gpu_jobs) for name, work in counted.items()} == {
        name: (jobs[name], with_a_gpu[name]) for name in ["images", *papers, "report"]
    }


def takes_a_gpu(job) -> bool:
    """Whether a job asks for a GPU where there is one."""
    source = ROOT / "workflow/rules"
    return any(
        "gpu=gpus()" in rule
        for path in source.glob("*.smk")
        for rule in re.split(r"^(?:    )?rule\b", path.read_text(), flags=re.MULTILINE)
        if f'"../scripts/{Path(job["script"]).name}"' in rule
    )


def test_jobs_of_the_papers_scale_ask_for_what_they_take(tmp_path):
    """The state that a job writes after each epoch, and hours by the paper's own arithmetic: see config/paper.yaml."""
    jobs = listed(tmp_path, PAPER)
    sweeps = [job for job in jobs if job["rule"].startswith("train_sweeps")]
    assert len(sweeps) == 66
    for job in sweeps:
        (_, params) = job["params"]
        (sweep,) = params["sweeps"]
        joint = sweep["half"] is not None
        # weights and two moments of float32; torch, CUDA and the images take some 4 GB
        networks, parameters = len(sweep["networks"]), 60e6 if joint else 21e6
        assert job["mem_mb"] >= 12 * networks * parameters / 1e6 + 4000
        # 9.0 TFLOP/s; an attempt that is ended at its limit is followed by one of twice, and one of three times as much
        flop = networks * (5.3e17 if joint else 9.05e15)
        hours = len(params["seeds"]) * flop / 9.0e12 / 3600
        assert (1 + 2 + 3) * job["runtime"] / 60 >= 2 * hours
    assert max(job["runtime"] for job in jobs) <= 3 * 24 * 60
    assert max(job["mem_mb"] for job in jobs) <= 24_000
