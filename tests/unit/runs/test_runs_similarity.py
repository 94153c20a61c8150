"""The runs of Goerttler & Obermayer 2022, as made from a config."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from valid_config import VALID

from transferscope.runs import similarity as runs
from transferscope.training.recipe import Kept, Recipe


@pytest.fixture
def config(load_config) -> dict:
    return load_config(VALID)


def test_every_condition_of_the_paper_is_a_run(config):
    assert [run.name for run in runs.similarity_runs(config)] == [
        *("pretrain-random0", "pretrain-random5", "pretrain-random9", "pretrain-random9-size100"),
        *("finetune-random0", "finetune-random5", "finetune-random9", "finetune-shifted1"),
        *("finetune-cross", "finetune-cross-random9"),
    ]


def test_a_run_carries_what_is_varied_in_its_fields_and_in_its_task(config):
    found = {
        run.name: (run.condition, run.randomness, run.size, run.task["dataset"], run.task["labels"])
        for run in runs.similarity_runs(config)
    }
    assert found["pretrain-random5"] == ("random", 5, None, "clothes", {"randomness": 5})
    assert found["pretrain-random9"] == ("random", 9, 5000, "clothes", {"randomness": 9})
    assert found["pretrain-random9-size100"] == ("size", 9, 100, "clothes", {"randomness": 9})
    assert found["finetune-random0"] == ("random", 0, None, "clothes", {"randomness": 0})
    assert found["finetune-shifted1"] == ("shifted", None, None, "clothes", {"shift": 1})
    assert found["finetune-cross"] == ("cross", 0, None, "numerals", {"randomness": 0})
    assert found["finetune-cross-random9"] == ("cross random", 9, None, "numerals", {"randomness": 9})


def test_tasks_are_the_configs_but_for_labels_and_size(config):
    phases = {"pretrain": "first", "finetune": "second"}
    for run in runs.similarity_runs(config):
        task = config["tasks"]["digits" if "cross" in run.condition else phases[run.phase]]
        train = task["train"] if run.condition != "size" else task["train"] | {"size": run.size}
        assert run.task == task | {"labels": run.task["labels"], "train": train}
    assert all("labels" not in task for task in config["tasks"].values())


def test_the_whole_training_set_is_the_run_with_fully_random_labels_however_its_rows_are_given(load_config):
    whole = "tasks: {first: {train: {rows: [0.0, 0.5]}}}"
    for text in ("similarity: {sizes: [100, 5000]}", whole):
        sizes = [run.size for run in runs.similarity_runs(load_config(VALID, text)) if run.condition == "size"]
        assert sizes == [100]


def test_a_whole_of_unknown_size_names_no_number(load_config):
    config = load_config(VALID, "similarity: {pretraining: {task: pictured, checkpoints: {steps: []}}}")
    found = {run.name: run.size for run in runs.similarity_runs(config)}
    assert found["pretrain-random9"] is None and found["pretrain-random9-size5000"] == 5000


def test_fine_tuning_starts_from_true_labels_and_every_run_comes_after_its_start(config):
    found = runs.similarity_runs(config)
    assert {run.start for run in found if run.phase == "finetune"} == {"pretrain-random0"}
    assert {run.start for run in found if run.phase == "pretrain"} == {None}
    names = [run.name for run in found]
    assert all(run.start is None or names.index(run.start) < names.index(run.name) for run in found)


def test_references_are_probed_wherever_a_run_that_is_compared_with_them_is(config):
    found = {run.name: run for run in runs.similarity_runs(config)}
    for run in found.values():
        assert (
            run.probes == (("digits",) if "cross" in run.condition else ("second",)) or run.name == "pretrain-random0"
        )
        assert run.start is None or set(run.probes) <= set(found[run.start].probes)


def test_recipes_and_checkpoints_are_those_of_the_phase(config):
    found = {run.name: run for run in runs.similarity_runs(config)}
    for run in found.values():
        Recipe(**run.recipe)
        phase = "pretraining" if run.phase == "pretrain" else "finetuning"
        assert run.recipe == config["similarity"][phase]["recipe"]
    # only the run of Figure 1 is followed on its way
    assert Kept(**found["pretrain-random0"].checkpoints) == Kept(every_epochs=1, steps=[1, 300])
    others = [run.checkpoints for run in found.values() if run.name != "pretrain-random0"]
    assert {tuple(Kept(**checkpoints).names(9)) for checkpoints in others} == {("epoch0", "epoch9")}


def test_runs_cannot_be_changed(config):
    with pytest.raises(dataclasses.FrozenInstanceError):
        runs.similarity_runs(config)[0].name = "other"


def test_making_runs_imports_nothing_slow():
    slow = {"torch", "numpy", "pandas", "h5py", "yaml", "jsonschema"}
    code = (
        f"import sys; from transferscope.runs import anb, basins, quanta, similarity; print({slow} & set(sys.modules))"
    )
    folder = Path(runs.__file__).parents[2]
    outcome = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert outcome.stdout == "set()\n", outcome.stderr


def test_a_run_is_compared_with_its_beginning_with_its_start_and_with_another_seed(config):
    found = {run.name: run for run in runs.similarity_runs(config)}
    scratch, tuned, seeds = found["pretrain-random9"], found["finetune-cross"], [0, 1, 4]
    assert runs.references(scratch, 1, "end", seeds) == {
        "init": ("pretrain", "pretrain-random9", 1, "epoch0"),
        "other seed": ("pretrain", "pretrain-random9", 4, "end"),
    }
    assert runs.references(tuned, 4, "epoch4", seeds) == {
        "init": ("pretrain", "pretrain-random0", 4, "epoch0"),
        "pre": ("finetune", "finetune-cross", 4, "epoch0"),
        "other seed": ("finetune", "finetune-cross", 0, "epoch4"),
    }


def test_a_history_has_what_is_varied_in_each_of_its_lines(config):
    run = next(run for run in runs.similarity_runs(config) if run.condition == "size")
    first, second = runs.history_rows(run, 3, pd.DataFrame({"epoch": [0, 1], "loss": [2.5, 1.5]}))
    described = {"run": "pretrain-random9-size100", "phase": "pretrain", "condition": "size"}
    described |= {"randomness": 9, "size": 100, "seed": 3}
    assert first == described | {"epoch": 0, "loss": 2.5} and second == described | {"epoch": 1, "loss": 1.5}


def test_only_before_pre_training_are_two_seeds_untrained(config):
    found = {run.name: run for run in runs.similarity_runs(config)}
    assert "untrained" in runs.references(found["pretrain-random0"], 0, "epoch0", [0, 1])
    assert "untrained" not in runs.references(found["finetune-random0"], 0, "epoch0", [0, 1])


def test_one_seed_alone_has_no_null(config):
    for run in runs.similarity_runs(config):
        assert not {"other seed", "untrained"} & runs.references(run, 0, "epoch0", [0]).keys()
