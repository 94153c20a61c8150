"""The runs of Orhand et al. 2021, as made from a config, and their lines in tables."""

import dataclasses
import json
import math

import pandas as pd
import pytest
from valid_config import VALID

from transferscope.runs.anb import anb_runs
from transferscope.runs.quanta import (
    Network,
    Sweep,
    final_rows,
    history_rows,
    quanta_sources,
    quanta_sweeps,
    source_row,
)
from transferscope.training.recipe import Recipe

PAPERS_COLUMNS = ["target", "source", "seed", "repeat", "layer", "initial", "rate_factor"]
MEASURES = ["lambda_source", "share", "loss", "top1", "top3", "precision", "recall"]


@pytest.fixture
def config(load_config) -> dict:
    return load_config(VALID)


@pytest.fixture
def sweeps(config) -> dict[str, Sweep]:
    return {sweep.name: sweep for sweep in quanta_sweeps(config)}


def without(config: dict, key: str) -> dict:
    del config["quanta"][key]
    return config


def test_every_target_control_and_learning_rate_is_a_sweep_of_all_repeats(sweeps):
    papers, controls, rates = ["AnA", "AnB"], ["AnB-untrained", "AnB-permuted"], ["AnB-rate0.1", "AnB-rate10"]
    assert list(sweeps) == [*papers, *controls, *rates, "joint-A-B", "joint-B-A"]


@pytest.mark.parametrize(
    ("size", "suffixes"),
    [
        (1, ["-repeats0-0", "-repeats1-1", "-repeats2-2", "-repeats3-3", "-repeats4-4"]),
        (2, ["-repeats0-1", "-repeats2-3", "-repeats4-4"]),
        (5, [""]),
        (6, [""]),
        ("null", [""]),
    ],
)
def test_repeats_may_be_in_several_sweeps_which_then_have_the_same_networks(load_config, size, suffixes):
    whole = {each.name: each for each in quanta_sweeps(load_config(VALID, "quanta: {repeats: 5}"))}
    sweeps = quanta_sweeps(load_config(VALID, f"quanta: {{repeats: 5, repeats_per_sweep: {size}}}"))
    for kind, *described in (
        ("AnA", "AnA", "trained", 1),
        ("AnB", "AnB", "trained", 1),
        ("AnB-untrained", "AnB", "untrained", 1),
        ("AnB-permuted", "AnB", "permuted", 1),
        ("AnB-rate10", "AnB", "trained", 10),
    ):
        parts = [each for each in sweeps if [each.target, each.source, each.rate_factor] == described]
        assert [each.name for each in parts] == [kind + suffix for suffix in suffixes]
        networks = [network for part in parts for network in part.networks]
        assert sorted(networks, key=str) == sorted(whole[kind].networks, key=str)


def test_a_sweep_carries_in_its_fields_what_its_name_says(sweeps):
    found = {name: (each.target, each.source, each.half, each.rate_factor) for name, each in sweeps.items()}
    assert found == {
        "AnA": ("AnA", "trained", None, 1),
        "AnB": ("AnB", "trained", None, 1),
        "AnB-untrained": ("AnB", "untrained", None, 1),
        "AnB-permuted": ("AnB", "permuted", None, 1),
        "AnB-rate0.1": ("AnB", "trained", None, 0.1),
        "AnB-rate10": ("AnB", "trained", None, 10),
        "joint-A-B": ("joint", "similar-baseA", "B", 1),
        "joint-B-A": ("joint", "similar-baseB", "A", 1),
    }


def test_a_sweep_has_a_gate_at_each_layer_from_each_initial_value_and_a_network_without(sweeps):
    gates = ["layer0-initial0.9", "layer0-initial0.5", "layer2-initial0.9", "layer2-initial0.5"]
    names = [f"{gate}-repeat{repeat}" for repeat in (0, 1) for gate in gates] + ["scratch-repeat0", "scratch-repeat1"]
    for name in ("AnA", "AnB"):
        assert [network.name for network in sweeps[name].networks] == names
    assert sweeps["AnA"].networks[7:9] == (
        Network("layer2-initial0.5-repeat1", 1, 2, 0.5),
        Network("scratch-repeat0", 0, None, None),
    )


