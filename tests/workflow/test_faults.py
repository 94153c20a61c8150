"""What can go wrong with a run: it heals with the next call, or it ends with a message that says what to do."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from running import ROOT, SMOKE, assert_same_arrays, assert_same_results, changed, command, run

NOTHING_TO_DO = "Nothing to be done"


def start_and_wait_for(folder: Path, appears: str, config: Path = SMOKE) -> subprocess.Popen:
    """A run in a process group of its own, once a file has appeared in it."""
    output = subprocess.DEVNULL
    process = subprocess.Popen(
        command(folder, "tas", config=config),
        stdout=output,
        stderr=output,
        start_new_session=True,
        # a script that runs the tests in the background has them ignore Ctrl-C, and so would this process
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob(appears)):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be stopped"
        time.sleep(0.05)
    return process


def small(config: dict) -> None:
    """One model, one target; and epochs that take a while."""
    for paper in set(config) & {"similarity", "anb", "quanta", "convergent", "basins"}:
        del config[paper]
    config["tas"].update(models=["residual"], targets={"rotated": "near"}, checkpoints={"every_epochs": None})
    config["tas"]["recipe"]["epochs"] = 40


def copied(finished: Path, folder: Path) -> Path:
    """A copy of a run with the ages of its files, as `cp -a` makes it."""
    return shutil.copytree(finished, folder, symlinks=True)


# ---- interruptions


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_run_that_was_stopped_goes_on_and_gives_the_same(finished, tmp_path, kill):
    process = start_and_wait_for(tmp_path, "results/tas/unfinished/finetune/*/*/seeds0/seed0/*")
    os.killpg(process.pid, kill)
    process.wait(timeout=60)
    assert not (tmp_path / "results/tas/tables/scores.csv").exists()
    outcome = run(tmp_path, "tas")
    assert outcome.returncode == 0, outcome.stdout
    assert_same_results(finished, tmp_path)


def jobs_of(snakemake: subprocess.Popen, script: str) -> list[psutil.Process]:
    """Processes that run a script for a Snakemake at work."""
    found = []
    for process in psutil.Process(snakemake.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if script in " ".join(process.cmdline()[1:2]):
                found.append(process)
    return found


def test_a_job_that_was_killed_goes_on_after_its_last_epoch(tmp_path):
    config, log = changed(tmp_path, small), tmp_path / "results/tas/logs/finetune/residual/rotated-0.log"
    process = start_and_wait_for(tmp_path, "results/tas/unfinished/finetune/*/*/seeds0/seed0/state.safetensors", config)
    while "epoch 2/" not in log.read_text():
        time.sleep(0.01)
    (job,) = jobs_of(process, "finetune.py")
    job.kill()
    assert process.wait(timeout=120) != 0
    epochs = int(re.findall(r"^epoch (\d+)", log.read_text(), re.MULTILINE)[-1])
    outcome = run(tmp_path, "tas", config=config)
    assert outcome.returncode == 0, outcome.stdout
    went_on = int(re.search(r"going on after epoch (\d+) of 40", log.read_text())[1])
    # its last line may have been cut
    assert went_on in (epochs, epochs + 1)
    left = [path for path in (tmp_path / "results").rglob(".*") if path.name != ".snakemake_timestamp"]
    assert left == [] and not (tmp_path / "results/tas/unfinished/finetune/residual/rotated/seeds0").exists()


def test_jobs_that_outlive_their_snakemake_are_named_and_never_joined_by_their_like(tmp_path):
    config, log = changed(tmp_path, small), tmp_path / "results/tas/logs/finetune/residual/rotated-0.log"
    process = start_and_wait_for(tmp_path, "results/tas/unfinished/finetune/*/*/seeds0/seed0/state.safetensors", config)
    (job,) = jobs_of(process, "finetune.py")
    job.suspend()
    process.kill()
    process.wait(timeout=60)
    said = log.read_text()
    try:
        refused = run(tmp_path, "tas", config=config)
        assert refused.returncode != 0 and "Traceback" not in refused.stdout
        jobs = rf"finetune \(process {job.pid} on [^,]*\)"
        assert re.search(f"jobs of a killed run are still at work in {tmp_path}: {jobs}: end these", refused.stdout)
        assert job.is_running() and log.read_text() == said
        # what would be done may be asked all the same
        assert run(tmp_path, "-n", "tas", config=config).returncode == 0
    finally:
        job.kill()
    psutil.wait_procs([job], timeout=60)
    outcome = run(tmp_path, "results/tas/models/residual/rotated/seed0/epoch40.safetensors", config=config)
    assert outcome.returncode == 0, outcome.stdout
    assert re.search(r"going on after epoch \d+ of 40", log.read_text())


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_goes_on(tmp_path):
    process = start_and_wait_for(tmp_path, "results/tas/logs/*")
    second = run(tmp_path, "tas")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    assert second.returncode != 0
    assert f"another snakemake is at work in {tmp_path}" in second.stdout


# ---- disks


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system in a folder; skips the test where the user may not mount any."""
    folder.mkdir(exist_ok=True)
    outcome = subprocess.run(["mount", *options, folder], capture_output=True, text=True)
    if outcome.returncode:
        pytest.skip(f"no file system can be mounted here: {outcome.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(tmp_path):
    folder, config = tmp_path / "disk", changed(tmp_path, small)
    with mounted(folder, "-t", "tmpfs", "-o", "size=4m", "tmpfs"):
        full = run(folder, "tas", config=config)
        assert full.returncode != 0
        assert re.search(r"error in rule .*No space left on device.*make (some|room).* and run again", full.stdout)
        assert "Traceback" not in full.stdout
        subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
        outcome = run(folder, "tas", config=config)
        assert outcome.returncode == 0, outcome.stdout


def test_a_read_only_folder_is_told_before_any_job(finished, tmp_path):
    folder = copied(finished, tmp_path / "copy")
    results = str(folder / "results")
    (folder / "results/tas/figures/table1.png").unlink()
    with mounted(folder / "results", "--bind", results):
        subprocess.run(["mount", "-o", "remount,bind,ro", results], check=True)
        refused = run(folder, "tas")
        seen = run(folder, "-n", "similarity")
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    assert re.search(rf"{results} .*cannot be written to: make it writable, or copy the results", refused.stdout)
    assert seen.returncode == 0 and NOTHING_TO_DO in seen.stdout


# ---- damage


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    # most of a dataset are its images, and the end of a checkpoint is a tensor's
    content[-1 if file.suffix == ".safetensors" else len(content) // 2] ^= 1
    file.write_bytes(content)


DATASET, CHECKPOINT = "results/data/digits.h5", "results/tas/models/residual/source.safetensors"
TUNED, CAPTURED = "models/*/*/seed0/epoch2.safetensors", "activations/*/*/source.h5"


@pytest.mark.parametrize(
    ("name", "damage", "word", "rule", "makes"),
    [
        (DATASET, truncate, "truncated", "finetune", TUNED),
        (DATASET, flip_a_bit, "damaged", "capture_activations", CAPTURED),
        (CHECKPOINT, flip_a_bit, "damaged", "finetune", TUNED),
    ],
    ids=["truncated HDF5", "a bit of a dataset", "a bit of a checkpoint"],
)
def test_a_damaged_file_is_named_and_nothing_is_made_of_it(finished, tmp_path, name, damage, word, rule, makes):
    folder = copied(finished, tmp_path / "copy")
    file = folder / name
    status = file.stat()
    damage(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    outcome = run(folder, "tas", "--forcerun", rule)
    assert outcome.returncode != 0
    assert re.search(rf"{re.escape(file.name)} is {word} .*delete it and run again", outcome.stdout)
    assert "Traceback" not in outcome.stdout
    # which of the jobs that read it comes first is not said; what it made before is gone
    made = list(finished.glob(f"results/tas/{makes}"))
    assert len(made) == 4 and not all((folder / path.relative_to(finished)).exists() for path in made)


def test_a_dataset_that_is_made_again_alone_spares_what_was_made_from_it(finished, tmp_path):
    folder, dataset = copied(finished, tmp_path / "copy"), "results/data/fashion_mnist.h5"
    (folder / dataset).unlink()
    (folder / "results/tas/claims.csv").unlink()
    again = run(folder, dataset)
    assert again.returncode == 0, again.stdout
    assert_same_arrays(finished, folder, "data/fashion_mnist.h5")
    assert "pretrain" in run(folder, "-n", "tas").stdout
    touched = run(folder, "tas", "--touch")
    assert touched.returncode == 0, touched.stdout
    left = run(folder, "-n", "tas").stdout
    assert "judge tas claims" in left and "compare layers" not in left


# ---- copies


def test_results_in_a_fresh_clone_are_taken_as_they_are(finished, tmp_path):
    clone, aside = tmp_path / "clone", shutil.ignore_patterns(".*", "results", "tests", "__pycache__")
    # every file of a fresh clone is new
    shutil.copytree(ROOT, clone, symlinks=True, ignore=aside, copy_function=shutil.copy)
    for name in ("results", ".snakemake"):
        copied(finished / name, clone / name)
    elsewhere = [str(clone / "Snakefile") if part == str(ROOT / "Snakefile") else part for part in command(clone, "-n")]
    papers = [path.name for path in (clone / "results").iterdir() if (path / "figures").is_dir()]
    outcome = subprocess.run([*elsewhere, *papers], capture_output=True, text=True)
    assert len(papers) >= 4 and NOTHING_TO_DO in outcome.stdout + outcome.stderr, outcome.stdout


def test_results_without_snakemakes_notes_and_the_ages_of_files_are_taken_after_a_touch(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished / "results", folder / "results", copy_function=shutil.copy)
    # what is made last is the oldest
    for age, path in enumerate(sorted((folder / "results").rglob("*"))):
        os.utime(path, times=(time.time() - age, time.time() - age))
    assert NOTHING_TO_DO not in run(folder, "-n", "tas").stdout
    outcome = run(folder, "tas", "--touch", "--forceall")
    assert outcome.returncode == 0, outcome.stdout
    assert NOTHING_TO_DO in run(folder, "-n", "tas").stdout
    slower = changed(tmp_path, lambda config: config["tas"].update(resamples=21))
    again = run(folder, "-n", "tas", config=slower).stdout
    assert "compare layers" in again and "finetune" not in again


def test_results_without_snakemakes_notes_are_taken_as_they_are_and_that_is_said(finished, tmp_path):
    folder = tmp_path / "copy"
    copied(finished / "results", folder / "results")
    (folder / "results/tas/claims.html").unlink()
    outcome = run(folder, "results/tas/claims.html")
    assert outcome.returncode == 0, outcome.stdout
    assert re.search(r"note: results/\S+ and \d+ more are taken as they are: no notes tell", outcome.stdout)


# ---- a config from elsewhere


def test_a_config_with_a_tag_of_pythons_runs_nothing(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(SMOKE.read_text() + "seed: !!python/object/apply:os.system ['touch ran']\n")
    outcome = run(tmp_path, "-n", config=config)
    assert outcome.returncode != 0
    assert "not valid JSON or YAML" in outcome.stdout
    assert not (tmp_path / "ran").exists()
