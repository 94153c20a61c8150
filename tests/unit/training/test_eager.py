"""Optimisers without torch's compiler and profiler: the same numbers, and neither of the two."""

import pytest
import torch
from training_runs import in_a_process, network

from transferscope.training.eager import eager

OPTIMISERS = {
    "adam": (torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
    "sgd": (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}),
}


def stepped(optimiser: type, module: torch.nn.Module, **options) -> torch.optim.Optimizer:
    """The optimiser after three steps, in the middle of which its state is taken out and put back."""
    found = optimiser(module.parameters(), fused=True, **options)
    found.add_param_group({"params": [torch.nn.Parameter(torch.zeros(2))], "lr": 0.5})
    for step in range(3):
        torch.manual_seed(step)
        found.zero_grad()
        module(torch.rand(4, 1, 8, 8)).square().sum().backward()
        found.step()
        found.load_state_dict(found.state_dict())
    return found


@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_and_state_are_the_same_to_the_bit(name):
    optimiser, options = OPTIMISERS[name]
    module, plain = network(), network()
    found, expected = stepped(eager(optimiser), module, **options), stepped(optimiser, plain, **options)
    assert isinstance(found, optimiser)
    assert all(map(torch.equal, module.parameters(), plain.parameters()))
    assert found.state_dict()["param_groups"] == expected.state_dict()["param_groups"]
    state, expected_state = found.state_dict()["state"], expected.state_dict()["state"]
    assert state.keys() == expected_state.keys()
    assert all(torch.equal(state[k][name], tensor) for k in state for name, tensor in expected_state[k].items())
    assert all(not parameter.grad_fn for parameter in module.parameters())


@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_are_not_recorded_for_the_profiler(name):
    optimiser, options = OPTIMISERS[name]
    with torch.autograd.profiler.profile() as record:
        stepped(eager(optimiser), network(), **options)
    names = {event.name for event in record.function_events}
    assert "aten::square" in names
    assert not any("Optimizer.step" in each for each in names)


def test_a_run_does_not_import_the_compiler(tmp_path):
    process = in_a_process(f"run({str(tmp_path / 'run')!r}); print('torch._dynamo' in sys.modules)")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert output.splitlines()[-1] == "False"
