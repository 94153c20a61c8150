"""Jobs of training runs: each run once under each seed, and never beside one that it waits for."""

from collections import Counter
from pathlib import Path

import pytest

from transferscope import configuration
from transferscope.runs import batches
from transferscope.runs.anb import anb_runs
from transferscope.runs.basins import basin_runs
from transferscope.runs.quanta import quanta_sweeps
from transferscope.runs.similarity import similarity_runs

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["config/config.yaml", "config/paper.yaml", "tests/workflow/smoke.yaml"])
def config(request):
    return configuration.load([ROOT / request.param])


def test_each_run_is_in_one_job_under_each_seed(config):
    found = {
        "anb": (anb_runs, [(runs, [0]) for runs in batches.anb_batches(config)]),
        "similarity": (similarity_runs, [(runs, [0]) for runs in batches.similarity_batches(config)]),
        "quanta": (quanta_sweeps, batches.quanta_batches(config)),
        "basins": (basin_runs, batches.basin_batches(config)),
    }
    for paper, (runs_of, jobs) in found.items():
        seeds = config[paper]["seeds"] if paper in ("quanta", "basins") else [0]
        expected = [(run.name, seed) for run in runs_of(config) for seed in seeds]
        assert Counter((run.name, seed) for runs, each in jobs for run in runs for seed in each) == Counter(expected)
        assert max(len(runs) for runs, _ in jobs) <= config[paper]["runs_per_job"]


def test_no_run_shares_a_job_with_one_that_it_waits_for(config):
    for runs in batches.similarity_batches(config):
        assert not {run.start for run in runs} & {run.name for run in runs}
    for runs in batches.anb_batches(config):
        assert not {run.source for run in runs} & {run.name for run in runs}
    for runs, _ in batches.quanta_batches(config):
        # those of the joint figure wait for base networks of `anb`
        assert len({run.half is None for run in runs}) == 1
    for runs, _ in batches.basin_batches(config):
        # of these the first tells whether P is waited for
        assert len({run.start is None for run in runs}) == 1


def test_the_longest_runs_of_the_papers_scale_have_a_job_for_each_seed():
    config = configuration.load([ROOT / "config/paper.yaml"])
    apart = [seeds for runs, seeds in batches.basin_batches(config) if runs[0].name == "P"]
    apart += [seeds for runs, seeds in batches.quanta_batches(config) if runs[0].half]
    assert apart == [[0], [1], [2]] * 3


def test_runs_are_dealt_out_like_cards_to_and_fro():
    assert batches.dealt("abcdefg", 3) == [["a", "f", "g"], ["b", "e"], ["c", "d"]]
    assert batches.dealt([], 3) == []
    assert batches.split([5, 6, 7], 2) == [[5, 6], [7]]


def test_jobs_of_a_sweep_over_layers_have_about_as_many_frozen_layers_each():
    config = configuration.load([ROOT / "config/config.yaml"])
    copied = [runs for runs in batches.anb_batches(config) if runs[0].n]
    # the fewer layers are frozen, the longer a run takes
    assert len(copied) == len(config["anb"]["layers"])
    means = [sum(run.n for run in runs) / len(runs) for runs in copied]
    assert max(means) - min(means) < 0.5
