"""A run that must memorise its training images goes on until it has, or until the most epochs it may have."""

from pathlib import Path

import pytest
from training_runs import checkpoints, history, run, same, tensors

from transferscope import store
from transferscope.errors import InputError
from transferscope.training.recipe import Kept, Recipe


def recipe_that_memorises(top1: float, epochs: int) -> Recipe:
    return Recipe(2, batch_size=8, optimiser="adam", learning_rate=1e-2, memorise={"top1": top1, "epochs": epochs})


def training_accuracies(folder: Path) -> list[float]:
    """Running top-1 accuracy of each epoch."""
    return [float(row["top1"]) for row in history(folder) if row["split"] == "train"]


def test_a_run_that_memorises_goes_on_until_an_epoch_has_the_accuracy(tmp_path):
    folder = run(tmp_path / "run", recipe=recipe_that_memorises(0.8, epochs=9))
    *before, last = training_accuracies(folder)
    assert 2 < len(before) < 8
    assert max(before[1:]) < 0.8 <= last
    assert checkpoints(folder) == ["end", "epoch0", "epoch1", "epoch2"]
    facts = store.read_checkpoint(folder / "end.safetensors")[1]
    assert (facts["epoch"], facts["step"]) == (len(before) + 1, 26 * (len(before) + 1))
    assert [row["epoch"] for row in history(folder) if row["split"] == "test"] == [
        str(k) for k in range(len(before) + 2)
    ]


def test_a_run_that_does_not_memorise_ends_as_one_of_the_most_epochs(tmp_path):
    folder = run(tmp_path / "run", recipe=recipe_that_memorises(1.0, epochs=4), kept=Kept(2, steps=(7, 52)))
    plain = run(tmp_path / "plain", recipe=Recipe(4, batch_size=8, optimiser="adam", learning_rate=1e-2))
    assert max(training_accuracies(folder)) < 1
    assert checkpoints(folder) == ["end", "epoch0", "epoch2", "step52", "step7"]
    assert same(tensors(folder, "epoch2"), tensors(plain, "epoch2"))
    assert same(tensors(folder, "end"), tensors(plain, "epoch4"))
    assert [row for row in history(folder) if row["step"] != "7"] == history(plain)


def test_a_run_that_has_memorised_in_its_epochs_ends_with_them(tmp_path):
    folder = run(tmp_path / "run", recipe=recipe_that_memorises(0.1, epochs=9))
    assert history(folder) == history(run(tmp_path / "plain"))
    assert same(tensors(folder, "end"), tensors(folder, "epoch2"))
    assert not same(tensors(folder, "end"), tensors(folder, "epoch1"))


def test_it_is_the_last_epoch_that_must_have_the_accuracy():
    recipe = recipe_that_memorises(0.5, epochs=4)
    assert [recipe.goes_on(epoch, top1=0.9) for epoch in (0, 1, 2, 3)] == [True, True, False, False]
    assert [recipe.goes_on(epoch, top1=0.4) for epoch in (1, 2, 3, 4)] == [True, True, True, False]
    assert not recipe.goes_on(2, top1=0.5)


def test_the_end_of_a_run_that_memorises_is_named_last():
    assert Kept(2, steps=(7,)).names(4, end=True) == ["epoch0", "epoch2", "epoch4", "step7", "end"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"top1": 0.0}, "top1: expected a number above 0 and at most 1, found 0.0"),
        ({"top1": 99}, "top1: expected a number above 0 and at most 1, found 99"),
        ({"top1": float("nan")}, "top1: expected a number above 0 and at most 1, found nan"),
        ({"epochs": 1}, r"epochs: expected recipe.epochs \(2\) or more, found 1"),
    ],
)
def test_memorising_out_of_range_is_refused_by_name(wrong, expected):
    with pytest.raises(InputError, match=f"memorise.{expected}"):
        recipe_that_memorises(**{"top1": 0.99, "epochs": 2} | wrong)
