"""Which GPUs there are, asked without torch: on this machine, and in the SLURM cluster that it submits to."""

import functools
import os
import re
import shutil
import subprocess


@functools.cache
def gpus_here() -> int:
    """GPUs of this machine that a process may use: those of CUDA_VISIBLE_DEVICES where it is set, else all."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return len(re.findall(r"^GPU \d+:", _answer("nvidia-smi", "-L"), re.MULTILINE))
    count = 0
    for device in visible.split(","):
        # as CUDA reads it: what follows an entry that names no device counts for nothing
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", device.strip()):
            break
        count += 1
    return count


@functools.cache
def gpus_in_cluster() -> bool:
    """Whether any node of the SLURM cluster has a GPU."""
    # such as "gpu:a100:4(S:0-1),shard:8", a line for each kind of node
    return bool(re.search(r"(^|,)gpu\b", _answer("sinfo", "--noheader", "--format=%G"), re.MULTILINE))


def _answer(*command: str) -> str:
    """What a program says; nothing at all where it is missing or fails."""
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True).stdout
