"""Which device a job computes on, how exactly, and arithmetic on it that gives the same bits every time."""

import contextlib
import os
from collections.abc import Iterator

import torch

from transferscope.errors import InputError
from transferscope.machine import gpus


def choose_device(name: str) -> torch.device:
    """The device that the config names: "auto" is a GPU where there is one.

    Of several (a scheduler lets a job see its own alone, by CUDA_VISIBLE_DEVICES) it takes one that no other job has:
    see `gpus`. Raises InputError if a GPU is asked for and none is there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device: expected a GPU ('cuda'), found none that torch can use: set it to 'auto' or 'cpu'")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    print(f"device {name}, visible GPUs: {visible or 'all'}", flush=True)
    count = torch.cuda.device_count() if name == "cuda" else 0
    if count > 1:
        names = visible.split(",") if visible else map(str, range(count))
        device = torch.device(name, gpus.claim(tuple(names)[:count]))
        torch.cuda.set_device(device)
        return device
    return torch.device(name)


@contextlib.contextmanager
def deterministic(device: torch.device, precision: str = "fp32") -> Iterator[None]:
    """Within this block torch computes the same bits from the same numbers.

    On a CPU everything runs on one thread: a sum then has one order on every machine, and two processes of one thread
    each are faster than one of two. On a GPU deterministic kernels run, attention's included, and products of float32
    are rounded as `precision` says; torch warns where a layer has no such kernel. Afterwards torch's settings and its
    generators are as they were before.

    precision: "fp32", "tf32" or "bf16", as in the config. Of these, bf16 is for passes alone: see `passes_in`.
    """
    threads = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    fills = torch.utils.deterministic.fill_uninitialized_memory
    attention = torch.backends.cuda.mem_efficient_sdp_enabled()
    gpus_used = [device] if device.type == "cuda" else []
    # cuBLAS reads this when it starts
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # use_deterministic_algorithms does the same, but imports torch's compiler: 4 s
    torch.set_deterministic_debug_mode("warn")
    # would write NaN into each new tensor before its values: a fifth of the time of a small net
    torch.utils.deterministic.fill_uninitialized_memory = False
    if gpus_used:
        # sums its gradients in any order unless a layer without a deterministic kernel is an error
        torch.backends.cuda.enable_mem_efficient_sdp(False)
    else:
        torch.set_num_threads(1)
    try:
        with _float32_products(device, precision), torch.random.fork_rng(gpus_used):
            yield
    finally:
        torch.set_deterministic_debug_mode(mode)
        torch.utils.deterministic.fill_uninitialized_memory = fills
        torch.backends.cuda.enable_mem_efficient_sdp(attention)
        torch.set_num_threads(threads)


@contextlib.contextmanager
def passes_in(device: torch.device, precision: str) -> Iterator[None]:
    """Within this block networks compute in this precision: "fp32", "tf32" or "bf16", as in the config.

    In bf16 products and convolutions take in and hand on bfloat16 (torch's autocast); weights stay float32. Passes
    backward belong outside of the block: each goes in the precision of its pass forward.
    """
    mixed = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    with _float32_products(device, precision), mixed:
        yield


@contextlib.contextmanager
def _float32_products(device: torch.device, precision: str) -> Iterator[None]:
    """Within this block a GPU multiplies float32 as TF32 if precision is "tf32", else as such; a CPU always does."""
    if device.type != "cuda":
        yield
        return
    before, tf32 = torch.get_float32_matmul_precision(), precision == "tf32"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=tf32):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
