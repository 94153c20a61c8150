"""The runs of Neyshabur et al. 2020, as made from a config, their pairs, and their lines in tables."""

import dataclasses

import pandas as pd
import pytest
from valid_config import VALID

from transferscope.runs.basins import BasinRun, accuracy_row, basin_runs, history_rows, pairs_on


@pytest.fixture
def config(load_config) -> dict:
    return load_config(VALID)


@pytest.fixture
def runs(config) -> dict[str, BasinRun]:
    return {run.name: run for run in basin_runs(config)}


def test_every_network_is_a_run_once(config, runs):
    assert list(runs) == [
        "P",
        *("turned-PT1", "turned-PT2", "turned-RIT1", "turned-RIT2"),
        *("digits-PT1", "digits-PT1b", "digits-PT2", "digits-RIT1", "digits-RIT1b", "digits-RIT2"),
        *("digits-size14-PT1", "digits-size14-RIT1", "digits-size0-PT1", "digits-size0-RIT1"),
        *("turned-from0-PT1", "turned-from2-PT1", "digits-from0-PT1", "digits-from2-PT1"),
    ]
    assert len(basin_runs(config)) == len(runs)


def test_a_run_carries_in_its_fields_what_its_name_says(runs):
    names = ("treatment", "target", "instance", "size", "start")
    found = {name: tuple(getattr(run, field) for field in names) for name, run in runs.items()}
    assert found["P"] == ("P", None, None, None, None)
    assert found["digits-PT2"] == ("P-T", "digits", "2", 28, 4)
    assert found["digits-RIT1b"] == ("RI-T", "digits", "1b", 28, None)
    assert found["digits-size0-PT1"] == ("P-T", "digits", "1", 0, 4)
    assert found["turned-from2-PT1"] == ("P-T", "turned", "1", 28, 2)


def test_each_treatment_has_its_recipe_and_each_target_its_task(config, runs):
    assert runs["P"].recipe["epochs"] == 4 and runs["P"].task == config["tasks"]["first"]
    assert {run.recipe["epochs"] for run in runs.values() if run.treatment == "P-T"} == {3}
    assert {run.recipe["epochs"] for run in runs.values() if run.treatment == "RI-T"} == {5}
    assert runs["turned-from0-PT1"].task == config["tasks"]["turned"]


def test_shuffling_comes_after_what_the_task_does_to_images(load_config):
    shuffled = "basins: {shuffled: {targets: [turned], sizes: [7, 1], per_image: PER_IMAGE}}"
    for per_image in (True, False):
        runs = basin_runs(load_config(VALID, shuffled.replace("PER_IMAGE", str(per_image).lower())))
        tasks = {run.size: run.task for run in runs if run.treatment == "RI-T" and run.target == "turned"}
        assert tasks[28]["images"] == ["rotate_90"]
        for size in (7, 1):
            blocks = {"shuffle_blocks": {"size": size, "per_image": per_image}}
            assert tasks[size] == {**tasks[28], "images": ["rotate_90", blocks]}


def test_all_values_of_an_image_change_places_at_size_0(runs):
    assert runs["digits-size0-RIT1"].task["images"] == ["shuffle_pixels"]


def test_checkpoints_are_kept_where_they_are_of_use(runs):
    kept = {name: run.checkpoints for name, run in runs.items()}
    assert kept["P"] == [0, 2, 4]
    assert (kept["turned-PT1"], kept["turned-RIT2"]) == ([3], [5])
    # on the way of the networks whose modules are explored
    assert (kept["digits-PT1"], kept["digits-RIT1"], kept["digits-RIT1b"]) == ([0, 1, 3], [0, 1, 5], [5])
    assert kept["digits-size14-PT1"] == kept["turned-from0-PT1"] == []


