"""What lies between two networks: closed forms of one with two parameters, batch norm, and the barrier."""

import copy
import math

import numpy as np
import pytest
import torch
from landscape_nets import Witness, as_numbers, numbers, probe_of, product, small
from sklearn.metrics import roc_auc_score
from torch import nn
from training_runs import as_tensor, examples

from transferscope.errors import InputError
from transferscope.landscape import probe as probes
from transferscope.landscape.barrier import barriers
from transferscope.landscape.path import along_path
from transferscope.landscape.probe import Probe

VALUES = [20, 60, 90, 95, 110, 150, 250]
POINTS = [-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5]


def logistic_loss(slopes: np.ndarray) -> float:
    """Mean loss over VALUES of the logits (0, slope x)."""
    x = (np.array(VALUES) - 100) / 50
    return np.log1p(np.exp(-slopes * np.abs(x))).mean()


# ---- along the path ----


def test_between_two_networks_of_opposite_signs_both_parameters_vanish():
    rows = along_path(product(1, 1), product(-1, -1), POINTS, probe_of(VALUES))
    assert [row["t"] for row in rows] == POINTS
    for row in rows:
        assert row["loss"] == pytest.approx(logistic_loss((1 - 2 * row["t"]) ** 2), rel=1e-6)
        # half-way all logits are 0, and the first class is guessed: right for four of seven
        assert row["accuracy"] == (4 / 7 if row["t"] == 0.5 else 1)
        assert row["batch_norm"] == "none"
    accuracy_barrier, loss_barrier = barriers(
        *(np.array([row[key] for row in rows]) for key in ("t", "accuracy", "loss"))
    )
    assert accuracy_barrier == pytest.approx(3 / 7)
    assert loss_barrier == pytest.approx(math.log(2) - logistic_loss(1.0), rel=1e-6)


@pytest.mark.parametrize("name", ["layered", "convolutional", "transformer"])
def test_the_ends_are_the_networks_themselves_which_stay_as_they_are(name):
    one, other = small(name, 0), small(name, 1)
    before = [copy.deepcopy(each.state_dict()) for each in (one, other)]
    data = examples(30, size=28)
    shown = Probe(as_tensor, data, "cpu")
    rows = along_path(one, other, [0, 0.5, 1], shown)
    for row, each in zip(rows[::2], (one, other), strict=True):
        score = shown.score(each)
        assert (row["loss"], row["accuracy"]) == (score.loss, score.accuracy)
    middle = copy.deepcopy(one)
    mean = {
        key: (before[0][key] + before[1][key]) / 2 if before[0][key].is_floating_point() else before[0][key]
        for key in before[0]
    }
    middle.load_state_dict(mean)
    assert rows[1]["loss"] == pytest.approx(shown.score(middle).loss, rel=1e-6)
    for each, state in zip((one, other), before, strict=True):
        assert all(torch.equal(tensor, state[key]) for key, tensor in each.state_dict().items())
    assert along_path(one, other, [0, 0.5, 1], shown) == rows


def test_counters_have_nothing_between_them_and_are_the_second_networks():
    one, other = small("convolutional", 0), small("convolutional", 1)
    for network, count in ((one, 3), (other, 8)):
        for norm in probes.batch_norms(network):
            norm.num_batches_tracked.fill_(count)
    shown = Witness(as_tensor, examples(4, size=28), "cpu")
    along_path(one, other, [0, 0.5, 1], shown)
    counters = [state[key].item() for state in shown.states for key in state if key.endswith("num_batches_tracked")]
    assert counters == [8] * 3 * 4


def test_networks_of_other_architectures_have_nothing_between_them():
    shown = Probe(as_tensor, examples(4, size=28), "cpu")
    with pytest.raises(InputError, match=r"head.weight is \(3, 64\), expected \(4, 64\)"):
        along_path(small("layered", 0), small("layered", 0, classes=3), [0], shown)


# ---- batch norm ----


def test_estimated_statistics_are_those_of_a_direct_cumulative_pass():
    module, data = small("convolutional", 0), examples(50, size=28)
    for norm in probes.batch_norms(module):
        norm.num_batches_tracked.fill_(10)  # as after a training
    shown = Probe(as_tensor, data, "cpu")
    shown.estimate_statistics(module)
    expected = small("convolutional", 0).double()
    torch.optim.swa_utils.update_bn([as_tensor(data.images(np.arange(50)), "cpu").double()], expected)
    for key, tensor in module.state_dict().items():
        # ours are float32 sums of up to 39,200 values of about 1, in an order that depends on the processor
        assert torch.allclose(tensor.double(), expected.state_dict()[key].double(), rtol=0, atol=5e-5), key
    assert {norm.momentum for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.1}
    assert not any(part.training for part in module.modules())


