"""Which device a job computes on, and arithmetic on it that gives the same bits every time."""

import contextlib
import os
from collections.abc import Iterator

import torch

from transferscope.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device that the config names: "auto" is a GPU where there is one.

    Raises InputError if a GPU is asked for and none is there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: expected a GPU ('cuda'), found none that torch can use: set it to 'auto' or 'cpu'")
    return torch.device(name)


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Within this block torch computes the same bits from the same numbers.

    On a CPU everything runs on one thread: a sum then has one order on every machine, and two processes of one thread
    each are faster than one of two. On a GPU deterministic kernels run, attention's included, and matrix products in
    TF32; torch warns where a layer has no such kernel. Afterwards torch's settings and its generators are as they were
    before.
    """
    threads = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    precision = torch.get_float32_matmul_precision()
    attention = torch.backends.cuda.mem_efficient_sdp_enabled()
    gpus = [device] if device.type == "cuda" else []
    # cuBLAS reads this when it starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # use_deterministic_algorithms does the same, but imports torch's compiler: 4 s
    torch.set_deterministic_debug_mode("warn")
    # would write NaN into each new tensor before its values: a fifth of the time of a small net
    torch.utils.deterministic.fill_uninitialized_memory = False
    if gpus:
        torch.set_float32_matmul_precision("high")
        # sums its gradients in any order unless a layer without a deterministic kernel is an error
        torch.backends.cuda.enable_mem_efficient_sdp(False)
    else:
        torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(gpus):
            yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.utils.deterministic.fill_uninitialized_memory = fills
        torch.set_float32_matmul_precision(precision)
        torch.backends.cuda.enable_mem_efficient_sdp(attention)
        torch.set_num_threads(threads)


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Within a block of `deterministic`, which puts the setting back: a GPU multiplies float32 as such, not as TF32."""
    torch.set_float32_matmul_precision("highest")
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        yield
