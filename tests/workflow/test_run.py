"""Real runs: what they leave behind, that they repeat to the bit, and that an interruption loses nothing."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from conftest import command, run


def scores(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "results/tas/tables/scores.csv", comment="#")


def matrices(folder: Path) -> dict[str, np.ndarray]:
    """Every similarity matrix of a run, by file and name."""
    found = {}
    for path in sorted(folder.glob("results/tas/similarity/*/*.h5")):
        with h5py.File(path) as file:
            name = str(path.relative_to(folder))
            file.visititems(
                lambda key, item, name=name: (
                    found.update({f"{name}:{key}": item[()]}) if hasattr(item, "shape") else None
                )
            )
    return found


def assert_same_results(one: Path, other: Path):
    pd.testing.assert_frame_equal(scores(one), scores(other), check_exact=True)
    ours, theirs = matrices(one), matrices(other)
    assert ours.keys() == theirs.keys() and len(ours) > 0
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


def test_a_run_leaves_every_result_and_nothing_unfinished(finished):
    results = finished / "results"
    for name in ("table1", "figure1", "figure1_debiased", "figure2"):
        assert (results / f"tas/figures/{name}.png").stat().st_size > 10_000
        assert (results / f"tas/figures/{name}.pdf").read_bytes().startswith(b"%PDF")
    assert "figure1.png" in (results / "report.html").read_text()
    assert not (results / "tas/unfinished").exists()
    hidden = [path for path in results.rglob(".*") if path.name != ".snakemake_timestamp"]
    assert hidden == []
    table = scores(finished)
    assert set(table.estimator) == {"biased", "debiased", "minibatch"}
    assert table.tas.notna().all()
    assert len(table) == 2 * 2 * 2 * 4 * 3  # models, targets, seeds, checkpoints (epochs 0 to 2, step 1), estimators


def test_every_file_carries_its_provenance(finished):
    results = finished / "results"
    for path in results.glob("tas/**/*.csv"):
        if "cost" in path.parts:
            continue
        facts = json.loads(path.read_text().splitlines()[0].removeprefix("# "))
        assert {"rule", "config_digest", "versions", "date", "wall_seconds"} <= facts.keys(), path
    files = [*results.glob("data/*.h5"), *results.glob("tas/**/*.h5")]
    assert files
    for path in files:
        with h5py.File(path) as file:
            assert "config_digest" in json.loads(file.attrs["facts"]), path


def test_another_run_with_another_number_of_jobs_is_equal_to_the_bit(finished, tmp_path):
    outcome = run(tmp_path, "tas", "--cores", "1")
    assert outcome.returncode == 0, outcome.stdout
    assert_same_results(finished, tmp_path)


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_a_run_that_was_stopped_goes_on_and_gives_the_same(finished, tmp_path, kill):
    def stop_when(appears: str):
        process = subprocess.Popen(
            command(tmp_path, "tas"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 300
        while not list(tmp_path.glob(appears)):
            assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be stopped"
            time.sleep(0.05)
        os.killpg(process.pid, kill)
        process.wait(timeout=60)

    stop_when("results/tas/unfinished/finetune/*/*/seeds0/seed0/*")
    assert not (tmp_path / "results/tas/tables/scores.csv").exists()
    if kill == signal.SIGKILL:
        assert run(tmp_path, "--unlock").returncode == 0
    outcome = run(tmp_path, "tas")
    assert outcome.returncode == 0, outcome.stdout
    assert_same_results(finished, tmp_path)


def test_a_truncated_file_is_named_and_nothing_is_made_of_it(finished, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder, symlinks=True)
    dump = next(folder.glob("results/tas/activations/residual/rotated/source.h5"))
    status = dump.stat()
    dump.write_bytes(dump.read_bytes()[: status.st_size // 2])
    os.utime(dump, ns=(status.st_atime_ns, status.st_mtime_ns))
    (folder / "results/tas/tables/residual/rotated.csv").unlink()
    outcome = run(folder, "tas", "--retries", "0", "--rerun-triggers", "mtime")
    assert outcome.returncode != 0
    assert "source.h5 is truncated" in outcome.stdout
    assert "Traceback" not in outcome.stdout
    assert not (folder / "results/tas/tables/residual/rotated.csv").exists()