def test_statistics_are_means_over_equal_batches(monkeypatch):
    monkeypatch.setattr(probes, "IMAGES_AT_A_TIME", 20)
    module, data = small("convolutional", 0), examples(45, size=28)
    images = as_tensor(data.images(np.arange(45)), "cpu")
    with torch.no_grad():
        batches = [module.block1.conv(batch) for batch in images.split(15)]
    Probe(as_tensor, data, "cpu").estimate_statistics(module)
    norm = module.block1.norm
    assert torch.allclose(
        norm.running_mean, torch.stack([b.mean(dim=(0, 2, 3)) for b in batches]).mean(dim=0), atol=1e-6
    )
    assert torch.allclose(norm.running_var, torch.stack([b.var(dim=(0, 2, 3)) for b in batches]).mean(dim=0), rtol=1e-5)


def test_statistics_are_estimated_at_every_point_where_that_is_asked_for():
    one, other = small("convolutional", 0), small("convolutional", 1)
    shown, seen = Probe(as_tensor, examples(30, size=28), "cpu"), Probe(as_tensor, examples(40, size=28), "cpu")
    points = [0, 0.5, 1]
    interpolated, estimated = along_path(one, other, points, shown), along_path(one, other, points, shown, seen)
    assert {row["batch_norm"] for row in interpolated} == {"interpolated"}
    assert {row["batch_norm"] for row in estimated} == {"estimated"}
    assert all(a["loss"] != b["loss"] for a, b in zip(interpolated, estimated, strict=True))
    for row, each in zip(estimated[::2], (one, other), strict=True):
        expected = copy.deepcopy(each)
        seen.estimate_statistics(expected)
        assert row["loss"] == shown.score(expected).loss
    plain = along_path(small("layered", 0), small("layered", 1), points, shown)
    assert along_path(small("layered", 0), small("layered", 1), points, shown, seen) == plain


# ---- the probe ----


def test_a_score_is_the_loss_and_accuracy_of_all_examples(monkeypatch):
    module, data = small("residual", 3), examples(45, size=28)
    logits = module(as_tensor(data.images(np.arange(45)), "cpu")).detach().double().numpy()
    loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(45), data.labels])
    for at_a_time, prepared in ((256, 2**30), (7, 2**30), (7, 0)):
        monkeypatch.setattr(probes, "IMAGES_AT_A_TIME", at_a_time)
        monkeypatch.setattr(probes, "PREPARED_BYTES", prepared)
        score = Probe(as_tensor, data, "cpu").score(module)
        assert score.loss == pytest.approx(loss, rel=1e-5)
        np.testing.assert_array_equal(score.guesses, logits.argmax(axis=1))
        assert score.accuracy == np.mean(score.guesses == data.labels)


def test_a_network_for_two_classes_has_an_area_under_the_curve_and_is_measured_by_it():
    shown = probe_of(VALUES, mislabelled=2)
    for slope in (1, -2):
        score = shown.score(product(slope))
        expected = roc_auc_score(shown.labels, slope * np.array(VALUES))
        assert score.auc == pytest.approx(expected) == score.measured != score.accuracy
        (row,) = along_path(product(slope), product(slope), [0], shown)
        assert row["auc"] == score.auc
    more = Probe(as_tensor, examples(20, size=28), "cpu").score(small("layered", 0))
    assert more.auc is None and more.measured == more.accuracy


@pytest.mark.parametrize(("room", "calls"), [(2**30, 2), (0, 7)])
def test_images_that_fit_are_prepared_once_for_all_networks(room, calls, monkeypatch):
    monkeypatch.setattr(probes, "PREPARED_BYTES", room)
    seen = []

    def inputs(images, device):
        seen.append(len(images))
        return as_numbers(images, device)

    # one image first, to know its size; then one batch, or one for each of six networks
    along_path(product(1), product(2), [0, 0.2, 0.4, 0.6, 0.8, 1], Probe(inputs, numbers(VALUES), "cpu"))
    assert seen == [1] + [7] * (calls - 1)


def test_a_probe_may_be_cut_to_the_first_examples_and_cannot_be_empty():
    shown = Probe(as_numbers, numbers(VALUES), "cpu", size=3)
    assert len(shown) == 3 and shown.labels.tolist() == [0, 0, 0]
    assert shown.score(product(-1)).accuracy == 0
    assert len(Probe(as_numbers, numbers(VALUES), "cpu", size=99)) == 7
    with pytest.raises(ValueError, match="a probe needs examples"):
        Probe(as_numbers, numbers([]), "cpu")


# ---- the barrier ----


def test_a_barrier_is_measured_from_the_worse_end_and_between_the_ends():
    t = np.array([1.5, 0, 0.5, 1, -1])
    accuracy, loss = np.array([0.1, 0.8, 0.5, 0.7, 0.0]), np.array([9, 1, 2.5, 2, 9.0])
    assert barriers(t, accuracy, loss) == pytest.approx((0.2, 0.5))


def test_where_nothing_between_is_worse_than_the_worse_end_there_is_no_barrier():
    assert barriers([0, 0.5, 1], [0.8, 0.75, 0.7], [1, 0.5, 2]) == (0, 0)


@pytest.mark.parametrize("t", [[0, 0.5], [0.5, 1], [0, 0]])
def test_a_barrier_has_two_ends(t):
    with pytest.raises(ValueError, match="a barrier needs both ends"):
        barriers(t, np.ones(2), np.ones(2))
