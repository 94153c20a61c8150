"""torch's optimisers without torch's compiler."""

import functools
import inspect

import torch

# what torch.optim makes import the compiler
FOR_THE_COMPILER = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")


@functools.cache
def eager(optimiser: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same optimiser, to the bit, whose methods do not import torch's compiler.

    They do so to be left out of what is compiled, which nothing is here: 1.5 s a process.
    """
    methods = {name: inspect.unwrap(getattr(optimiser, name)) for name in FOR_THE_COMPILER}
    # unwrapped, it would record its own gradient
    methods["step"] = torch.no_grad()(methods["step"])
    return type(optimiser.__name__, (optimiser,), methods)
