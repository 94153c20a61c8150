"""The GPUs that there are, as programs and variables tell."""

import pytest

from transferscope import hardware


@pytest.fixture
def says(tmp_path, monkeypatch):
    """says(program, text): on PATH there is this program alone, and it says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(program: str, text: str, status: int = 0):
        path = tmp_path / program
        path.write_text(f"#!/bin/sh\necho '{text}'\nexit {status}\n")
        path.chmod(0o755)
        hardware.gpus_here.cache_clear()
        hardware.gpus_in_cluster.cache_clear()

    yield put
    hardware.gpus_here.cache_clear()
    hardware.gpus_in_cluster.cache_clear()


@pytest.mark.parametrize(
    ("visible", "count"),
    [("0", 1), ("0,1,2", 3), ("", 0), ("-1", 0), ("0,-1,1", 1), ("NoDevFiles", 0), ("GPU-8932f937, MIG-4f0", 2)],
)
def test_gpus_are_counted_as_cuda_reads_its_variable(says, monkeypatch, visible, count):
    says("nvidia-smi", "GPU 0: H100 (UUID: GPU-1)")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert hardware.gpus_here() == count


def test_without_the_variable_all_gpus_of_the_machine_count(says):
    says("sinfo", "")
    assert hardware.gpus_here() == 0
    says("nvidia-smi", "GPU 0: NVIDIA H100 (UUID: GPU-1)\n  MIG 1g: (UUID: MIG-2)\nGPU 1: NVIDIA H100 (UUID: GPU-3)")
    assert hardware.gpus_here() == 2
    says("nvidia-smi", "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.", status=9)
    assert hardware.gpus_here() == 0


@pytest.mark.parametrize(
    ("resources", "there"),
    [
        ("gpu:2", True),
        ("(null)\ngpu:a100:4(S:0-1)", True),
        ("shard:4,gpu:1", True),
        ("(null)", False),
        ("fpga:1", False),
    ],
)
def test_a_cluster_has_gpus_where_any_node_has(says, resources, there):
    says("sinfo", resources)
    assert hardware.gpus_in_cluster() == there


def test_without_slurm_there_is_no_cluster_with_gpus(says):
    says("nvidia-smi", "GPU 0: NVIDIA H100 (UUID: GPU-1)")
    assert not hardware.gpus_in_cluster()
