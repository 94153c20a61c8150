"""The cluster that these tests run on."""

import subprocess

import pytest
from cluster import Cluster, install, obstacle


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    reason = obstacle()
    if reason:
        pytest.skip(reason)
    try:
        install()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"SLURM cannot be installed: {' '.join(error.cmd)} ends with {error.returncode}")
    with Cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running
