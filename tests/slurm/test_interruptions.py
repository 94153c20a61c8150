"""The workflow on a real SLURM: one run, to which all happens that happens to runs on a cluster."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from cluster import GPUS, OFTEN, ON_CLUSTER, Job, device_of, jobs, wait_until
from running import assert_same_arrays, changed, command, run
from safetensors.numpy import load_file

TARGETS = (
    *(f"results/tas/activations/residual/rotated/{name}.h5" for name in ("source", "seed0", "seed1")),
    "results/tas/models/transformer/source.safetensors",
)
# jobs as SLURM knows them, and their logs
PREPARE = "rule_prepare_dataset_wildcards_fashion_mnist"
RESIDUAL, TRANSFORMER = "rule_pretrain_wildcards_residual", "rule_pretrain_wildcards_transformer"
SEED_0, SEED_1 = "rule_finetune_seeds_0_wildcards_residual_rotated", "rule_finetune_seeds_1_wildcards_residual_rotated"
LOGS = {
    RESIDUAL: "pretrain/residual",
    TRANSFORMER: "pretrain/transformer",
    SEED_0: "finetune/residual/rotated-0",
    SEED_1: "finetune/residual/rotated-1",
}
EPOCHS = 60
# jobs that train ask for a GPU although they compute on the CPU
SETTINGS = (*OFTEN, "--set-resources", "pretrain:gpu=1", "finetune_seeds_0:gpu=1", "finetune_seeds_1:gpu=1")
PARTITIONS = """partitions:
  cpu: {max_runtime: 10000}
  gpu: {max_runtime: 10000, max_gpu: 3}
