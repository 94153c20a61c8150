"""The device that a job computes on, and arithmetic that repeats."""

import fcntl
import tempfile

import pytest
import torch

from transferscope.errors import InputError
from transferscope.machine import devices, gpus


def test_auto_takes_a_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert devices.choose_device("auto").type == expected
    assert devices.choose_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="found none that torch can use: set it to 'auto' or 'cpu'"):
        devices.choose_device("cuda")


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """What torch tells of a machine with two GPUs, which is not here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus.claim.cache_clear()
    yield tmp_path
    gpus.claim.cache_clear()


def test_of_several_gpus_a_job_takes_one_that_is_free(two_gpus):
    with open(two_gpus / "transferscope-gpu0.lock", "w") as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        assert devices.choose_device("auto") == torch.device("cuda", 1)
    # and keeps it when another is free
    assert devices.choose_device("cuda") == torch.device("cuda", 1)


def test_of_those_that_a_job_may_see_it_takes_one_that_is_free(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    with open(two_gpus / "transferscope-gpu2.lock", "w") as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        assert devices.choose_device("auto") == torch.device("cuda", 1)
    assert sorted(path.name for path in two_gpus.iterdir()) == ["transferscope-gpu2.lock", "transferscope-gpu5.lock"]


def test_the_gpu_that_a_scheduler_chose_is_taken_as_it_is(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert devices.choose_device("auto") == torch.device("cuda")
    assert list(two_gpus.iterdir()) == []


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_attention_on_a_gpu_has_the_same_gradients_each_time():
    device = torch.device("cuda")
    drawn = torch.randn(16, 8, 400, 64, generator=torch.Generator().manual_seed(0)).to(device)

    def gradient():
        tokens = drawn.clone().requires_grad_()
        torch.nn.functional.scaled_dot_product_attention(tokens, tokens, tokens).square().sum().backward()
        return tokens.grad

    with devices.deterministic(device):
        assert not torch.backends.cuda.mem_efficient_sdp_enabled()
        first = gradient()
        assert all(torch.equal(gradient(), first) for _ in range(5))
    assert torch.backends.cuda.mem_efficient_sdp_enabled()


def test_settings_come_back_also_after_an_error(two_threads):
    state = torch.get_rng_state()
    with pytest.raises(KeyError), devices.deterministic(torch.device("cpu")):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(5)
        raise KeyError
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert torch.equal(torch.get_rng_state(), state)
