"""What pairs of networks have in common, in rows: each the same as what is measured of the two alone."""

import math

import numpy as np
import pytest
import torch
from landscape_nets import probe_of, product, small
from training_runs import as_tensor, examples

from transferscope.landscape.barrier import barriers
from transferscope.landscape.comparison import distance_rows, mistake_rows, path_rows, positions, similarity_rows
from transferscope.landscape.distance import BODY, distances
from transferscope.landscape.path import along_path
from transferscope.landscape.probe import Probe
from transferscope.layer_change import block_grams
from transferscope.similarity.cka import layerwise_cka

PAIRS = [("alike", "first", "twin"), ("apart", "first", "other")]


def trio() -> dict:
    return {"first": small("layered", 0), "twin": small("layered", 0), "other": small("layered", 1)}


def test_mistakes_are_counted_for_each_pair():
    # a slope above 0 is always right, one below 0 always wrong
    networks = {"right": product(1), "wrong": product(-1), "worse": product(-2)}
    pairs = [("one", "right", "wrong"), ("both", "wrong", "worse"), ("none", "right", "right")]
    rows = mistake_rows(networks, pairs, probe_of([20, 60, 150, 180]))
    counts = ("common", "first_only", "second_only", "neither", "same_label")
    assert [row["pair"] for row in rows] == ["one", "both", "none"]
    assert [[row[name] for name in counts] for row in rows] == [[0, 0, 4, 0, 0], [4, 0, 0, 0, 4], [0, 0, 0, 4, 0]]
    assert [row["jaccard"] for row in rows[:2]] == [0, 1] and math.isnan(rows[2]["jaccard"])


def test_mistakes_with_the_same_label_are_those_that_both_guess_alike():
    networks, shown = trio(), Probe(as_tensor, examples(60, size=28), "cpu")
    for name, guess in (("first", 0), ("twin", 0), ("other", 1)):
        with torch.no_grad():
            networks[name].head.bias[guess] = 1e6
    alike, apart = mistake_rows(networks, PAIRS, shown)
    of_class = np.bincount(shown.labels, minlength=4)
    assert of_class.all()
    assert (alike["common"], alike["same_label"]) == (60 - of_class[0], 60 - of_class[0])
    assert (apart["common"], apart["same_label"]) == (of_class[2:].sum(), 0)


def test_a_network_is_as_similar_to_its_twin_as_can_be_and_less_to_others():
    images = examples(40, size=28).images(np.arange(40))
    rows = similarity_rows(trio(), PAIRS, as_tensor, images, "cpu")
    layers = ["conv1", "conv2", "conv3", "conv4", "fc5"]
    assert [(row["pair"], row["layer"]) for row in rows] == [(pair, layer) for pair, *_ in PAIRS for layer in layers]
    for row in rows:
        both = row["cka"], row["cka_debiased"]
        assert both == pytest.approx((1, 1), abs=1e-6) if row["pair"] == "alike" else max(both) < 1 - 1e-5
    # the columns are not confused
    expected = layerwise_cka(*(block_grams(trio()[name], as_tensor, images, "cpu") for name in ("first", "other")))
    for column, estimator in (("cka", "biased"), ("cka_debiased", "debiased")):
        found = [row[column] for row in rows if row["pair"] == "apart"]
        assert found == pytest.approx(expected[estimator], abs=1e-12) and found[0] != found[-1]
    assert (expected["biased"] != expected["debiased"]).all()


def test_distances_have_a_row_a_module_and_one_for_all_but_the_head():
    networks = trio()
    rows = {(row["pair"], row["module"]): row["distance"] for row in distance_rows(networks, PAIRS)}
    expected = distances(networks["first"], networks["other"])
    assert rows["apart", "total"] == expected[BODY]
    assert rows["apart", "conv3"] == expected["conv3"] and rows["apart", "head"] == expected["head"]
    assert all(distance == 0 for (pair, _), distance in rows.items() if pair == "alike")
    assert len(rows) == 2 * 7


def test_paths_have_a_row_a_point_and_a_barrier_each():
    networks = trio()
    shown = Probe(as_tensor, examples(30, size=28), "cpu")
    rows, heights = path_rows(networks, PAIRS, 3, 0.5, shown)
    own = along_path(networks["first"], networks["other"], [-0.5, 0, 0.5, 1, 1.5], shown)
    found = [row for row in rows if row["pair"] == "apart"]
    assert [(row["t"], row["loss"], row["top1"]) for row in found] == [
        (row["t"], row["loss"], row["accuracy"]) for row in own
    ]
    assert "accuracy" not in found[0]
    expected = barriers(*(np.array([row[key] for row in own]) for key in ("t", "accuracy", "loss")))
    (apart,) = (row for row in heights if row["pair"] == "apart")
    assert (apart["barrier"], apart["loss_barrier"]) == expected
    (alike,) = (row for row in heights if row["pair"] == "alike")
    assert (alike["barrier"], alike["loss_barrier"]) == pytest.approx((0, 0), abs=1e-6)


def test_the_barrier_between_networks_for_two_classes_is_one_of_auc():
    networks = {"one": product(1, 1), "other": product(-1, -1)}
    shown = probe_of([20, 60, 150, 180], mislabelled=1)
    rows, (height,) = path_rows(networks, [("apart", "one", "other")], 3, 0, shown)
    # of three positive images one is below the negative one; half-way all are alike, and the first class is guessed
    assert [row["auc"] for row in rows] == pytest.approx([2 / 3, 1 / 2, 2 / 3])
    assert [row["top1"] for row in rows] == [0.75, 0.25, 0.75]
    assert height["barrier"] == pytest.approx(2 / 3 - 1 / 2)


def test_a_path_and_its_barrier_are_seen_with_the_statistics_that_were_asked_for():
    networks = {"one": small("convolutional", 0), "other": small("convolutional", 1)}
    shown, seen = Probe(as_tensor, examples(30, size=28), "cpu"), Probe(as_tensor, examples(40, size=28), "cpu")
    rows, _ = path_rows(networks, [("apart", "one", "other")], 3, 0, shown, seen)
    own = along_path(networks["one"], networks["other"], [0, 0.5, 1], shown, seen)
    assert [row["loss"] for row in rows] == [row["loss"] for row in own]
    assert {row["batch_norm"] for row in rows} == {"estimated"}


@pytest.mark.parametrize(
    ("points", "beyond", "expected"),
    [(3, 0, [0, 0.5, 1]), (3, 0.5, [-0.5, 0, 0.5, 1, 1.5]), (5, 0.3, [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25])],
)
def test_points_are_even_within_and_as_dense_beyond(points, beyond, expected):
    assert positions(points, beyond) == expected


def test_a_point_at_the_edge_is_within_it_whatever_the_rounding():
    assert 0.29 * 100 < 29
    found = positions(101, 0.29)
    assert (len(found), found[0], found[-1]) == (101 + 2 * 29, -0.29, 1.29)


def test_both_ends_are_exact_however_many_points():
    for points in range(3, 60, 2):
        assert {0.0, 0.5, 1.0} <= set(positions(points, 0.3))
