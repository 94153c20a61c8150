"""The whole of the smallest config on a real SLURM."""

import subprocess

import pytest
from cluster import OFTEN, ON_CLUSTER, jobs
from running import assert_same_arrays, assert_same_tables, command


# two whole runs, the local one included
@pytest.mark.timeout(1800)
def test_all_papers_give_the_same_tables_and_arrays_as_a_local_run_to_the_bit(cluster, finished, tmp_path):
    call = command(tmp_path, *OFTEN, where=ON_CLUSTER)
    outcome = subprocess.run(call, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert outcome.returncode == 0, outcome.stdout
    assert any(job.task.startswith("rule_train_basins") and job.state == "COMPLETED" for job in jobs())
    assert_same_tables(finished, tmp_path)
    assert_same_arrays(finished, tmp_path, "**/*.h5")
    assert (tmp_path / "results/report.html").exists()