def test_the_landscape_of_several_targets_is_explored(load_config):
    runs = {run.name: run for run in basin_runs(load_config(VALID, "basins: {landscape: {targets: [turned, digits]}}"))}
    for target in ("turned", "digits"):
        assert [len(runs[f"{target}-{name}"].checkpoints) for name in ("PT1", "RIT1", "PT1b", "RIT1b")] == [3, 3, 1, 1]
        assert len(pairs_on(target, runs)) == 7


def test_instances_with_a_letter_begin_as_those_without(runs):
    drawn = {run.instance: run.drawn_as for run in runs.values()}
    assert drawn == {None: None, "1": "1", "2": "2", "1b": "1"}


def test_pairs_are_of_networks_that_were_kept(runs):
    found = {pair.name: (pair.one, pair.other) for pair in pairs_on("digits", runs)}
    assert found == {
        "P-T & P-T": ("digits-PT1", "digits-PT2"),
        "RI-T & RI-T": ("digits-RIT1", "digits-RIT2"),
        "P-T & RI-T": ("digits-PT1", "digits-RIT1"),
        "P-T & P": ("digits-PT1", "P"),
        "RI-T & P": ("digits-RIT1", "P"),
        "RI-T & RI-T same init": ("digits-RIT1", "digits-RIT1b"),
        "P-T & P-T shared head": ("digits-PT1", "digits-PT1b"),
    }
    assert [pair.name for pair in pairs_on("turned", runs)] == list(found)[:5]


def history(top1: list[float], auc: list[float | None]) -> pd.DataFrame:
    """A history of epochs 0 on: tests, and training passes with a tenth less."""
    tests = [{"epoch": epoch, "split": "test", "top1": one} for epoch, one in enumerate(top1)]
    rows = [row | {"auc": area} for row, area in zip(tests, auc, strict=True)]
    rows += [row | {"split": "train", "top1": row["top1"] - 0.1} for row in rows[1:]]
    return pd.DataFrame(rows).assign(step=lambda rows: 10 * rows["epoch"], loss=1.0)


def test_accuracy_is_that_of_the_last_epochs_and_speed_that_of_all(runs):
    own, source = history([0.1, 0.4, 0.5, 0.7], 4 * [None]), history([0.1, 0.5, 0.6, 0.7, 0.8], 5 * [None])
    row = accuracy_row(runs["turned-from2-PT1"], 7, own, source, last_epochs=2)
    described = {"run": "turned-from2-PT1", "target": "turned", "treatment": "P-T", "instance": "1", "size": 28}
    assert row.items() >= (described | {"start": 2, "seed": 7, "epochs": 3, "source_accuracy": 0.6}).items()
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["speed"] == pytest.approx((0.3 + 0.4 + 0.6) / 3)
    assert pd.isna(row["auc"]) and pd.isna(row["best_auc"])
    assert accuracy_row(runs["turned-RIT1"], 7, own, source, 1)["source_accuracy"] is None


def test_the_area_under_the_curve_is_that_of_the_last_epochs_and_the_best(runs):
    own = history([0.5, 0.5, 0.5], [0.5, 0.8, 0.7])
    row = accuracy_row(runs["turned-RIT1"], 0, own, own, last_epochs=1)
    assert (row["auc"], row["best_auc"]) == (0.7, 0.8)


def test_a_line_of_the_history_says_which_network_it_is_of(runs):
    rows = history_rows(runs["digits-size0-PT1"], 3, history([0.1, 0.2], 2 * [None]))
    assert [(row["run"], row["size"], row["seed"], row["split"]) for row in rows] == [
        ("digits-size0-PT1", 0, 3, split) for split in ("test", "test", "train")
    ]


@pytest.mark.parametrize("section", ["source", "landscape"])
def test_runs_are_the_same_whatever_the_order_of_checkpoints(load_config, section):
    one, other = (
        basin_runs(load_config(VALID, f"basins: {{{section}: {{checkpoints: {order}}}}}")) for order in ([1, 2], [2, 1])
    )
    assert [dataclasses.asdict(run) for run in one] == [dataclasses.asdict(run) for run in other]
