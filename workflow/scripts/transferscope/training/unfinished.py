"""The folder of an unfinished run: the state from which it goes on after an interruption, and its publication.

The folder holds the checkpoints kept so far ({name}.safetensors), the state after the last whole epoch
(state.safetensors: tensors of module and optimiser; the run's digest, the epoch and the history among its facts) and,
once the run is finished, history.csv. Each file appears whole or not at all, and the state after the checkpoints it
counts on, so that a process may be killed at any moment. No generator is saved: each draw has its own (`randomness`).
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch

from transferscope import store
from transferscope.errors import InputError
from transferscope.training.optimisers import Optimiser

STATE = "state.safetensors"
HISTORY = "history.csv"


def save_state(
    folder: Path, run: str, epoch: int, history: list[dict], module: torch.nn.Module, optimiser: Optimiser
) -> None:
    """Write the state after a whole epoch, in one file and one stroke.

    run: digest of all that decides the run's result. history: the rows so far.
    """
    parts = {"module": module.state_dict(), "optimiser": optimiser.state()}
    tensors = {f"{part}/{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
    store.write_checkpoint(folder / STATE, tensors, {"run": run, "epoch": epoch, "history": history})


def restore_state(
    folder: Path, run: str, module: torch.nn.Module, optimiser: Optimiser
) -> tuple[int, list[dict]] | None:
    """Load the state that `folder` holds of this run into module and optimiser: (epoch, history), or None.

    None means that there is nothing to go on from: no state, or a damaged one, or one of another run. Of these, the
    folder is then cleared.
    """
    if not (folder / STATE).exists():
        return None
    try:
        tensors, facts = store.read_checkpoint(folder / STATE)
    except InputError as error:
        return _start_afresh(folder, str(error))
    if facts.get("run") != run:
        return _start_afresh(folder, f"{folder} holds a run of another recipe, seed, model or data")
    parts: dict[str, dict[str, torch.Tensor]] = {"module": {}, "optimiser": {}}
    for path, tensor in tensors.items():
        part, name = path.split("/", 1)
        parts[part][name] = tensor
    module.load_state_dict(parts["module"])
    optimiser.restore(parts["optimiser"])
    return facts["epoch"], facts["history"]


def publish(finished: Mapping[Path, str | Path], folder: str | Path) -> None:
    """Hand over the files of finished runs, then remove their folder.

    finished: for each file that is wanted (.../epoch3.safetensors, .../history.csv), the path where it shall appear.
        Each appears whole or not at all, as a second name of the same bytes where the file system allows that.
    folder: of all these runs: their own, or the one that holds theirs. It is removed once every file is handed over,
        so that nothing is lost if the process is killed on the way.
    """
    for file, output in finished.items():
        with store.atomic_path(output) as temporary:
            temporary.unlink()
            try:
                os.link(file, temporary)
            except OSError:
                shutil.copyfile(file, temporary)
            # a result is as old as its job, not as the epoch at which it was first written
            temporary.touch()
    _remove(Path(folder))


def _remove(folder: Path) -> None:
    # the states go first: a folder without one is never gone on from, whatever else is left of it
    for state in folder.rglob(STATE):
        state.unlink()
    shutil.rmtree(folder)


def _start_afresh(folder: Path, reason: str) -> None:
    print(f"starting afresh: {reason}", flush=True)
    _remove(folder)
