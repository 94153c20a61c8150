"""torch's optimisers without torch's compiler and profiler."""

import functools
import inspect

import torch

# what torch.optim makes import the compiler
FOR_THE_COMPILER = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")


@functools.cache
def eager(optimiser: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """The same optimiser, to the bit, whose methods do not import torch's compiler.

    They do so to be left out of what is compiled, which nothing is here: 1.5 s a process. Nor is a step recorded for
    torch's profiler, and no hooks are called: a tenth of a small network's step.
    """
    methods = {name: inspect.unwrap(getattr(optimiser, name)) for name in FOR_THE_COMPILER}
    # unwrapped, it would record its own gradient
    methods["step"] = torch.no_grad()(methods["step"])
    # or it would be wrapped when an optimiser is made
    methods["step"].hooked = True
    return type(optimiser.__name__, (optimiser,), methods)