"""


def shorten(config: dict) -> None:
    """Leave little to do, but in trainings of many epochs, so that there is time to interrupt them."""
    for paper in set(config) - {"scale", "device", "datasets", "tasks", "models", "tas"}:
        del config[paper]
    source = config["models"]["residual"]["source"]["recipe"]
    for recipe in (source, config["models"]["transformer"]["source"]["recipe"], config["tas"]["recipe"]):
        recipe["epochs"] = EPOCHS
    few = {"seeds": [0, 1], "seeds_per_job": 1, "targets": {"rotated": "near"}}
    config["tas"] |= few | {"checkpoints": {"every_epochs": EPOCHS, "steps": []}}


class Story:
    """A run on the cluster, what is done to it, and what there is to see of it."""

    def __init__(self, folder: Path, local: Path):
        self.folder, self.local = folder, local
        self.config = changed(folder, shorten)
        self.processes = []

    def start(self, folder: Path, where: tuple, *arguments: str, **environment: str) -> subprocess.Popen:
        """One Snakemake; what it says is in snakemake.log."""
        line = command(folder, *arguments, "--", *TARGETS, config=self.config, where=where)
        with open(folder / "snakemake.log", "a") as log:
            process = subprocess.Popen(line, stdout=log, stderr=log, env=os.environ | environment)
        self.processes.append(process)
        return process

    def wait_for(self, condition: Callable[[], object], otherwise: str) -> None:
        try:
            wait_until(condition, otherwise, seconds=240)
        except TimeoutError as error:
            words = (self.folder / "snakemake.log").read_text()
            pytest.fail("\n".join([f"{error}; SLURM's jobs:", *map(str, jobs()), "Snakemake's words:", words]))

    def log(self, task: str) -> str:
        path = self.folder / f"results/tas/logs/{LOGS[task]}.log"
        return path.read_text() if path.exists() else ""

    def has_trained(self, task: str) -> bool:
        """Whether the present job of a task has an epoch behind it."""
        return re.search(r"^epoch [1-9]", self.log(task), re.MULTILINE) is not None

    def goes_on(self, task: str) -> bool:
        """Whether the present job of a task went on from an epoch of an earlier one."""
        return re.search(rf"^going on after epoch [1-9]\d* of {EPOCHS}$", self.log(task), re.MULTILINE) is not None

    def stop(self, when: Callable[[str], bool], *tasks: str) -> None:
        """Make the job of each task stand still, as soon as when(task)."""
        left = list(tasks)

        def all_stopped() -> bool:
            for task in [task for task in left if when(task)]:
                scancel(task, "--signal=STOP")
                left.remove(task)
            return not left

        self.wait_for(all_stopped, f"no epoch of {left} came to its end")
        # a job that is cancelled before SLURM knows that it stands still is taken for a stopped one ever after
        known = f"SLURM does not know that {', '.join(tasks)} stand still"
        self.wait_for(lambda: all(of(task)[-1].state == "STOPPED" for task in tasks), known)

    def preempt_the_pretraining(self) -> None:
        """Submit a job of higher priority that wants all GPUs; one that goes on after it is to meet its time limit."""
        self.stop(self.has_trained, RESIDUAL, TRANSFORMER)
        self.given = [device_of(at_work(task)) for task in (RESIDUAL, TRANSFORMER)]
        self.seen = [re.search(r"visible GPUs: (.*)", self.log(task))[1] for task in (RESIDUAL, TRANSFORMER)]
        urgent = [
            "sbatch",
            "--partition=urgent",
            f"--gpus={len(GPUS)}",
            "--mem=100",
            "--output=/dev/null",
            "--wrap=true",
        ]
        subprocess.run(urgent, check=True, capture_output=True)
        self.stop(self.goes_on, TRANSFORMER)
        # a minute after its start is the shortest that SLURM knows
        limit = ["scontrol", "update", f"JobId={at_work(TRANSFORMER)}", "TimeLimit=1"]
        subprocess.run(limit, check=True)

    def interrupt_the_finetuning(self) -> None:
        """Stop the jobs of both seeds; cancel one, and stop it again when it goes on."""
        self.stop(self.has_trained, SEED_0, SEED_1)
        scancel(SEED_1)
        self.stop(self.goes_on, SEED_1)

    def kill_the_submission(self, submission: subprocess.Popen) -> None:
        """Kill it after a job met its time limit, and let one of its jobs end thereafter."""
        self.wait_for(lambda: len(of(TRANSFORMER)) == 2, "no second attempt after the time limit")
        submission.kill()
        submission.wait()
        scancel(SEED_1, "--signal=CONT")
        self.wait_for(lambda: of(SEED_1)[-1].state == "COMPLETED", "the job of a killed submission did not end")
        self.done = {job.task for job in jobs() if job.state == "COMPLETED"}
        # what the next call would do with another config
        self.otherwise = self.would_do(self.slower())
        self.would_go_on = self.would_do(self.config)

    def slower(self) -> Path:
        """The config but for the rate of the fine-tuning."""
        config = yaml.safe_load(self.config.read_text())
        config["tas"]["recipe"]["learning_rate"] = 0.002
        other = self.config.with_name("slower.yaml")
        other.write_text(yaml.safe_dump(config))
        return other

    def would_do(self, config: Path) -> str:
        return run(self.folder, "-n", "--", *TARGETS, config=config).stdout


def of(task: str) -> list[Job]:
    """All jobs there ever were for a task."""
    return [job for job in jobs() if job.task == task]


def at_work(task: str) -> str:
    """The id of the job that is running for a task."""
    return next(job.id for job in of(task) if job.state in ("RUNNING", "SIGNALING", "STOPPED"))


def scancel(task: str, *arguments: str) -> None:
    subprocess.run(["scancel", *arguments, at_work(task)], check=True)


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory):
    story = Story(*(tmp_path_factory.mktemp(name) for name in ("cluster", "local")))
    partitions = story.folder / "partitions.yaml"
    partitions.write_text(PARTITIONS)
    try:
        first = story.start(story.folder, ON_CLUSTER, *SETTINGS)
        story.preempt_the_pretraining()
        local = story.start(story.local, ("--cores", "1"))
        story.interrupt_the_finetuning()
        story.kill_the_submission(first)
        second = story.start(story.folder, ON_CLUSTER, *SETTINGS, SNAKEMAKE_SLURM_PARTITIONS=str(partitions))
        story.wait_for(lambda: second.poll() is not None, "the second submission did not come to its end")
        assert second.returncode == 0, (story.folder / "snakemake.log").read_text()
        assert local.wait() == 0, (story.local / "snakemake.log").read_text()
        yield story
    finally:
        for process in story.processes:
            process.kill()


@pytest.fixture
def submissions(story) -> tuple[list[Job], list[Job]]:
    """The jobs of the submission that was killed, and of the one after it."""
    workflow = [job for job in jobs() if job.task.startswith("rule_")]
    first = workflow[0].submission
    return [job for job in workflow if job.submission == first], [job for job in workflow if job.submission != first]


def test_results_are_those_of_a_local_run_to_the_bit(story):
    assert_same_arrays(story.folder, story.local, "tas/activations/residual/rotated/*.h5")
    trained = [folder / TARGETS[-1] for folder in (story.folder, story.local)]
    ours, theirs = map(load_file, trained)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_job_sees_the_gpu_that_slurm_gave_it_and_no_other(story, submissions):
    assert story.given == story.seen
    assert len(set(story.given)) == 2
    for job in [*submissions[0], *submissions[1]]:
        assert job.gpus == ("gres:gpu:1" if job.task in LOGS else "N/A")


def test_a_preempted_job_is_put_back_into_the_queue_and_goes_on_from_its_last_epoch(story):
    (only,) = of(RESIDUAL)
    assert (only.state, only.restarts) == ("COMPLETED", "1")
    assert story.goes_on(RESIDUAL)


def test_a_cancelled_job_is_submitted_again_and_goes_on(story):
    assert [job.state for job in of(SEED_1)] == ["CANCELLED", "COMPLETED"]
    assert story.goes_on(SEED_1)


def test_a_job_at_its_time_limit_is_submitted_again_with_more_time_and_goes_on(story):
    first, second, *_ = of(TRANSFORMER)
    (in_time,) = of(RESIDUAL)
    assert (in_time.limit, second.limit) == ("12:00:00", "1-00:00:00")
    assert (first.state, of(TRANSFORMER)[-1].state) == ("TIMEOUT", "COMPLETED")
    assert story.goes_on(TRANSFORMER)


def test_after_a_killed_submission_nothing_is_done_twice_or_side_by_side(story, submissions):
    first, second = submissions
    assert {PREPARE, RESIDUAL, SEED_1} <= story.done
    assert story.done.isdisjoint(job.task for job in second)
    assert [job.state for job in of(SEED_0)] == ["CANCELLED", "COMPLETED"]
    assert story.goes_on(SEED_0)
    assert all(job.state == "COMPLETED" for job in second)
    # times are written such that their order is that of the text
    assert max(job.end for job in first) <= min(job.start for job in second)


def test_what_ended_unseen_is_made_anew_when_its_config_changes(story):
    seed_1 = re.compile(r"finetune seeds 1 +1\b")
    # at once
    assert seed_1.search(story.otherwise) and not seed_1.search(story.would_go_on)
    # and after a submission that took it as it was
    assert "Nothing to be done" in story.would_do(story.config)
    assert seed_1.search(story.would_do(story.slower()))


def test_partitions_are_the_default_one_or_those_of_the_sites_file(submissions):
    first, second = submissions
    assert {job.partition for job in first} == {"cpu"}
    assert {job.partition for job in second if job.gpus != "N/A"} == {"gpu"}
    assert {job.partition for job in second if job.gpus == "N/A"} == {"cpu"}
