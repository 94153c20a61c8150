"""Networks side by side beside one frozen source: each learns as it would alone, and the source does not."""

import copy

import numpy as np
import pytest
import torch
from small_networks import NAMES, create
from torch import nn
from training_runs import CLASSES, as_tensor, assert_same_run, examples, history, run, same, tensors

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.models.gate import GatedNetwork
from transferscope.models.side_by_side import SideBySide
from transferscope.training.optimisers import optimiser_of
from transferscope.training.recipe import Kept, Recipe

SGD = Recipe(2, 8, "sgd", learning_rate=0.05, momentum=0.9, weight_decay=0.01)
ADAM = Recipe(2, 8, "adam", learning_rate=0.01, weight_decay=0.01)
GATES = {"layer0-initial0.9": (0, 0.9), "layer2-initial0.5": (2, 0.5), "layer4-initial0.75": (4, 0.75)}


def quanta(seed: int, classes: int = CLASSES) -> nn.Module:
    """A net of five layers and a head for images of 8 pixels."""
    options = {"widths": [4, 4, 8, 8], "hidden": 16}
    shape = {"classes": classes, "channels": 1, "image_size": 8}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return zoo.create({"library": "small", "name": "quanta", "options": options} | shape)


def side_by_side(names: list[str] = ("scratch", *GATES), **more) -> SideBySide:
    """Some of four networks, each the same in any company, beside a source of more classes."""
    every = {"scratch": quanta(1)}
    every |= {name: GatedNetwork(quanta(seed), *gate) for seed, (name, gate) in enumerate(GATES.items(), start=2)}
    return SideBySide({name: every[name] for name in names}, quanta(0, classes=7), **more)


def of_network(module: SideBySide, name: str) -> dict[str, torch.Tensor]:
    return module.networks[module.names.index(name)].state_dict()


def rows_of(folder, name: str) -> list[dict[str, str]]:
    return [row for row in history(folder) if row["network"] == name]


def numbers(rows: list[dict[str, str]], *columns: str) -> list[float]:
    return [float(row[column]) for row in rows for column in columns]


# ---- as alone


@pytest.mark.parametrize("recipe", [SGD, ADAM], ids=["sgd", "adam"])
def test_a_network_learns_in_company_what_it_learns_alone(tmp_path, recipe):
    together = side_by_side(gate_learning_rate=0.1)
    folder = run(tmp_path / "together", module=together, recipe=recipe)
    for name in GATES:
        alone = side_by_side([name], gate_learning_rate=0.1)
        rows = rows_of(run(tmp_path / name, module=alone, recipe=recipe), name)
        for key, tensor in of_network(alone, name).items():
            torch.testing.assert_close(of_network(together, name)[key], tensor)
        columns = ("loss", "top1", "lambda_source", "share")
        tested = [[row for row in each if row["split"] == "test"] for each in (rows, rows_of(folder, name))]
        assert numbers(tested[1], *columns) == pytest.approx(numbers(tested[0], *columns), rel=1e-5)


def test_a_network_without_a_gate_learns_as_any_other_module(tmp_path):
    together, plain = side_by_side(), quanta(1)
    folders = [run(tmp_path / str(n), module=module, recipe=ADAM) for n, module in enumerate((together, plain))]
    for key, tensor in plain.state_dict().items():
        torch.testing.assert_close(of_network(together, "scratch")[key], tensor)
    measured = [
        numbers(rows, "loss", "top3", "recall") for rows in (rows_of(folders[0], "scratch"), history(folders[1]))
    ]
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


def test_it_makes_no_difference_whether_the_source_is_shared(tmp_path):
    shared, own = side_by_side(), side_by_side(share_source=False)
    folders = [run(tmp_path / str(n), module=module, recipe=ADAM) for n, module in enumerate((shared, own))]
    for key, tensor in shared.state_dict().items():
        torch.testing.assert_close(own.state_dict()[key], tensor)
    measured = [numbers([row for row in history(folder) if row["share"]], "loss", "share") for folder in folders]
    assert len(measured[0]) == 2 * 3 * len(GATES)
    assert measured[0] == pytest.approx(measured[1], rel=1e-5)


def test_the_source_computes_once_a_batch_if_it_is_shared_and_no_further_than_the_deepest_gate():
    images, names = torch.rand(2, 1, 8, 8), ["scratch", "layer0-initial0.9", "layer2-initial0.5"]
    for share, expected in {True: ["conv1", "conv2", "conv3"], False: ["conv1", "conv1", "conv2", "conv3"]}.items():
        module, called = side_by_side(names, share_source=share), []
        for name, part in module.source.named_children():
            part.register_forward_pre_hook(lambda *_, name=name, called=called: called.append(name))
        assert [list(logits) for logits in module(images)] == [[name] for name in names]
        assert called == expected


def test_a_network_computes_when_its_turn_comes():
    module, called = side_by_side(), []
    for name, network in zip(module.names, module.networks, strict=True):
        network.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    for outputs in module(torch.rand(2, 1, 8, 8)):
        assert list(outputs) == [called[-1]]
        assert outputs[called[-1]].shape == (2, CLASSES)
    assert called == ["scratch", *GATES]


