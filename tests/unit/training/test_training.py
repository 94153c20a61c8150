"""The training loop: right by hand, and what it keeps, tells and refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from training_runs import (
    CLASSES,
    as_tensor,
    assert_same_run,
    checkpoints,
    examples,
    history,
    linear,
    network,
    run,
    same,
    tensors,
)

from transferscope import store
from transferscope.data.tasks import Examples
from transferscope.errors import InputError
from transferscope.models.transplant import transplant
from transferscope.training.recipe import Kept, Recipe

# ---- right, by hand


class LinearClassifier:
    """Softmax regression in float64, with its gradient written out."""

    def __init__(self, module: nn.Module, data: Examples):
        self.weights = np.hstack([module[1].weight.detach().double(), module[1].bias.detach().double()[:, None]])
        self.x = np.hstack([data.images(np.arange(len(data))).reshape(len(data), -1) / 255, np.ones((len(data), 1))])
        self.targets = np.eye(CLASSES)[data.labels]

    def probabilities(self) -> np.ndarray:
        scores = np.exp(self.x @ self.weights.T)
        return scores / scores.sum(axis=1, keepdims=True)

    def loss(self) -> float:
        return float(-np.log((self.probabilities() * self.targets).sum(axis=1)).mean())

    def gradient(self) -> np.ndarray:
        return (self.probabilities() - self.targets).T @ self.x / len(self.x)


def trained_weights(folder: Path, checkpoint: str) -> np.ndarray:
    found = tensors(folder, checkpoint)
    return np.hstack([found["1.weight"].double(), found["1.bias"].double()[:, None]])


def test_sgd_with_momentum_and_weight_decay_is_what_one_computes_by_hand(tmp_path):
    data, module = examples(20), linear()
    expected, velocity, losses = LinearClassifier(module, data), 0.0, []
    for _ in range(3):
        losses.append(expected.loss())
        velocity = 0.9 * velocity + expected.gradient() + 0.01 * expected.weights
        expected.weights = expected.weights - 0.1 * velocity

    recipe = Recipe(3, batch_size=20, optimiser="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    folder = run(tmp_path / "run", module=module, train=data, test=data, recipe=recipe)

    assert trained_weights(folder, "epoch3") == pytest.approx(expected.weights, abs=1e-6)
    rows = history(folder)
    assert [float(row["loss"]) for row in rows if row["split"] == "train"] == pytest.approx(losses, rel=1e-5)
    tested = [float(row["loss"]) for row in rows if row["split"] == "test"]
    assert tested == pytest.approx([*losses, expected.loss()], rel=1e-5)


@pytest.mark.parametrize(("own", "decay"), [(0.0, 0.0), (0.2, 0.2), (None, 0.01)])
def test_biases_may_learn_at_a_rate_and_decay_of_their_own(tmp_path, own, decay):
    data, module = examples(20), linear()
    expected = LinearClassifier(module, data)
    # the last column is the biases'
    factors, decays = (np.ones_like(expected.weights) * value for value in (1.0, 0.01))
    factors[:, -1], decays[:, -1] = 2.0, decay
    for _ in range(2):
        expected.weights = expected.weights - 0.1 * factors * (expected.gradient() + decays * expected.weights)

    biases = {"learning_rate_factor": 2.0, "weight_decay": own}
    recipe = Recipe(2, batch_size=20, optimiser="sgd", learning_rate=0.1, weight_decay=0.01, biases=biases)
    folder = run(tmp_path / "run", module=module, train=data, test=data, recipe=recipe)

    assert trained_weights(folder, "epoch2") == pytest.approx(expected.weights, abs=1e-6)


def test_adam_is_what_one_computes_by_hand(tmp_path):
    data, module = examples(20), linear()
    expected, first, second = LinearClassifier(module, data), 0.0, 0.0
    for step in range(1, 4):
        gradient = expected.gradient()
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        step_size = 0.02 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        expected.weights = expected.weights - step_size

    recipe = Recipe(3, batch_size=20, optimiser="adam", learning_rate=0.02)
    folder = run(tmp_path / "run", module=module, train=data, test=data, recipe=recipe)

    assert trained_weights(folder, "epoch3") == pytest.approx(expected.weights, abs=1e-5)


def test_loss_of_unequal_batches_is_the_mean_over_images(tmp_path):
    data, module = examples(50), linear()
    expected = LinearClassifier(module, data).loss()
    recipe = Recipe(1, batch_size=3, optimiser="sgd", learning_rate=1e-12)
    rows = history(run(tmp_path / "run", module=module, train=data, test=data, recipe=recipe))
    assert [float(row["loss"]) for row in rows] == pytest.approx([expected] * 3, rel=1e-5)


def test_each_epoch_sees_every_image_once_in_an_order_of_its_own(tmp_path):
    seen = []

    def recording(images, device):
        seen.append(images[:, 0, 0, 0])
        return as_tensor(images, device)

    data = Examples(
        np.arange(22, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2),
        np.arange(22) % CLASSES,
        list(range(CLASSES)),
        1,
        np.arange(22),
    )
    recipe = Recipe(3, batch_size=4, optimiser="sgd", learning_rate=0.1)
    run(tmp_path / "run", inputs=recording, train=data, test=examples(1), recipe=recipe)
    epochs = [np.concatenate(seen[1 + 7 * k :][:6]) for k in range(3)]
    assert [len(batch) for batch in seen[1:7]] == [4, 4, 4, 4, 4, 2]
    for order in epochs:
        assert sorted(order) == list(range(22))
    assert len({tuple(order) for order in epochs} | {tuple(range(22))}) == 4


@pytest.mark.parametrize("classes", [2, 3])
def test_the_area_under_the_curve_is_told_of_two_classes_only(tmp_path, classes):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
    data = examples(40, classes=classes)
    rows = history(run(tmp_path / "run", module=module, train=data, test=data))
    if classes == 3:
        assert {row["auc"] for row in rows} == {""}
        return
    with torch.no_grad():
        logits = module(as_tensor(data.images(np.arange(40)), torch.device("cpu")))
    expected = roc_auc_score(data.labels, (logits[:, 1] - logits[:, 0]).numpy())
    assert float(rows[-1]["auc"]) == pytest.approx(expected)
    assert rows[-1]["split"] == "test" and all(0 <= float(row["auc"]) <= 1 for row in rows)


def test_a_last_batch_of_one_image_is_left_out_as_batchnorm_has_no_variance_there(tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, CLASSES))
    recipe = Recipe(1, batch_size=4, optimiser="sgd", learning_rate=0.1)
    rows = history(run(tmp_path / "run", module=module, train=examples(9), recipe=recipe))
    assert rows[-1]["step"] == "2"
    assert recipe.steps_per_epoch(9) == 2
    assert recipe.steps_per_epoch(10) == 3
    assert Recipe(1, batch_size=1, optimiser="sgd", learning_rate=0.1).steps_per_epoch(9) == 9


def test_frozen_parameters_stay_as_they_are(tmp_path):
    module = network()
    module[0].requires_grad_(False)
    folder = run(tmp_path / "run", module=module)
    before, after = tensors(folder, "epoch0"), tensors(folder, "epoch2")
    assert torch.equal(before["0.weight"], after["0.weight"])
    assert not torch.equal(before["3.weight"], after["3.weight"])


def frozen_network() -> nn.Module:
    """A network of which the first convolution, the batch norm behind it and the second convolution are frozen."""
    return transplant(network(), network(), 2, frozen=True)


def test_frozen_layers_keep_their_weights_and_statistics_whatever_the_optimiser(tmp_path):
    recipe = Recipe(2, 8, "sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.1)
    folder = run(tmp_path / "run", module=frozen_network(), recipe=recipe)
    before, after = tensors(folder, "epoch0"), tensors(folder, "epoch2")
    trained = {name for name in before if not torch.equal(before[name], after[name])}
    assert trained == {"4.weight", "4.bias", "8.weight", "8.bias"}


def test_frozen_layers_stay_frozen_when_a_run_goes_on(tmp_path, capsys):
    steps, module = [], frozen_network()

    def fail(part, given):
        steps.extend(tmp_path.glob("run/epoch1.safetensors"))
        if len(steps) == 10:
            raise KeyboardInterrupt

    module[-1].register_forward_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", module=module)
    capsys.readouterr()
    resumed = run(tmp_path / "run", module=frozen_network())
    known = "frozen up to 3, whose outputs for 203 images are computed once"
    assert capsys.readouterr().out.startswith(f"going on after epoch 1 of 2\n{known}\n")
    assert_same_run(resumed, run(tmp_path / "whole", module=frozen_network()), ["epoch0", "epoch1", "epoch2"])


def test_of_a_finished_run_frozen_layers_are_not_computed_again(tmp_path, capsys):
    folder = run(tmp_path / "run", module=frozen_network())
    before = history(folder)
    capsys.readouterr()

    def refusing(images, device):
        raise AssertionError("an image was asked for")

    run(folder, module=frozen_network(), inputs=refusing)
    assert capsys.readouterr().out == "going on after epoch 2 of 2\n"
    assert history(folder) == before


def test_a_run_with_frozen_layers_is_another_than_one_that_trains_them(tmp_path):
    folder = run(tmp_path / "run", module=frozen_network())
    run(folder, module=network())
    assert_same_run(folder, run(tmp_path / "trained", module=network()), ["epoch0", "epoch2"])


def test_it_learns(tmp_path):
    rows = history(run(tmp_path / "run", recipe=Recipe(4, batch_size=8, optimiser="adam", learning_rate=1e-2)))
    assert float(rows[0]["top1"]) < 0.5
    assert float(rows[-1]["top1"]) > 0.9


# ---- what is kept


def test_epoch_0_is_the_module_as_it_came(tmp_path):
    folder = run(tmp_path / "run")
    assert same(tensors(folder, "epoch0"), network().state_dict())


def test_checkpoints_say_where_they_stand_and_carry_the_callers_facts(tmp_path):
    folder = run(tmp_path / "run", kept=Kept(every_epochs=None, steps=[13, 26]))
    names = checkpoints(folder)
    assert names == ["epoch0", "epoch2", "step13", "step26"]
    facts = {name: store.read_checkpoint(folder / f"{name}.safetensors")[1] for name in names}
    assert {name: (found["epoch"], found["step"]) for name, found in facts.items()} == {
        "epoch0": (0, 0),
        "epoch2": (2, 52),
        "step13": (0.5, 13),
        "step26": (1, 26),
    }
    assert 0 <= facts["epoch0"]["training_seconds"] <= facts["epoch2"]["training_seconds"]
    assert all(found["provenance"] == {"source": "noise"} for found in facts.values())


def test_the_history_tests_at_epoch_0_after_each_epoch_and_at_kept_steps(tmp_path):
    rows = history(run(tmp_path / "run", kept=Kept(steps=(13, 26))))
    assert [(row["split"], row["epoch"], row["step"]) for row in rows] == [
        ("test", "0", "0"),
        ("test", "0.5", "13"),
        ("train", "1", "26"),
        ("test", "1", "26"),
        ("train", "2", "52"),
        ("test", "2", "52"),
    ]


def test_keeping_steps_changes_nothing_else(tmp_path):
    plain, stepwise = run(tmp_path / "plain"), run(tmp_path / "stepwise", kept=Kept(1, steps=(1, 7, 26, 40)))
    for checkpoint in ("epoch0", "epoch1", "epoch2"):
        assert same(tensors(plain, checkpoint), tensors(stepwise, checkpoint))
    assert same(tensors(stepwise, "step26"), tensors(plain, "epoch1"))
    assert [row for row in history(stepwise) if row["step"] not in ("1", "7", "40")] == history(plain)


@pytest.mark.parametrize(
    ("kept", "names"),
    [
        (Kept(every_epochs=1), ["epoch0", "epoch1", "epoch2", "epoch3", "epoch4", "epoch5"]),
        (Kept(every_epochs=2), ["epoch0", "epoch2", "epoch4", "epoch5"]),
        (Kept(every_epochs=9), ["epoch0", "epoch5"]),
        (Kept(every_epochs=None), ["epoch0", "epoch5"]),
        (Kept(None, steps=(100, 50, 50)), ["epoch0", "epoch5", "step50", "step100"]),
        (Kept(after=(3,)), ["epoch0", "epoch3", "epoch5"]),
        (Kept(after=(0, 3), ends=False), ["epoch0", "epoch3"]),
        (Kept(after=(5,), ends=False), ["epoch5"]),
        (Kept(ends=False), []),
    ],
)
def test_first_and_last_epoch_are_kept_unless_they_are_not_asked_for(kept, names):
    assert kept.names(5) == names


def test_a_run_leaves_no_checkpoint_that_is_not_asked_for(tmp_path):
    folder = run(tmp_path / "run", kept=Kept(after=(1,), ends=False))
    assert checkpoints(folder) == ["epoch1"]
    assert history(folder) == history(run(tmp_path / "all"))


# ---- bad input


def test_a_loss_that_is_not_finite_stops_the_run_and_says_what_to_do(tmp_path):
    recipe = Recipe(2, 8, "sgd", learning_rate=1e30)
    with pytest.raises(
        InputError, match=r"loss is (nan|inf) in epoch 1, step \d+, at a learning rate of 1e\+30: lower"
    ):
        run(tmp_path / "run", recipe=recipe)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["epoch0.safetensors", "state.safetensors"]


def test_weights_that_are_not_finite_from_the_start_are_named(tmp_path):
    module = network()
    module[-1].bias.data[0] = float("nan")
    with pytest.raises(InputError, match=r"test loss is nan in epoch 0, .*check the weights that the run starts from"):
        run(tmp_path / "run", module=module)
    assert not (tmp_path / "run").exists()


def test_a_step_beyond_the_end_is_refused_before_training(tmp_path):
    with pytest.raises(InputError, match=r"checkpoints.steps: .* has 52 \(2 epochs of 26\), found \[53, 900\]"):
        run(tmp_path / "run", kept=Kept(1, steps=(52, 53, 900)))
    assert not (tmp_path / "run").exists()


def test_a_head_for_other_classes_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"outputs of shape \(4,\) .* 5 classes: give it a new head"):
        run(tmp_path / "run", train=examples(50, 5), test=examples(50, 5))


class WithAuxiliaryHead(nn.Module):
    """A net that, while it learns, hands on the logits of a second head behind its own, as torchvision's GoogLeNet."""

    def __init__(self):
        super().__init__()
        self.main, self.auxiliary = linear(), linear()

    def forward(self, x):
        return (self.main(x), self.auxiliary(x)) if self.training else self.main(x)


