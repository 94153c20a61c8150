"""Running the real workflow: in a folder of the test's own, from the project's Snakefile."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SMOKE = Path(__file__).with_name("smoke.yaml")


def command(folder: Path, *arguments: str, config: Path = SMOKE) -> list[str]:
    """The command line of one Snakemake call whose results go below `folder`."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [*snakemake, "--configfile", str(config), *("--cores", "2"), *arguments]


def run(folder: Path, *arguments: str, config: Path = SMOKE) -> subprocess.CompletedProcess:
    """One Snakemake call to its end, with all that it printed in `.stdout`."""
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
    call = [sys.executable, str(Path(__file__).with_name("list_jobs.py")), str(config), str(output), *targets]
    outcome = subprocess.run(call, cwd=folder, text=True, capture_output=True)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return pickle.loads(output.read_bytes())


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder in which the smoke config has run to its end."""
    folder = tmp_path_factory.mktemp("finished")
    outcome = run(folder)
    assert outcome.returncode == 0, outcome.stdout
    return folder