# ---- computed as one


@pytest.mark.parametrize("at_once", [2, 3, 9])
def test_it_makes_no_difference_how_many_networks_are_computed_as_one(tmp_path, at_once):
    folders, modules = [], [side_by_side(gate_learning_rate=0.1, at_once=each) for each in (1, at_once)]
    for n, module in enumerate(modules):
        folders.append(run(tmp_path / str(n), module=module, recipe=ADAM))
    for key, tensor in modules[0].state_dict().items():
        torch.testing.assert_close(modules[1].state_dict()[key], tensor, rtol=1e-4, atol=1e-5)
    for name in modules[0].names:
        columns = ("loss", "top1", "lambda_source", "share")[: 2 if name == "scratch" else 4]
        tested = [[row for row in rows_of(folder, name) if row["split"] == "test"] for folder in folders]
        assert numbers(tested[1], *columns) == pytest.approx(numbers(tested[0], *columns), rel=1e-4)


def test_logits_of_networks_that_are_computed_as_one_come_together_and_those_of_the_rest_later():
    images, modules = torch.rand(3, 1, 8, 8), [side_by_side(at_once=each).eval() for each in (1, 3)]
    alone, together = (list(module(images)) for module in modules)
    names = ["scratch", *GATES]
    assert [list(outputs) for outputs in together] == [names[:3], names[3:]]
    expected = {name: logits for outputs in alone for name, logits in outputs.items()}
    for outputs in together:
        for name, logits in outputs.items():
            torch.testing.assert_close(logits, expected[name])


def test_networks_that_are_no_plain_stacks_compute_one_after_the_other():
    networks = {f"layer{layer}": GatedNetwork(create("residual"), layer, 0.5) for layer in (0, 2)}
    module = SideBySide(networks, create("residual"), at_once=8)
    assert [list(outputs) for outputs in module(torch.rand(2, 1, 28, 28))] == [["layer0"], ["layer2"]]


def test_without_a_shared_source_nothing_is_computed_as_one():
    module = side_by_side(share_source=False, at_once=8)
    assert [len(outputs) for outputs in module(torch.rand(2, 1, 8, 8))] == [1, 1, 1, 1]


# ---- what learns and what does not


@pytest.mark.parametrize("name", NAMES)
def test_gate_and_target_learn_and_the_source_stays_the_same_to_the_bit(tmp_path, name):
    source = create(name, seed=1)
    # statistics and weights of a source that has learned
    for tensor in source.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor) / 10)
    before = copy.deepcopy(source.state_dict())
    networks = {f"layer{layer}": GatedNetwork(create(name), layer, 0.5) for layer in (0, 2)}
    module = SideBySide(networks, source, gate_learning_rate=0.01)
    data = {"train": examples(24, classes=10, size=28), "test": examples(10, classes=10, size=28)}
    folder = run(tmp_path / "run", module=module, recipe=Recipe(1, 8, "adam", learning_rate=1e-3), **data)

    assert same(source.state_dict(), before)
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in source.parameters())
    first, last = tensors(folder, "epoch0"), tensors(folder, "epoch1")
    unchanged = {key for key in first if torch.equal(first[key], last[key])}
    assert unchanged == {f"source.{key}" for key in before}


def test_the_source_stays_in_evaluation_mode():
    dropping = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 3), nn.Linear(3, CLASSES))
    module = SideBySide({"gated": GatedNetwork(copy.deepcopy(dropping), 0, 0.5)}, dropping)
    for mode in (True, False):
        module.train(mode)
        assert not any(part.training for part in module.source.modules())
        assert all(part.training == mode for part in module.networks.modules())


@pytest.mark.parametrize(("rate", "expected"), [(0.5, 0.5), (None, 0.01)])
def test_gates_have_a_learning_rate_of_their_own_and_no_weight_decay(tmp_path, rate, expected):
    data, recipe = examples(20), Recipe(1, 20, "sgd", learning_rate=0.01, weight_decay=0.3)
    module = side_by_side(["layer2-initial0.5"], gate_learning_rate=rate)
    network, images = copy.deepcopy(module.networks[0]), as_tensor(data.images(np.arange(20)), "cpu")
    (logits,) = next(module.train()(images)).values()
    nn.functional.cross_entropy(logits, torch.from_numpy(data.labels)).backward()
    gradients = [parameter.grad.clone() for parameter in module.networks.parameters()]
    module.zero_grad()

    run(tmp_path / "run", module=module, train=data, recipe=recipe)
    for old, new, gradient in zip(network.parameters(), module.networks.parameters(), gradients, strict=True):
        step = expected * gradient if old is network.gate.v else 0.01 * (gradient + 0.3 * old)
        torch.testing.assert_close(new, old - step)


