"""How learning rates fall in a run, and how its training images are augmented."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from training_runs import CLASSES, assert_same_run, examples, history, linear, network, run, same, tensors

from transferscope.data.augment import Augment
from transferscope.data.inputs import Inputs
from transferscope.errors import InputError
from transferscope.randomness import numpy_generator
from transferscope.training.recipe import Recipe

INPUTS = Inputs(channels=1, image_size=8, mean=[0.4], std=[0.3])
EVERYTHING = {"rotation": 15, "shift": 0.1, "zoom": 0.1, "crop": 1, "flip": True, "mixup": 0.7}


def recipe(epochs: int, **fields) -> Recipe:
    """Plain steps down the gradient, in batches of 8, where nothing else is said."""
    return Recipe(**{"epochs": epochs, "batch_size": 8, "optimiser": "sgd", "learning_rate": 0.1} | fields)


def by_hand(module: nn.Module, rates: list[float], recipe: Recipe, augment: Augment, seed: int = 0) -> list[float]:
    """Train a module on `examples(22)`, three batches an epoch, with these learning rates; its losses, one a step."""
    data, losses = examples(22), []
    values = torch.from_numpy(data.images(np.arange(22))).permute(0, 3, 1, 2) / 255
    optimiser = (
        torch.optim.Adam(module.parameters())
        if recipe.optimiser == "adam"
        else torch.optim.SGD(module.parameters(), momentum=recipe.momentum)
    )
    for step, rate in enumerate(rates, start=1):
        epoch, batch = divmod(step - 1, 3)
        rows = numpy_generator(seed, "order", epoch + 1).permutation(22)[8 * batch : 8 * batch + 8]
        generator = numpy_generator(seed, "augmentation", step)
        images = (augment.warped(values[rows], generator) - 0.4) / 0.3
        images, labels = augment.mixed(images, torch.from_numpy(data.labels[rows]), CLASSES, generator)
        optimiser.param_groups[0]["lr"] = rate
        loss = cross_entropy(module(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses


def assert_trained_by_hand(folder: Path, rates: list[float], recipe: Recipe, augment: Augment) -> None:
    """`folder` is a run of `linear` on `examples(22)`: it has the weights and losses that one computes by hand."""
    module = linear()
    losses = by_hand(module, rates, recipe, augment)
    found = tensors(folder, f"epoch{recipe.epochs}")
    for name, parameter in module.state_dict().items():
        torch.testing.assert_close(found[name], parameter, rtol=1e-4, atol=1e-6)
    told = [float(row["loss"]) for row in history(folder) if row["split"] == "train"]
    sizes = np.tile([8, 8, 6], recipe.epochs)
    expected = (np.array(losses) * sizes).reshape(-1, 3).sum(axis=1) / 22
    assert told == pytest.approx(expected, rel=1e-4)


# ---- learning rates

FALLING = [
    # the first three of nine steps have the whole rate
    ({"drops": [1, 2]}, [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]),
    ({"drops": [2], "drop_factor": 0.5}, [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5]),
    ({"learning_rate_decay": 0.25}, [1, 1 / 1.25, 1 / 1.5, 1 / 1.75, 1 / 2, 1 / 2.25, 1 / 2.5, 1 / 2.75, 1 / 3]),
    (
        {"drops": [1], "drop_factor": 0.3, "learning_rate_decay": 1.0},
        [1, 1 / 2, 1 / 3, 0.3 / 4, 0.3 / 5, 0.3 / 6, 0.3 / 7, 0.3 / 8, 0.3 / 9],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), [({}, [1] * 9), *FALLING])
def test_learning_rates_fall_as_the_recipe_says(fields, expected):
    found = [recipe(3, **fields).learning_rate_factor(step, steps_per_epoch=3) for step in range(1, 10)]
    assert found == pytest.approx(expected)


def test_yosinski_and_others_drop_the_learning_rate_every_100_000_steps():
    falling = recipe(180, learning_rate=0.01, drops=[40, 80, 120, 160])
    for step, expected in ((100_000, 1), (100_001, 0.1), (200_001, 0.01), (400_001, 1e-4), (450_000, 1e-4)):
        assert falling.learning_rate_factor(step, steps_per_epoch=2500) == pytest.approx(expected)


@pytest.mark.parametrize("optimiser", [{"optimiser": "sgd", "momentum": 0.9}, {"optimiser": "adam"}])
@pytest.mark.parametrize(("fields", "factors"), FALLING)
def test_a_run_learns_at_the_rates_of_its_recipe(tmp_path, optimiser, fields, factors):
    falling = recipe(3, **optimiser, **fields)
    folder = run(tmp_path / "run", module=linear(), inputs=INPUTS, train=examples(22), recipe=falling)
    assert_trained_by_hand(folder, [0.1 * factor for factor in factors], falling, Augment())


def test_a_loss_that_is_not_finite_is_told_with_the_rate_that_it_came_at(tmp_path):
    batches = []

    def failing(images, device):
        batches.append(images)
        # the first of the second epoch: one has 3 batches for training, and 2 of the test set come before and after it
        return INPUTS(images, device) * (float("nan") if len(batches) == 2 + 5 + 1 else 1)

    with pytest.raises(
        InputError, match=r"training loss is nan in epoch 2, step 4, at a learning rate of 0\.01: lower"
    ):
        run(tmp_path / "run", inputs=failing, train=examples(22), recipe=recipe(3, drops=[1]))


# ---- augmentation


@pytest.mark.parametrize(
    "fields", [{"crop": 2, "flip": True}, {"rotation": 20, "zoom": 0.2, "shift": 0.1}, {"mixup": 0.7}, EVERYTHING]
)
def test_training_images_are_augmented_anew_at_each_step_as_by_hand(tmp_path, fields):
    augmented = recipe(3, augment=fields)
    folder = run(tmp_path / "run", module=linear(), inputs=INPUTS, train=examples(22), recipe=augmented)
    assert_trained_by_hand(folder, [0.1] * 9, augmented, Augment(**fields))
    plain = run(tmp_path / "plain", module=linear(), inputs=INPUTS, train=examples(22), recipe=recipe(3))
    assert not same(tensors(folder, "epoch3"), tensors(plain, "epoch3"))


def test_augmentation_that_asks_for_nothing_changes_nothing(tmp_path):
    folder = run(tmp_path / "run", inputs=INPUTS, recipe=recipe(2, augment={}))
    assert_same_run(folder, run(tmp_path / "plain", inputs=INPUTS, recipe=recipe(2)), ["epoch0", "epoch1", "epoch2"])


def test_test_images_are_never_augmented(tmp_path):
    # so small that nothing is learned: all tests are of one and the same net
    still = {"learning_rate": 1e-30, "optimiser": "sgd"}
    folder = run(tmp_path / "run", module=linear(), inputs=INPUTS, recipe=recipe(2, augment=EVERYTHING, **still))
    losses = {row["loss"] for row in history(folder) if row["split"] == "test"}
    plain = run(tmp_path / "plain", module=linear(), inputs=INPUTS, recipe=recipe(2, **still))
    assert losses == {row["loss"] for row in history(plain) if row["split"] == "test"}
    assert len(losses) == 1
    # whereas each epoch shows training images of its own
    trained = [row["loss"] for row in history(folder) if row["split"] == "train"]
    assert all(one != other for one, other in pairwise(trained))


@pytest.mark.parametrize(
    ("optimiser", "fields"),
    [
        ("sgd", {"augment": {"crop": 1, "flip": True}}),
        ("adam", {"augment": EVERYTHING}),
        ("sgd", {"drops": [1]}),
        ("adam", {"learning_rate_decay": 0.1}),
    ],
    ids=["crops", "all", "drops", "decay"],
)
def test_a_run_goes_on_with_the_same_bits(tmp_path, capsys, optimiser, fields):
    asked = recipe(2, optimiser=optimiser, **fields)
    batches = []

    def failing(images, device, *augment):
        batches.append(images)
        # in the second epoch: one has 26 batches for training, and 2 of the test set come before and after it
        if len(batches) == 2 + 28 + 10:
            raise KeyboardInterrupt
        return INPUTS(images, device, *augment)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", module=network(), inputs=failing, recipe=asked)
    resumed = run(tmp_path / "run", inputs=INPUTS, recipe=asked)
    assert "going on after epoch 1" in capsys.readouterr().out
    assert_same_run(resumed, run(tmp_path / "whole", inputs=INPUTS, recipe=asked), ["epoch0", "epoch1", "epoch2"])


def test_another_augmentation_is_another_run(tmp_path, capsys):
    run(tmp_path / "run", inputs=INPUTS, recipe=recipe(2, augment={"crop": 1}))
    run(tmp_path / "run", inputs=INPUTS, recipe=recipe(2, augment={"crop": 2}))
    assert "starting afresh" in capsys.readouterr().out


# ---- bad input


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("drops", [0]),
        ("drops", [3]),
        ("drop_factor", 0.0),
        ("drop_factor", 1.0),
        ("drop_factor", float("nan")),
        ("learning_rate_decay", -1e-6),
        ("learning_rate_decay", float("inf")),
    ],
)
def test_a_schedule_out_of_range_is_refused_by_name(key, value):
    with pytest.raises(InputError) as caught:
        recipe(3, **{key: value})
    assert str(caught.value).startswith(f"recipe.{key}: expected ")
    assert f"found {value!r}" in str(caught.value)


def test_drops_may_come_until_the_end_of_a_run_that_memorises():
    assert recipe(3, drops=[2, 5], memorise={"top1": 0.9, "epochs": 6}).drops == (2, 5)
    with pytest.raises(InputError, match=r"recipe.drops: expected epochs from 1 on, before the last \(6\), found"):
        recipe(3, drops=[2, 6], memorise={"top1": 0.9, "epochs": 6})


def test_an_augmentation_out_of_range_is_refused_in_its_recipe():
    with pytest.raises(InputError, match=r"augment\.shift: expected 0 or more and below 1, found 2"):
        recipe(3, augment={"shift": 2})
