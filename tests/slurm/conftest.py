"""The cluster that these tests run on."""

import pytest
from cluster import Cluster, obstacle


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    reason = obstacle()
    if reason:
        pytest.skip(reason)
    with Cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running