def test_controls_and_other_rates_start_from_one_value_and_have_no_network_without_a_gate(sweeps):
    for name in ("AnB-untrained", "AnB-permuted", "AnB-rate0.1", "AnB-rate10"):
        found = [(each.repeat, each.layer, each.initial) for each in sweeps[name].networks]
        assert found == [(0, 0, 0.5), (0, 2, 0.5), (1, 0, 0.5), (1, 2, 0.5)]


def test_a_joint_sweep_has_a_gate_where_a_layer_is_the_last_that_is_copied(config, sweeps):
    # counted from 1 there, from 0 here
    assert config["anb"]["layers"] == [1, 3]
    for name in ("joint-A-B", "joint-B-A"):
        assert [(each.layer, each.initial) for each in sweeps[name].networks] == [(0, 0.75), (2, 0.75)]


def test_a_joint_sweep_learns_what_frozen_copies_of_the_same_source_learn(config):
    config["quanta"]["joint"]["split"] = "dissimilar"
    networks = {run.name: run for run in anb_runs(config)}
    for other, half in ("AB", "BA"):
        (sweep,) = [each for each in quanta_sweeps(config) if each.name == f"joint-{other}-{half}"]
        copied = networks[f"dissimilar-{other}3{half}"]
        assert (sweep.source, sweep.half) == (copied.source, copied.half)
        assert (sweep.task, sweep.recipe) == (copied.task, copied.recipe)


def test_tasks_and_recipes_are_those_of_the_config(config, sweeps):
    recipe = config["quanta"]["recipe"]
    for target, task in (("AnA", "first"), ("AnB", "second")):
        for sweep in sweeps.values():
            if sweep.target == target:
                assert (sweep.task, sweep.recipe) == (config["tasks"][task], recipe)
    assert {Recipe(**sweep.recipe) for sweep in sweeps.values() if sweep.target != "joint"} == {Recipe(**recipe)}


def test_the_source_learns_a_and_its_control_the_same_images_under_permuted_labels(config):
    source, permuted = quanta_sources(config)
    assert (source.name, source.task) == ("source", config["tasks"]["first"])
    assert (permuted.name, permuted.task) == ("source-permuted", source.task | {"labels": {"permuted": True}})
    assert source.recipe == permuted.recipe == config["quanta"]["recipe"]
    assert "labels" not in config["tasks"]["first"]


def test_labels_of_some_classes_are_permuted_among_them(config):
    config["tasks"]["first"]["labels"] = {"half": "A"}
    _, permuted = quanta_sources(config)
    assert permuted.task["labels"] == {"half": "A", "permuted": True}


def test_every_source_of_a_sweep_is_a_run(config, sweeps):
    trained = {run.name for run in quanta_sources(config)} | {run.name for run in anb_runs(config)}
    assert {sweep.source_run for sweep in sweeps.values()} - trained == {None}
    assert sweeps["AnB-untrained"].source_run is None
    assert sweeps["AnA"].source_run == sweeps["AnB"].source_run == "source"
    assert sweeps["AnB-permuted"].source_run == "source-permuted"
    assert sweeps["joint-B-A"].source_run == "similar-baseB"


def test_controls_sensitivity_and_joint_may_be_left_out(load_config):
    config = without(without(without(load_config(VALID), "controls"), "sensitivity"), "joint")
    assert [run.name for run in quanta_sources(config)] == ["source"]
    assert [sweep.name for sweep in quanta_sweeps(config)] == ["AnA", "AnB"]
    config = load_config(VALID, "quanta: {controls: {sources: [untrained]}}")
    assert [run.name for run in quanta_sources(config)] == ["source"]