def test_gates_are_not_among_the_biases():
    recipe = Recipe(1, 20, "sgd", learning_rate=0.01, weight_decay=0.3, biases={"learning_rate_factor": 2.0})
    groups = optimiser_of(side_by_side(["layer2-initial0.5"], gate_learning_rate=0.5), recipe).param_groups
    found = [({each.dim() <= 1 for each in group["params"]}, group["lr"], group["weight_decay"]) for group in groups]
    assert found == [({False}, 0.01, 0.3), ({True}, 0.02, 0.3), ({True}, 0.5, 0.0)]
    assert len(groups[-1]["params"]) == 1


# ---- what the history tells


def test_the_history_has_rows_of_each_network_and_what_tests_read_off_its_gate(tmp_path):
    module = side_by_side()
    folder = run(tmp_path / "run", module=module, recipe=ADAM, kept=Kept(steps=(13,)))
    rows = history(folder)
    assert list(rows[0]) == [
        *("network", "epoch", "step", "split", "loss", "top1", "top3", "precision", "recall", "auc"),
        *("lambda_source", "share"),
    ]
    for name in module.names:
        assert [(row["split"], row["epoch"]) for row in rows_of(folder, name)] == [
            *(("test", "0"), ("test", "0.5"), ("train", "1"), ("test", "1"), ("train", "2"), ("test", "2")),
        ]
    for row in rows:
        read = row["split"] == "test" and row["network"] != "scratch"
        assert (row["lambda_source"] != "", row["share"] != "") == (read, read)
    for name, (_, initial) in GATES.items():
        lambdas = numbers([row for row in rows_of(folder, name) if row["lambda_source"]], "lambda_source")
        assert lambdas[0] == pytest.approx(initial, rel=1e-6)
        assert len(set(lambdas)) == 4


def test_readings_are_those_of_the_trained_gates_over_all_test_images(tmp_path):
    module, test = side_by_side(), examples(50)
    folder = run(tmp_path / "run", module=module, recipe=ADAM, test=test)
    images = as_tensor(test.images(np.arange(50)), "cpu")
    for network, name in zip(module.eval().networks[1:], GATES, strict=True):
        seen = []
        network.gate.register_forward_hook(lambda _gate, arguments, _output, seen=seen: seen.extend(arguments))
        list(module(images))
        weights = network.gate.v.detach().double().exp().numpy()
        parts = weights * [z.detach().double().square().mean().sqrt() for z in seen]
        last = rows_of(folder, name)[-1]
        assert numbers([last], "lambda_source", "share") == pytest.approx(
            [weights[0] / weights.sum(), parts[0] / parts.sum()], rel=1e-5
        )


def test_the_seconds_of_all_networks_add_up_to_no_more_than_those_of_the_run(tmp_path):
    folder = run(tmp_path / "run", module=side_by_side(), recipe=ADAM)
    _, facts = store.read_checkpoint(folder / "epoch2.safetensors")
    seconds = store.read_table(folder / "history.csv")["seconds"]
    # rounded to a hundredth
    assert 0 < seconds.sum() <= facts["training_seconds"] + 0.01


def test_networks_that_are_to_memorise_go_on_until_all_have(tmp_path):
    recipe = Recipe(1, 8, "adam", learning_rate=1e-2, memorise={"top1": 0.6, "epochs": 30})
    names = ["scratch", "layer0-initial0.9"]
    alone = [len(history(run(tmp_path / name, module=side_by_side([name]), recipe=recipe))) // 2 for name in names]
    together = history(run(tmp_path / "together", module=side_by_side(names), recipe=recipe))
    assert alone[0] != alone[1]
    assert max(int(row["epoch"]) for row in together) == max(alone) < 30


# ---- interruptions


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("recipe", [SGD, ADAM], ids=["sgd", "adam"])
def test_networks_side_by_side_go_on_to_the_same_bits(tmp_path, capsys, recipe, at_once):
    batches = []

    def failing(images, device):
        # in the second epoch: one has 26 batches for training, and 2 of the test set come before and after it
        if len(batches) == 2 + 28 + 10:
            raise KeyboardInterrupt
        batches.append(images)
        return as_tensor(images, device)

    def start(folder, **more):
        return run(folder, module=side_by_side(gate_learning_rate=0.1, at_once=at_once), recipe=recipe, **more)

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", inputs=failing)
    resumed = start(tmp_path / "run")
    assert "going on after epoch 1" in capsys.readouterr().out
    assert_same_run(resumed, start(tmp_path / "whole"), ["epoch0", "epoch1", "epoch2"])


# ---- bad input


def test_a_source_without_the_layer_is_refused():
    shallow = nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))
    with pytest.raises(InputError, match="a gate's layer: expected a number from 0 to"):
        SideBySide({"gated": GatedNetwork(quanta(1), 4, 0.5)}, shallow)


def test_a_loss_that_is_not_finite_names_its_network(tmp_path):
    module = side_by_side()
    module.networks[2].network.head.bias.data[0] = float("nan")
    with pytest.raises(InputError, match=r"test loss of layer2-initial0.5 is nan in epoch 0"):
        run(tmp_path / "run", module=module)
