"""Training from the features of frozen layers: the same as from the images, and only where that is right."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from frozen_networks import TEST, TRAIN, features_of, frozen_network, images, in_float64, train
from torch import Tensor, nn
from training_runs import as_tensor, assert_same_run, tensors

from transferscope.models.transplant import layers_of, transplant
from transferscope.training import frozen
from transferscope.training.recipe import Recipe


def calls_of(parts: list[nn.Module]) -> list[nn.Module]:
    """A list that grows with each call of these modules from now on."""
    calls = []
    for part in parts:
        part.register_forward_hook(lambda part, given, output: calls.append(part))
    return calls


class Head(nn.Module):
    """Two layers and a head, all linear, on the 28 x 28 pixels of an image."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.head = nn.Linear(784, 12), nn.Linear(12, 12), nn.Linear(12, 10)


def frozen_up_to_two(kind: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = kind()
    for part in (module.one, module.two):
        part.requires_grad_(False)
    return module


# ---- the same


@pytest.mark.parametrize(
    ("name", "n", "options"),
    [
        *[("layered", n, {}) for n in (1, 3, 5)],
        *[("convolutional", n, {"width": 8}) for n in (1, 3, 4)],
        *[("residual", n, {}) for n in (1, 2, 4, 5)],
        *[("dense", n, {}) for n in (1, 2, 3, 6)],
        *[("transformer", n, {}) for n in (1, 3, 5)],
        # there is dropout behind its patches, which is at work where they alone are frozen
        ("transformer", 1, {"dropout": 0.2}),
        ("transformer", 2, {"dropout": 0.2}),
    ],
)
def test_the_trained_network_is_that_of_training_from_the_images(name, n, options, tmp_path, monkeypatch, capsys):
    def trained(folder: str) -> dict[str, Tensor]:
        module = frozen_network(name, n, **options).double()
        return tensors(train(tmp_path / folder, module, inputs=in_float64), "epoch2")

    found = trained("features")
    assert capsys.readouterr().out.count("images are computed once\n") == 2
    monkeypatch.setattr(frozen, "MEMORY_BYTES", 0)
    expected = trained("images")
    assert capsys.readouterr().out.count("images are computed in every epoch: they take") == 2
    assert list(found) == list(expected)
    for tensor in expected:
        torch.testing.assert_close(found[tensor], expected[tensor], rtol=1e-9, atol=1e-12)


def test_the_same_run_gives_the_same_bits(tmp_path):
    folders = [train(tmp_path / name, frozen_network("residual", 3)) for name in ("one", "other")]
    assert_same_run(*folders, ["epoch0", "epoch1", "epoch2"])


class Table(nn.Module):
    """Twelve numbers, whatever the images."""

    def forward(self):
        return torch.arange(12.0)


class WithTable(Head):
    """A module whose output has no axis of examples comes before the second layer."""

    def __init__(self):
        super().__init__()
        self.table = Table()

    def forward(self, x):
        return self.head(self.two(self.one(x.flatten(1)).relu() + self.table()).relu())


def test_what_is_called_before_the_frozen_layer_need_not_have_an_axis_of_examples():
    module = frozen_up_to_two(WithTable)
    features, rows = features_of(module), np.array([4, 2, 0])
    torch.testing.assert_close(features.outputs(features.batch(TEST, rows)), module(images(TEST, rows)))


@pytest.mark.parametrize("training", [True, False])
def test_outputs_are_those_of_the_images_whichever_rows_are_asked_for(training):
    module = frozen_network("residual", 3)
    features = features_of(module)
    module.train(training)
    for part, rows in ((TRAIN, np.array([20, 3, 7, 3])), (TEST, np.array([9, 0]))):
        found = features.outputs(features.batch(part, rows))
        torch.testing.assert_close(found, module(images(part, rows)), rtol=1e-4, atol=1e-5)


def test_what_works_in_place_behind_the_frozen_layers_leaves_the_features_as_they_are():
    module = nn.Sequential(nn.Conv2d(1, 3, 5), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3 * 24**2, 10))
    features = features_of(transplant(module, module, 1, frozen=True))
    rows = np.arange(10)
    outputs = [features.outputs(features.batch(TEST, rows)) for _ in range(2)]
    assert torch.equal(*outputs)
    assert (features.batch(TEST, rows) < 0).any()


# ---- and cheaper


@pytest.mark.parametrize("n", [1, 3, 5])
def test_frozen_layers_and_all_in_front_of_them_are_not_computed_again(n):
    module = frozen_network("residual", n)
    features = features_of(module)
    layers = layers_of(module)
    frozen_parts = [
        part
        for layer in layers[:n]
        for part in module.get_submodule(layer).modules()
        if part is not module.get_submodule(layer)
    ]
    calls = calls_of(frozen_parts)
    above = calls_of([module.fc])
    features.outputs(features.batch(TRAIN, np.arange(4)))
    assert not calls
    assert above == [module.fc]


def test_an_image_is_read_and_prepared_once_however_many_epochs_there_are(tmp_path):
    def prepared(epochs: int) -> int:
        seen = []

        def counting(images, device):
            seen.extend(images)
            return as_tensor(images, device)

        recipe = Recipe(epochs, 8, "sgd", learning_rate=0.05)
        train(tmp_path / f"{epochs}", frozen_network("layered", 2), inputs=counting, recipe=recipe)
        return len(seen)

    assert prepared(3) == prepared(1) < 2 * (len(TRAIN) + len(TEST))


# ---- only where it is right


class Plain(Head):
    def forward(self, x):
        return self.head(self.two(self.one(x.flatten(1)).relu()).relu())


