"""What a job asks of a cluster: enough for what the papers' scale makes it do, and no more than a site has."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from transferscope import configuration
from transferscope.cost import jobs, known
from transferscope.cost.papers import exploration, trained
from transferscope.cost.speed import RESNET50_FLOP, hours
from transferscope.runs import batches
from transferscope.runs.quanta import quanta_sources
from transferscope.runs.training import TrainingRun

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def config():
    return configuration.load([ROOT / "config" / "paper.yaml"])


def of_epochs(config, epochs: int) -> TrainingRun:
    """A run of so many epochs of CIFAR-10 whose optimiser steps are few."""
    return TrainingRun(
        "run", config["tasks"]["cifar10"], config["quanta"]["recipe"] | {"epochs": epochs, "batch_size": 1000}
    )


def test_the_sizes_in_the_list_are_those_of_the_papers_networks(config):
    assert json.loads(known.SIZES.read_text()) == known.measured(config["models"]), known.__doc__


def test_what_a_job_asks_for_is_told_without_torch():
    call = "import sys, transferscope.cost.jobs; sys.exit(any(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", call], cwd=ROOT / "workflow/scripts").returncode == 0


def test_memory_is_that_of_the_copy_of_all_networks_that_is_written(config):
    ((sweep,), _), *_ = batches.quanta_batches(config)
    assert len(sweep.networks) == 7 * 3 + 1
    model = config["models"]["conv7"]
    parameters = known.known_size(model).tensors
    # weights and two moments of Adam's, float32; beside them, if not on a GPU, they and the gradient themselves
    assert jobs.memory_mb(8000, model, [sweep], on_gpu=True) == 8000 + -(-22 * parameters * 12 // 10**6)
    assert jobs.memory_mb(8000, model, [sweep], on_gpu=False) == 8000 + -(-22 * parameters * 28 // 10**6)
    # runs follow each other
    assert jobs.memory_mb(0, model, [of_epochs(config, 1)] * 5, on_gpu=True) == -(-parameters * 12 // 10**6)


def test_time_is_twice_the_estimate_up_to_a_day_and_then_what_three_attempts_need(config):
    model = config["models"]["conv7"]
    # 50,000 images are trained on, and 10,000 tested on, once more than there are epochs
    flop = known.known_size(model).flop
    epoch = flop * (3 * 50_000 + 10_000) / (3 * RESNET50_FLOP * 367) / 60

    def asked(epochs: int, least: int = 0, seeds: int = 1) -> int:
        return jobs.training_minutes(least, config, model, [of_epochs(config, epochs)], seeds)

    assert asked(1000) == pytest.approx(2 * 1000 * epoch, rel=0.01)
    assert asked(1000, least=1000) == 1000
    days = round(24 * 60 / epoch)
    assert asked(2 * days) == asked(days) == 24 * 60
    # 1 + 2 + 3 times that are twice the estimate
    assert asked(10 * days) == pytest.approx(2 * 10 * days * epoch / 6, rel=0.01)
    assert asked(5 * days, seeds=2) == pytest.approx(asked(10 * days), rel=0.01)


def test_models_and_images_of_unknown_size_leave_a_job_what_it_asks_for_anyway(config):
    run, model = of_epochs(config, 10**6), config["models"]["conv7"]
    unknown = model | {"options": {"widths": [8, 8], "hidden": 8}}
    assert jobs.training_minutes(480, config, unknown, [run], 1) == 480
    assert jobs.memory_mb(8000, unknown, [run], on_gpu=True) == 8000
    folder = {"mine": {"loader": "ImageFolder", "root": "mine", "size": 32}}
    parts = {"train": {"split": "all", "rows": [0, 0.8]}, "test": {"split": "all", "rows": [0.8, 1.0]}}
    mine = TrainingRun("mine", {"dataset": "mine", **parts}, run.recipe)
    assert jobs.training_minutes(480, config | {"datasets": folder}, model, [mine], 1) == 480


def trainings(config) -> list[tuple[str, str, list, list]]:
    """Paper, model, runs and seeds of each job of the papers' scale that trains from a run table."""
    seeds = {paper: config[paper]["seeds"] for paper in ("anb", "similarity")}
    found = [("anb", config["anb"]["model"], runs, seeds["anb"]) for runs in batches.anb_batches(config)]
    found += [("similarity", "conv4", runs, seeds["similarity"]) for runs in batches.similarity_batches(config)]
    found.append(("quanta", "conv7", quanta_sources(config), config["quanta"]["seeds"]))
    for runs, seeds in batches.quanta_batches(config):
        found.append(("quanta", "conv7" if runs[0].half is None else config["anb"]["model"], runs, seeds))
    return found + [("basins", "resnet50", runs, seeds) for runs, seeds in batches.basin_batches(config)]


def test_three_attempts_are_twice_what_any_training_of_the_papers_scale_takes_and_the_first_is_a_day_or_two(config):
    asked = []
    for paper, name, runs, seeds in trainings(config):
        model = config["models"][name]
        passes = [each for run in runs for each in trained(config, run, known.known_size(model))]
        estimate = 60 * len(seeds) * hours(passes, config["precision"])
        asked.append(jobs.training_minutes(0, config, model, runs, len(seeds)))
        assert (1 + 2 + 3) * asked[-1] >= 2 * estimate, (paper, runs[0].name)
    assert max(asked) <= 2 * jobs.DAY


def test_modules_are_explored_in_the_first_attempt_as_none_goes_on(config):
    model = config["models"]["resnet50"]
    for runs, seeds in batches.exploration_batches(config):
        passes = [exploration(config, run, known.known_size(model)) for run in runs]
        minutes = jobs.exploring_minutes(0, config, model, runs, len(seeds))
        assert minutes == pytest.approx(2 * 60 * len(seeds) * hours(passes, config["precision"]), rel=0.01)
        assert minutes <= 3 * jobs.DAY


def test_a_dataset_is_prepared_in_the_first_attempt_however_many_images_it_has(config):
    # the longest of decoding ImageNet alone, and none that is near the limit
    assert jobs.preparing_minutes(config["datasets"]["imagenet"]) >= 1.5 * 127
    assert jobs.preparing_minutes(config["datasets"]["cifar10"]) == 120
    folder = {"loader": "ImageFolder", "root": "mine", "size": 32}
    assert jobs.preparing_minutes(folder) == jobs.preparing_minutes(folder | {"loader": "DomainNet"}) == 480


def test_attempts_are_those_of_the_profile():
    profile = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
    assert 1 + profile["retries"] == jobs.ATTEMPTS
