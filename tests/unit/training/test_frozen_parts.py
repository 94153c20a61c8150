"""Which images have features of frozen layers: those that are the same each time, as far as there is memory."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from frozen_networks import TEST, TRAIN, features_of, frozen_network, in_float64, train
from torch import Tensor
from training_runs import as_tensor, history, tensors

from transferscope.data.tasks import Examples
from transferscope.training import frozen
from transferscope.training.recipe import Recipe


def test_where_images_are_augmented_the_trained_network_is_that_of_training_from_the_images(tmp_path, monkeypatch):
    def augmented(images: np.ndarray, device: torch.device, warped: Callable | None = None) -> Tensor:
        given = in_float64(images, device)
        return given if warped is None else warped(given.float()).double()

    def trained(folder: str) -> Path:
        module = frozen_network("layered", 3).double()
        recipe = Recipe(2, 8, "sgd", learning_rate=0.05, augment={"shift": 0.2, "flip": True, "mixup": 0.5})
        # a part that is both is augmented where it is trained on
        return train(tmp_path / folder, module, test=TRAIN, inputs=augmented, recipe=recipe)

    found = trained("features")
    monkeypatch.setattr(frozen, "MEMORY_BYTES", 0)
    expected = trained("images")
    for name, tensor in tensors(expected, "epoch2").items():
        torch.testing.assert_close(tensors(found, "epoch2")[name], tensor, rtol=1e-9, atol=1e-12)
    for row, other in zip(history(found), history(expected), strict=True):
        assert float(row["loss"]) == pytest.approx(float(other["loss"]), rel=1e-9)
        assert row["top1"] == other["top1"]


def test_images_for_testing_are_read_once_where_those_for_training_are_augmented(tmp_path):
    def prepared(epochs: int, n: int) -> int:
        count = 0

        def counting(images, device, *augment):
            nonlocal count
            count += len(images)
            return as_tensor(images, device)

        recipe = Recipe(epochs, 8, "sgd", learning_rate=0.05, augment={"flip": True})
        train(tmp_path / f"{epochs}-{n}", frozen_network("layered", n), inputs=counting, recipe=recipe)
        return count

    assert prepared(3, n=2) - prepared(1, n=2) == 2 * len(TRAIN)
    assert prepared(3, n=0) - prepared(1, n=0) == 2 * (len(TRAIN) + len(TEST))


def test_parts_whose_features_take_too_much_memory_are_computed_in_every_epoch(monkeypatch, capsys):
    def parts_known(memory: int) -> list[Examples]:
        monkeypatch.setattr(frozen, "MEMORY_BYTES", memory)
        features = features_of(frozen_network("layered", 5))
        return [] if features is None else [part for part in (TRAIN, TEST) if part in features]

    # 64 numbers for each of 24 and 10 images
    assert parts_known(34 * 64 * 4) == [TRAIN, TEST]
    assert parts_known(34 * 64 * 4 - 1) == [TRAIN]
    assert parts_known(24 * 64 * 4 - 1) == [TEST]
    assert parts_known(10 * 64 * 4 - 1) == []
    assert capsys.readouterr().out.endswith(
        "for 10 images are computed in every epoch: they take 0.0 GB, more than the 0.0 GB that are left\n"
    )
