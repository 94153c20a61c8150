"""Running the real workflow: in a folder of the test's own, from the project's Snakefile."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
SMOKE = ROOT / "tests" / "workflow" / "smoke.yaml"


def command(folder: Path, *arguments: str, config: Path = SMOKE, where: tuple = ("--cores", "2")) -> list[str]:
    """The command line of one Snakemake call whose results go below `folder`.

    where: what says on how much of what its jobs run.
    """
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [*snakemake, "--configfile", str(config), *where, *arguments]


def run(folder: Path, *arguments: str, config: Path = SMOKE) -> subprocess.CompletedProcess:
    """One Snakemake call on this machine to its end, with all that it printed in `.stdout`."""
    return subprocess.run(
        command(folder, *arguments, config=config), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def changed(tmp_path: Path, change: Callable[[dict], None]) -> Path:
    """The smoke config after `change(config)`, as a file."""
    config = yaml.safe_load(SMOKE.read_text())
    change(config)
    path = tmp_path / "changed.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def listed(folder: Path, config: Path, *targets: str) -> list[dict]:
    """The jobs of a config that run scripts, in an order in which `folder` could see them: see `list_jobs.py`."""
    output = folder / "jobs.pickle"
    call = [sys.executable, str(SMOKE.with_name("list_jobs.py")), str(config), str(output), *targets]
    outcome = subprocess.run(call, cwd=folder, text=True, capture_output=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return pickle.loads(output.read_bytes())


def table(folder: Path, name: str) -> pd.DataFrame:
    """A table of a run, by its path in `results`."""
    return pd.read_csv(folder / "results" / name, comment="#")


def arrays(folder: Path, files: str) -> dict[str, np.ndarray]:
    """Every array in some HDF5 files of a run, by file and name. files: a pattern, in `results`."""
    found = {}
    for path in sorted(folder.glob(f"results/{files}")):
        with h5py.File(path) as file:
            name = str(path.relative_to(folder))
            file.visititems(
                lambda key, item, name=name: (
                    found.update({f"{name}:{key}": item[()]}) if hasattr(item, "shape") else None
                )
            )
    return found


def cells(folder: Path) -> dict[str, pd.DataFrame]:
    """Every table of a run, by its path, as the text that it is; without the times that passes took."""
    read = {"skiprows": 1, "dtype": str, "usecols": lambda column: column != "seconds"}
    return {str(path.relative_to(folder)): pd.read_csv(path, **read) for path in folder.glob("results/**/*.csv")}


def assert_same_tables(one: Path, other: Path) -> None:
    """Fail unless two runs have the same tables, to the bit, but for the times that passes took."""
    ours, theirs = cells(one), cells(other)
    assert ours.keys() == theirs.keys() and len(ours) > 0
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(frame, theirs[name], obj=name)


def assert_same_arrays(one: Path, other: Path, files: str) -> None:
    """Fail unless two runs have the same arrays in some HDF5 files, to the bit. files: a pattern, in `results`."""
    ours, theirs = arrays(one, files), arrays(other, files)
    assert ours.keys() == theirs.keys() and len(ours) > 0
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


def assert_same_results(one: Path, other: Path) -> None:
    """Fail unless two runs of `tas` came to the same scores by the same matrices, to the bit."""
    name = "tas/tables/scores.csv"
    pd.testing.assert_frame_equal(table(one, name), table(other, name), check_exact=True)
    assert_same_arrays(one, other, "tas/similarity/*/*.h5")
