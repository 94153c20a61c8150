"""Fixtures of all tests that run Snakemake."""

from pathlib import Path

import pytest
from running import run


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder in which the smoke config has run to its end."""
    folder = tmp_path_factory.mktemp("finished")
    outcome = run(folder)
    assert outcome.returncode == 0, outcome.stdout
    return folder