def test_gates_learn_at_their_own_rate_or_at_that_of_the_sweeps_recipe(load_config):
    config = without(load_config(VALID, "anb: {recipe: {learning_rate: 0.1}}"), "sensitivity")
    rates = {sweep.target: sweep.gate_learning_rate for sweep in quanta_sweeps(config)}
    assert rates == {"AnA": 1e-3, "AnB": 1e-3, "joint": 0.1}
    config = without(load_config(VALID, "quanta: {gate_learning_rate: 0.02}"), "sensitivity")
    assert {sweep.gate_learning_rate for sweep in quanta_sweeps(config)} == {0.02}


@pytest.mark.parametrize(("rate", "usual"), [("0.02", 0.02), ("null", 1e-3)])
def test_other_rates_of_gates_are_multiples_of_the_usual_one_and_nothing_else_changes(load_config, rate, usual):
    fragment = f"quanta: {{gate_learning_rate: {rate}, sensitivity: {{target: AnA, factors: [0.5, 3]}}}}"
    sweeps = {sweep.name: sweep for sweep in quanta_sweeps(load_config(VALID, fragment))}
    for factor in (0.5, 3):
        changed, papers = sweeps[f"AnA-rate{factor}"], sweeps["AnA"]
        assert changed.gate_learning_rate == pytest.approx(factor * usual)
        assert (changed.task, changed.recipe, changed.source) == (papers.task, papers.recipe, papers.source)
        # each beside one at the usual rate, by the same name
        assert set(changed.networks) == {each for each in papers.networks if each.initial == 0.5}


def test_a_sweep_survives_the_way_through_plain_data(sweeps):
    for sweep in sweeps.values():
        assert Sweep(**json.loads(json.dumps(dataclasses.asdict(sweep)))) == sweep


def test_sweeps_cannot_be_changed(sweeps):
    with pytest.raises(dataclasses.FrozenInstanceError):
        sweeps["AnA"].name = "other"


def passes(measures: dict[str, list[float]], epochs: int) -> list[dict]:
    """A network's rows: a pass over the training set each epoch, and a test before the first and after each."""
    tests = [{"epoch": epoch, "step": 10 * epoch, "split": "test", "seconds": 1.0} for epoch in range(epochs + 1)]
    trained = [row | {"split": "train"} | dict.fromkeys(measures, -1.0) for row in tests[1:]]
    # not in order: a file's order says nothing
    return trained + [
        row | {measure: values[row["epoch"]] for measure, values in measures.items()} for row in reversed(tests)
    ]


def table(sweep: Sweep) -> pd.DataFrame:
    """What training leaves of three epochs: in the first network lambda_S is 0.5, 0.6, 0.8, 0.9, and so on."""
    rows = []
    for number, network in enumerate(sweep.networks):
        gated = network.layer is not None
        measures = {
            "lambda_source": [each - number / 10 if gated else math.nan for each in (0.5, 0.6, 0.8, 0.9)],
            "share": [each if gated else math.nan for each in (0.25, 0.5, 0.75, 0.5)],
            **{"loss": [2.5, 2.0, 1.5, 1.0 + number], "top1": [0.125, 0.25, 0.5, 0.75]},
            **{"top3": [0.25, 0.5, 0.75, 1.0], "precision": [0.0, 0.0, 0.25, 0.5], "recall": [0.1, 0.2, 0.3, 0.5]},
        }
        rows += [{"network": network.name} | row for row in passes(measures, epochs=3)]
    return pd.DataFrame(rows)


