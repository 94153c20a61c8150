"""What is found in the tables of fine-tuned networks and networks from scratch, by hand-made tables."""

import pandas as pd
import pytest
import torch
import torchvision

from transferscope.models.transplant import layers_of
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import SCRATCH, TUNED


def networks(*rows: tuple) -> pd.DataFrame:
    """accuracy.csv with one target: treatment, instance, size, start, seed, accuracy."""
    columns = ["treatment", "instance", "size", "start", "seed", "accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(target="sketch", speed=0.5, auc=None)


def test_ends_are_means_over_instances_and_block_sizes_those_of_the_first_from_the_last_checkpoint():
    table = networks(
        (TUNED, "1", 28, 9, 0, 0.6),
        (TUNED, "2", 28, 9, 0, 0.8),
        (TUNED, "1", 28, 4, 0, 0.1),
        (TUNED, "1", 7, 9, 0, 0.3),
        (TUNED, "1", 28, 9, 1, 0.5),
        (SCRATCH, "1", 28, None, 0, 0.2),
    )
    assert pairs.final(table, "sketch", TUNED).to_dict() == {0: pytest.approx(0.7), 1: 0.5}
    # seed 1 has no blocks of 7 pixels
    assert pairs.accuracies(table, "sketch", TUNED).to_dict("index") == {0: {7: 0.3, 28: 0.6}}
    assert pairs.final(table[table["treatment"] == TUNED], "sketch", SCRATCH).empty


def test_a_second_network_with_the_first_ones_initialisation_is_no_instance():
    table = networks(
        (SCRATCH, "1", 28, None, 0, 0.2), (SCRATCH, "2", 28, None, 0, 0.4), (SCRATCH, "1b", 28, None, 0, 0.9)
    )
    assert pairs.final(table, "sketch", SCRATCH)[0] == pytest.approx(0.3)


def test_instances_that_were_read_as_numbers_are_found():
    table = networks((SCRATCH, 1.0, 28, None, 0, 0.2), (SCRATCH, 2.0, 28, None, 0, 0.4))
    assert pairs.final(table, "sketch", SCRATCH)[0] == pytest.approx(0.3)
    assert pairs.accuracies(table, "sketch", SCRATCH).loc[0, 28] == 0.2


def test_checkpoints_are_those_of_whole_images():
    table = networks((TUNED, "1", 28, 9, 0, 0.6), (TUNED, "1", 28, 0, 0, 0.5), (TUNED, "1", 7, 9, 0, 0.3))
    assert pairs.from_checkpoints(table, "sketch").loc[0].to_dict() == {0: 0.5, 9: 0.6}
    # from the last alone there is a second instance
    second = pd.concat([table, networks((TUNED, "2", 28, 9, 0, 0.9))])
    assert pairs.from_checkpoints(second, "sketch").loc[0].to_dict() == {0: 0.5, 9: 0.6}
    by_auc = pairs.from_checkpoints(table.assign(auc=[0.8, 0.7, 0.4]), "sketch")
    assert by_auc.loc[0].to_dict() == {0: 0.7, 9: 0.8}


def test_the_relative_gap_is_a_share_of_the_fine_tuned_networks_accuracy():
    table = networks(
        *((TUNED, "1", size, 9, 0, value) for size, value in ((28, 0.8), (7, 0.4), (1, 0.2))),
        *((SCRATCH, "1", size, None, 0, value) for size, value in ((28, 0.6), (7, 0.5))),
        (TUNED, "1", 28, 9, 1, 0.0),
        (TUNED, "1", 7, 9, 1, 0.1),
        (TUNED, "1", 1, 9, 1, 0.1),
        (SCRATCH, "1", 28, None, 1, 0.1),
        (SCRATCH, "1", 7, None, 1, 0.1),
    )
    # seed 1's fine-tuned network is never right
    assert pairs.relative_gap(table, "sketch").to_dict("index") == {
        0: {7: pytest.approx(-0.25), 28: pytest.approx(0.25)}
    }


@pytest.mark.parametrize(
    ("goal", "epochs", "share"),
    [
        (0.35, 4, 2 / 4),
        (0.1, 4, 1 / 4),
        (0.35, 40, 2 / 40),
        (0.35, 1, 2 / 1),
        (0.6, 4, 5 / 4),
        (0.6, 40, 41 / 40),
        (0.6, 1, 4 / 1),
    ],
)
def test_the_epochs_to_reach_a_goal_are_a_share_of_those_from_scratch(goal, epochs, share):
    """The fine-tuned network is trained for three."""
    curves = {TUNED: [(0, 0.0), (1, 0.2), (2, 0.4), (3, 0.4)], SCRATCH: [(epoch, goal) for epoch in range(epochs + 1)]}
    history = pd.DataFrame(
        [
            {"treatment": treatment, "epoch": epoch, "top1": top1, "start": 9 if treatment == TUNED else None}
            for treatment, curve in curves.items()
            for epoch, top1 in curve
        ]
    ).assign(target="sketch", split="test", size=28, instance="1", seed=0)
    accuracy = networks((TUNED, "1", 28, 9, 0, 0.4), (SCRATCH, "1", 28, None, 0, goal))
    tables = Tables(history, accuracy, *[pd.DataFrame()] * 7)
    # what is never reached counts as reached one epoch after the last of both
    assert pairs.epochs_to_reach(tables, "sketch").to_dict() == {0: share}


def test_learning_curves_are_those_of_a_block_size():
    rows = [(size, epoch, size / 100 + epoch / 10) for size in (7, 28) for epoch in (0, 1)]
    history = pd.DataFrame(rows, columns=["size", "epoch", "top1"]).assign(auc=0.5, seed=0, start=9)
    history = history.assign(target="sketch", split="test", treatment=TUNED, instance="1")
    assert pairs.learning(history, "sketch", TUNED).loc[0].tolist() == [0.28, 0.38]
    assert pairs.learning(history, "sketch", TUNED, size=7).loc[0].tolist() == pytest.approx([0.07, 0.17])
    both = pd.concat([history, history[history["size"] == 28].assign(instance="2", top1=0.48)])
    assert pairs.learning(both, "sketch", TUNED).loc[0].tolist() == pytest.approx([0.38, 0.43])
    assert pairs.learning(both, "sketch", TUNED, size=28).loc[0].tolist() == [0.28, 0.38]
    assert pairs.learning(history, "sketch", TUNED, column="auc").loc[0].tolist() == [0.5, 0.5]


def test_a_target_is_measured_by_auc_where_every_network_has_one():
    table = networks((TUNED, "1", 28, 9, 0, 0.6), (SCRATCH, "1", 28, None, 0, 0.5))
    assert pairs.measure(table, "sketch") == "accuracy"
    assert pairs.measure(table.assign(auc=[0.7, 0.6]), "sketch") == "auc"


def test_blocks_of_a_residual_network_are_stages_and_other_layers_stand_for_themselves():
    with torch.device("meta"):
        resnet, *others = (getattr(torchvision.models, name)() for name in ("resnet50", "densenet121", "vgg11"))
    assert pairs.last_of_stages(layers_of(resnet)) == {
        "conv1": "conv1",
        **{"layer1": "layer1.2", "layer2": "layer2.3", "layer3": "layer3.5", "layer4": "layer4.2"},
    }
    for layers in (*map(layers_of, others), ["conv1", "conv2", "fc5"], ["blocks.0", "blocks.1"]):
        assert pairs.last_of_stages(layers) == {layer: layer for layer in layers}


def test_the_similarity_of_a_stage_is_that_of_its_last_block():
    table = pd.DataFrame({"layer": ["conv1", "layer1.0", "layer1.1"], "cka_debiased": [0.9, 0.1, 0.5]})
    table = table.assign(target="sketch", pair="P-T & P", seed=0)
    found = pairs.similarity(table, "sketch", "P-T & P", "cka_debiased")
    assert list(found) == ["conv1", "layer1"] and found.loc[0].tolist() == [0.9, 0.5]
    assert pairs.similarity(table, "sketch", "P-T & RI-T", "cka_debiased").empty


def test_a_column_of_modules_is_in_the_order_of_depth_and_may_have_no_value():
    modules = pd.DataFrame({"module": ["fc", "conv1"], "depth": [5, 0], "mu": [None, 2.0], "drop": [0.2, 0.1]})
    modules = modules.assign(seed=0, treatment=TUNED, path="direct")
    modules = pd.concat([modules.assign(target="sketch"), modules.assign(target="photo", drop=0.3)])
    assert pairs.by_module(modules, "sketch", TUNED).loc[0].to_dict() == {"conv1": 0.1, "fc": 0.2}
    assert list(pairs.by_module(modules, "sketch", TUNED, "mu")) == ["conv1"]
    values = pairs.by_module(modules, "sketch", TUNED, "mu", unknown=float("inf"))
    assert values.loc[0].tolist() == [2.0, float("inf")]


def test_the_criticality_of_a_network_is_the_sum_over_its_modules_on_the_direct_path():
    modules = pd.DataFrame({"module": ["fc", "conv1"], "depth": [5, 0], "mu": [0.5, 2.0]})
    modules = modules.assign(target="sketch", treatment=TUNED)
    seeds = [modules.assign(seed=0, path="direct"), modules.assign(seed=0, path="optimisation", mu=9.0)]
    seeds += [modules.assign(seed=1, path="direct", mu=[None, 2.0])]
    found = pairs.network_criticality(pd.concat(seeds), "sketch", TUNED)
    assert found.to_dict() == {0: 2.5, 1: float("inf")}


@pytest.mark.parametrize(
    ("errors", "alpha"),
    [([0.1, 0.1, 0.1], 0.0), ([0.3, 0.1, 0.1], 0.5), ([0.1, 0.3, 0.1], 1.0), ([0.3, 0.3, 0.3], 1.0)],
)
def test_a_valley_opens_where_error_with_the_least_noise_stays_low(errors, alpha):
    rows = [{"alpha": at, "sigma": 0.01, "error": error} for at, error in zip((0, 0.5, 1), errors, strict=True)]
    rows += [{"alpha": at, "sigma": 0.5, "error": 0.9} for at in (0, 0.5, 1)]
    described = {"seed": 0, "treatment": SCRATCH, "path": "direct", "module": "conv1", "epsilon": 0.1}
    rows = pd.DataFrame(rows).assign(**described)
    other = rows.assign(target="photo", error=1 - rows["error"])
    found = pairs.opening(pd.concat([other, rows.assign(target="sketch")]), "sketch", SCRATCH)
    assert found.loc[0, "conv1"] == alpha