def test_a_net_with_an_auxiliary_head_learns_by_its_own_logits(tmp_path):
    plain = tensors(run(tmp_path / "plain", module=linear()), "epoch2")
    found = tensors(run(tmp_path / "auxiliary", module=WithAuxiliaryHead()), "epoch2")
    assert same({name: found[f"main.{name}"] for name in plain}, plain)
    assert same({name: found[f"auxiliary.{name}"] for name in plain}, linear().state_dict())


@pytest.mark.parametrize(("training", "testing"), [(0, 5), (1, 5), (5, 0)])
def test_too_few_examples_are_refused(tmp_path, training, testing):
    with pytest.raises(InputError, match=rf"found {training} and {testing}: give the task more rows"):
        run(tmp_path / "run", train=examples(training), test=examples(testing))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("optimiser", "adamw"),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("momentum", 1.0),
        ("momentum", 0.9),
        ("weight_decay", -0.1),
    ],
)
def test_a_recipe_out_of_range_is_refused_by_name(key, value):
    good = {"epochs": 1, "batch_size": 8, "optimiser": "adam", "learning_rate": 0.1}
    with pytest.raises(InputError, match=rf"recipe.{key}: expected .*, found {value!r}"):
        Recipe(**good | {key: value})


@pytest.mark.parametrize(("key", "value"), [("learning_rate_factor", 0), ("weight_decay", -0.1)])
def test_a_recipe_of_biases_out_of_range_is_refused_by_name(key, value):
    with pytest.raises(InputError, match=rf"biases.{key}: expected .*, found {value!r}"):
        Recipe(1, 8, "adam", 0.1, biases={key: value})


@pytest.mark.parametrize("wrong", [{"every_epochs": 0}, {"steps": (5, 0)}])
def test_checkpoints_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(InputError, match=rf"checkpoints.{next(iter(wrong))}: expected .*1 or more"):
        Kept(**wrong)