def test_final_values_are_means_over_the_last_tests(sweeps):
    first, second, third, _ = final_rows(sweeps["AnB-untrained"], 4, table(sweeps["AnB-untrained"]), 2)
    assert list(first) == [*PAPERS_COLUMNS, *MEASURES, "loss_before", "top1_before", "epochs"]
    assert [first[key] for key in PAPERS_COLUMNS] == ["AnB", "untrained", 4, 0, 0, 0.5, 1]
    assert [first[key] for key in MEASURES] == pytest.approx([0.85, 0.625, 1.25, 0.625, 0.875, 0.375, 0.4])
    assert (first["loss_before"], first["top1_before"], first["epochs"]) == (2.5, 0.125, 3)
    assert (second["layer"], second["lambda_source"], second["loss"]) == (2, pytest.approx(0.75), pytest.approx(1.75))
    assert (third["repeat"], third["layer"]) == (1, 0)


def test_all_epochs_may_count_but_not_the_test_before_the_first(sweeps):
    first, *_ = final_rows(sweeps["AnA"], 0, table(sweeps["AnA"]), 3)
    assert first["top1"] == pytest.approx(0.5)


def test_a_network_without_a_gate_has_no_source_and_no_lambda(sweeps):
    *gated, _, scratch = final_rows(sweeps["AnA"], 3, table(sweeps["AnA"]), 2)
    assert {row["source"] for row in gated} == {"trained"}
    assert [scratch[key] for key in PAPERS_COLUMNS] == ["AnA", "none", 3, 1, None, None, None]
    assert math.isnan(scratch["lambda_source"]) and math.isnan(scratch["share"])
    assert (scratch["top1"], scratch["epochs"]) == (0.625, 3)


def test_lines_of_gates_at_another_rate_are_told_apart_from_those_at_the_usual_one(sweeps):
    sweep = sweeps["AnB-rate0.1"]
    rows = [*final_rows(sweep, 3, table(sweep), 2), *history_rows(sweep, 3, table(sweep))]
    assert {tuple(row[key] for key in ("target", "source", "initial", "rate_factor")) for row in rows} == {
        ("AnB", "trained", 0.5, 0.1)
    }


def test_the_source_network_has_a_line_of_its_own():
    measures = {key: [0.125, 0.25, 0.5, 0.75] for key in MEASURES[2:]}
    row = source_row(7, pd.DataFrame(passes(measures, epochs=3)), 2)
    assert [row[key] for key in PAPERS_COLUMNS] == ["source", "none", 7, None, None, None, None]
    assert list(row) == [*PAPERS_COLUMNS, *MEASURES, "loss_before", "top1_before", "epochs"]
    assert (row["top1"], row["top1_before"], row["epochs"]) == (0.625, 0.125, 3)
    assert math.isnan(row["lambda_source"])


def test_a_network_that_was_not_tested_before_training_is_refused(sweeps):
    sweep = sweeps["AnA"]
    for history in (table(sweep).query("epoch > 0"), pd.concat([table(sweep)] * 2)):
        with pytest.raises(ValueError, match="can only convert an array of size 1"):
            final_rows(sweep, 0, history, 2)


def test_a_history_tells_of_each_pass_whose_it_was(sweeps):
    sweep = sweeps["AnB"]
    rows = history_rows(sweep, 5, table(sweep))
    assert len(rows) == len(table(sweep))
    assert list(rows[0]) == ["sweep", *PAPERS_COLUMNS, *table(sweep).columns.drop("network")]
    found = {tuple(row[key] for key in ("sweep", *PAPERS_COLUMNS)) for row in rows}
    assert found == {
        *(
            ("AnB", "AnB", "trained", 5, repeat, layer, initial, 1)
            for repeat in (0, 1)
            for layer in (0, 2)
            for initial in (0.9, 0.5)
        ),
        *(("AnB", "AnB", "none", 5, repeat, None, None, None) for repeat in (0, 1)),
    }
    (lambda_source,) = [
        row["lambda_source"]
        for row in rows
        if (row["repeat"], row["layer"], row["initial"]) == (0, 2, 0.9) and (row["epoch"], row["split"]) == (3, "test")
    ]
    assert lambda_source == pytest.approx(0.7)
