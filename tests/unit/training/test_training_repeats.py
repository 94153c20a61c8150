"""A training run gives the same bits each time, also after kill -9 at any moment."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from training_runs import (
    LONG_KEPT,
    LONG_RECIPE,
    as_tensor,
    assert_same_run,
    history,
    in_a_process,
    linear,
    long_run,
    network,
    run,
    same,
    tensors,
)

from transferscope import store
from transferscope.training.recipe import Kept, Recipe
from transferscope.training.unfinished import publish

# ---- the same bits


def test_a_run_is_the_same_to_the_bit_each_time_and_another_with_another_seed(tmp_path):
    one, again = run(tmp_path / "one"), run(tmp_path / "again")
    assert_same_run(one, again, ["epoch0", "epoch1", "epoch2"])
    other = run(tmp_path / "other", seed=1)
    assert same(tensors(one, "epoch0"), tensors(other, "epoch0"))
    assert not same(tensors(one, "epoch2"), tensors(other, "epoch2"))


def test_two_runs_in_one_process_are_those_of_two_processes_whatever_the_threads(tmp_path):
    run(tmp_path / "first", seed=0)
    run(tmp_path / "second", seed=1)
    alone = tmp_path / "alone"
    process = in_a_process(f"run({str(alone)!r}, seed=1)", OMP_NUM_THREADS="2")
    process.communicate()
    assert process.returncode == 0
    assert_same_run(tmp_path / "second", alone, ["epoch1", "epoch2"])


def test_the_callers_generator_and_settings_are_left_alone(tmp_path):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    run(tmp_path / "run")
    assert torch.equal(torch.rand(1), expected)
    assert not torch.are_deterministic_algorithms_enabled()


# ---- interruptions


def test_kill_9_at_any_moment_costs_no_bit(tmp_path):
    interrupted, whole = tmp_path / "interrupted", tmp_path / "whole"
    moment = random.Random(time.time_ns())
    for epoch in (1, 6):
        process = in_a_process(f"long_run({str(interrupted)!r})")
        for line in process.stdout:
            if line.startswith(f"epoch {epoch}/20"):
                break
        time.sleep(moment.uniform(0, 0.1))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not (interrupted / "history.csv").exists()
    long_run(interrupted)
    long_run(whole)
    assert_same_run(interrupted, whole, LONG_KEPT.names(LONG_RECIPE.epochs, end=True))
    assert history(whole)[-1]["epoch"] == "20"


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(2, 8, "adam", learning_rate=1e-2),
        Recipe(2, 8, "adam", learning_rate=1e-2, weight_decay=0.1),
        Recipe(2, 8, "sgd", learning_rate=1e-2),
        Recipe(2, 8, "sgd", learning_rate=1e-2, momentum=0.9, weight_decay=0.1),
    ],
    ids=["adam", "adam with decay", "sgd", "sgd with momentum and decay"],
)
def test_a_run_goes_on_from_its_last_whole_epoch(tmp_path, capsys, recipe):
    folder = run(tmp_path / "whole", recipe=recipe)
    batches = []

    class Interruption(Exception):
        pass

    def failing(images, device):
        # 26 training batches and 2 of the test set an epoch
        batches.append(images)
        if len(batches) == 2 + 28 + 10:
            raise Interruption
        return as_tensor(images, device)

    with pytest.raises(Interruption):
        run(tmp_path / "run", recipe=recipe, inputs=failing)
    capsys.readouterr()
    resumed = run(tmp_path / "run", recipe=recipe)
    log = capsys.readouterr().out
    assert log.startswith("going on after epoch 1 of 2\nepoch 2/2: train loss ")
    assert_same_run(resumed, folder, ["epoch0", "epoch1", "epoch2"])


@pytest.mark.parametrize("memorise", [None, {"top1": 0.1, "epochs": 5}, {"top1": 1.0, "epochs": 3}])
def test_a_finished_run_is_not_trained_again(tmp_path, memorise):
    recipe = Recipe(2, 8, "adam", learning_rate=1e-2, memorise=memorise)
    folder = run(tmp_path / "run", recipe=recipe)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}

    def refusing(images, device):
        raise AssertionError("an image was asked for")

    run(folder, recipe=recipe, inputs=refusing)
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")} == before


@pytest.mark.parametrize("memorise", [None, {"top1": 0.1, "epochs": 5}])
def test_a_finished_run_keeps_nothing_to_go_on_from_and_its_history_can_be_written_again(tmp_path, memorise):
    recipe = Recipe(2, 8, "adam", learning_rate=1e-2, memorise=memorise)
    folder = run(tmp_path / "run", recipe=recipe)
    state, facts = store.read_checkpoint(folder / "state.safetensors")
    assert (state, facts["epoch"]) == ({}, 2)
    before = history(folder)
    # as if killed when the state was written, and the history was not
    (folder / "history.csv").unlink()
    run(folder, recipe=recipe)
    assert history(folder) == before


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "another run"},
        {"seed": 1},
        {"recipe": Recipe(1, 8, "adam", 1e-3)},
        {"make": linear},
    ],
    ids=["identity", "seed", "recipe", "module"],
)
def test_the_state_of_another_run_is_not_taken_up(tmp_path, capsys, change):
    make = change.pop("make", network)
    run(tmp_path / "run", kept=Kept(1, steps=(3,)))
    capsys.readouterr()
    folder = run(tmp_path / "run", module=make(), **change)
    assert "starting afresh" in capsys.readouterr().out
    assert not (folder / "step3.safetensors").exists()
    assert_same_run(folder, run(tmp_path / "clean", module=make(), **change), ["epoch0", "epoch1"])


def test_a_damaged_state_is_not_taken_up(tmp_path, capsys):
    folder = run(tmp_path / "run")
    state = folder / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-1])
    expected = history(folder)
    capsys.readouterr()
    run(folder)
    assert "starting afresh" in capsys.readouterr().out
    assert history(folder) == expected


def test_publishing_hands_over_what_is_declared_and_removes_the_folder_of_all_runs(tmp_path):
    runs = [run(tmp_path / "unfinished" / f"seed{seed}", seed=seed) for seed in (0, 1)]
    expected = [tensors(folder, "epoch2") for folder in runs]
    models = [tmp_path / "models" / f"{seed}.safetensors" for seed in (0, 1)]
    table = tmp_path / "history.csv"
    table.write_text("what an earlier run left")
    finished = {folder / "epoch2.safetensors": model for folder, model in zip(runs, models, strict=True)}
    publish(finished | {runs[0] / "history.csv": table}, tmp_path / "unfinished")
    assert all(same(store.read_checkpoint(model)[0], each) for model, each in zip(models, expected, strict=True))
    assert len(store.read_table(table)) == 5
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == [table, *models]
    assert not (tmp_path / "unfinished").exists()


def test_publishing_to_another_file_system_copies(tmp_path):
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system here")
    output = elsewhere / f"{os.getpid()}.csv"
    try:
        folder = run(tmp_path / "run")
        publish({folder / "history.csv": output}, folder)
        assert len(store.read_table(output)) == 5
    finally:
        output.unlink(missing_ok=True)