class Shortcut(Head):
    """The head also sees what comes before the second layer."""

    def forward(self, x):
        first = self.one(x.flatten(1)).relu()
        return self.head(first + self.two(first).relu())


class RareShortcut(Head):
    """The head sees what comes before the second layer, but only where it is far greater than in these images."""

    def forward(self, x):
        first = self.one(x.flatten(1)).relu()
        return self.head(self.two(first).relu() + (first - 1000).relu())


class ImagesAgain(Head):
    """The head also sees how bright the image is."""

    def forward(self, x):
        return self.head(self.two(self.one(x.flatten(1)).relu()).relu() + x.mean(dim=(1, 2, 3))[:, None])


class OnlyInTraining(Head):
    """The shortcut is there in one mode only."""

    def forward(self, x):
        first = self.one(x.flatten(1)).relu()
        return self.head(self.two(first).relu() + (first if self.training else 0))


class OnlyInTesting(Head):
    def forward(self, x):
        first = self.one(x.flatten(1)).relu()
        return self.head(self.two(first).relu() + (0 if self.training else first))


class Auxiliary(Head):
    """While it learns, batch norm, which no logits depend on, sees what comes before the second layer."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(12)

    def forward(self, x):
        first = self.one(x.flatten(1)).relu()
        outputs = self.head(self.two(first).relu())
        return (outputs, self.norm(first)) if self.training else outputs


class Twice(Head):
    def forward(self, x):
        return self.head(self.two(self.two(self.one(x.flatten(1)).relu()).relu()).relu())


class Unused(Head):
    def forward(self, x):
        return self.head(self.one(x.flatten(1)).relu())


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), None


class HandsOnAPair(Head):
    def __init__(self):
        super().__init__()
        self.two = Pair(12, 12)

    def forward(self, x):
        return self.head(self.two(self.one(x.flatten(1)).relu())[0])


class Dropout(Head):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.head(self.two(self.dropout(self.one(x.flatten(1)))).relu())


class Scaled(Head):
    """A number that is no layer's, between the two layers."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.head(self.two(self.scale * self.one(x.flatten(1))).relu())


class Normalised(Head):
    """The statistics of a batch between the two layers."""

    def forward(self, x):
        first = self.one(x.flatten(1))
        return self.head(self.two(first - first.mean(0) if self.training else first).relu())


def test_a_network_that_needs_the_features_alone_is_told_so(capsys):
    assert features_of(frozen_up_to_two(Plain)) is not None
    assert capsys.readouterr().out == (
        "frozen up to two, whose outputs for 24 images are computed once\n"
        "frozen up to two, whose outputs for 10 images are computed once\n"
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Shortcut, "they are not all that the layers above see"),
        (RareShortcut, "they are not all that the layers above see"),
        (ImagesAgain, "they are not all that the layers above see"),
        (OnlyInTraining, "they are not all that the layers above see"),
        (OnlyInTesting, "they are not all that the layers above see"),
        (Auxiliary, "they are not all that the layers above see"),
        (Twice, "it is not called once and once only, or does not hand on one tensor"),
        (Unused, "it is not called once and once only, or does not hand on one tensor"),
        (HandsOnAPair, "it is not called once and once only, or does not hand on one tensor"),
        (Dropout, "something in front of it is trained or draws numbers"),
        (Scaled, "something in front of it is trained or draws numbers"),
        (Normalised, "something in front of it is trained or draws numbers"),
    ],
)
def test_a_network_that_needs_more_than_the_features_is_found_out(kind, reason, capsys):
    assert features_of(frozen_up_to_two(kind)) is None
    assert capsys.readouterr().out == f"frozen up to two, whose outputs are computed in every epoch: {reason}\n"


def test_a_network_with_a_shortcut_learns_as_ever(tmp_path):
    def weights(kind: Callable[[], nn.Module]) -> Tensor:
        return tensors(train(tmp_path / kind.__name__, frozen_up_to_two(kind)), "epoch2")["head.weight"]

    class Shifted(Shortcut):
        """The same function, but without modules that could be replaced in front of the shortcut."""

        def forward(self, x):
            first = nn.functional.linear(x.flatten(1), self.one.weight, self.one.bias).relu()
            return self.head(first + nn.functional.linear(first, self.two.weight, self.two.bias).relu())

    assert torch.equal(weights(Shortcut), weights(Shifted))


def test_a_network_without_frozen_layers_has_no_features(capsys):
    assert features_of(frozen_network("layered", 0)) is None
    module = frozen_network("layered", 0)
    module.conv2.requires_grad_(False)
    assert features_of(module) is None
    assert capsys.readouterr().out == ""


# ---- and nothing stays behind


@pytest.mark.parametrize("n", [1, 5])
def test_the_network_is_as_it_was_before(n, tmp_path):
    module = frozen_network("residual", n)
    modes = [part.training for part in module.modules()]
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    features = features_of(module)
    assert [part.training for part in module.modules()] == modes
    assert list(state) == list(module.state_dict())
    assert all(torch.equal(state[name], tensor) for name, tensor in module.state_dict().items())
    with pytest.raises((RuntimeError, ValueError)):
        features.outputs(torch.ones(2, 3))
    train(tmp_path / "run", module)
    assert not any("forward" in vars(part) or part._forward_hooks for part in module.modules())
    assert not torch.equal(*module.eval()(images(TEST, np.arange(2))))


def test_what_torch_draws_next_is_not_changed():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    features_of(frozen_network("transformer", 1, dropout=0.2))
    assert torch.equal(torch.rand(3), expected)
