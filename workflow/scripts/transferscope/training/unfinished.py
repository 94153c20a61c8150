"""The folder of an unfinished run: the state from which it goes on after an interruption, and its publication.

The folder holds the checkpoints kept so far ({name}.safetensors), the state after the last whole epoch
(state.safetensors: tensors of module and optimiser; the run's digest, the epoch and the history among its facts) and,
once the run is finished, history.csv. The last state has no tensors, as nothing goes on from it: they take most of the
room, and others of the job may follow for days. Each file appears whole or not at all, and the state after the
checkpoints it counts on, so that a process may be killed at any moment. No generator is saved: each draw has its own
(`randomness`).
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch

from transferscope import store
from transferscope.errors import InputError

STATE = "state.safetensors"
HISTORY = "history.csv"


def save_state(
    folder: Path, run: str, epoch: int, history: list[dict], module: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state after a whole epoch, in one file and one stroke.

    run: digest of all that decides the run's result. history: the rows so far.
    """
    tensors = {f"module/{name}": tensor for name, tensor in module.state_dict().items()}
    for parameter, remembered in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{parameter}/{name}": tensor for name, tensor in remembered.items()}
    store.write_checkpoint(folder / STATE, tensors, {"run": run, "epoch": epoch, "history": history})


def save_end(folder: Path, run: str, epoch: int, history: list[dict]) -> None:
    """Write that the run is finished in the place of its state; arguments as above."""
    store.write_checkpoint(folder / STATE, {}, {"run": run, "epoch": epoch, "history": history, "finished": True})


def restore_state(
    folder: Path, run: str, module: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, list[dict]] | None:
    """Load the state that `folder` holds of this run into module and optimiser: (epoch, history), or None.

    Of a finished run, module and optimiser stay as they are. None means that there is nothing to go on from: no state,
    or a damaged one, or one of another run. Of these, the folder is then cleared.
    """
    if not (folder / STATE).exists():
        return None
    try:
        tensors, facts = store.read_checkpoint(folder / STATE)
    except InputError as error:
        return _start_afresh(folder, str(error))
    if facts.get("run") != run:
        return _start_afresh(folder, f"{folder} holds a run of another recipe, seed, model or data")
    if not facts.get("finished"):
        module.load_state_dict(_below("module/", tensors))
        _restore_optimiser(optimiser, _below("optimiser/", tensors))
    return facts["epoch"], facts["history"]


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Those whose names begin with the prefix, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Load the tensors that an optimiser remembered, named "{number of the parameter}/{name}"."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state = {}
    for path, tensor in tensors.items():
        number, name = path.split("/")
        parameter = parameters[int(number)]
        # files hold plain copies, but a fused step goes through a parameter and its averages as they lie in memory
        if tensor.shape == parameter.shape:
            tensor = torch.empty_like(parameter).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict(optimiser.state_dict() | {"state": state})


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
