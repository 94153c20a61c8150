"""The runs of Yosinski et al. 2014, as made from a config."""

import dataclasses
from collections import Counter

import pytest
from valid_config import VALID

from transferscope.runs import anb as runs
from transferscope.training.recipe import Recipe


@pytest.fixture
def config(load_config) -> dict:
    return load_config(VALID)


def test_every_treatment_of_the_paper_is_a_run_in_both_directions(config):
    assert [run.name for run in runs.anb_runs(config)] == [
        *("similar-baseA", "similar-baseB", "dissimilar-baseA", "dissimilar-baseB"),
        *("similar-A1A", "similar-B1B", "similar-A3A", "similar-B3B"),
        *("similar-B1A", "similar-A1B", "similar-B3A", "similar-A3B"),
        *("similar-A1A+", "similar-B1B+", "similar-A3A+", "similar-B3B+"),
        *("similar-B1A+", "similar-A1B+", "similar-B3A+", "similar-A3B+"),
        *("similar-random1A", "similar-random1B", "similar-random3A", "similar-random3B"),
        *("dissimilar-random1A", "dissimilar-random1B", "dissimilar-random3A", "dissimilar-random3B"),
        *("dissimilar-B1A", "dissimilar-A1B", "dissimilar-B3A", "dissimilar-A3B"),
    ]


def test_a_run_carries_in_its_fields_what_its_name_says(config):
    found = {
        run.name: (run.treatment, run.split, run.half, run.n, run.source, run.frozen) for run in runs.anb_runs(config)
    }
    assert found["similar-baseB"] == ("base", "similar", "B", 0, None, False)
    assert found["similar-B3B"] == ("selffer", "similar", "B", 3, "similar-baseB", True)
    assert found["similar-A3B"] == ("transfer", "similar", "B", 3, "similar-baseA", True)
    assert found["similar-B1B+"] == ("selffer+", "similar", "B", 1, "similar-baseB", False)
    assert found["similar-B1A+"] == ("transfer+", "similar", "A", 1, "similar-baseB", False)
    assert found["similar-random3A"] == ("random", "similar", "A", 3, None, True)
    assert found["dissimilar-A1B"] == ("transfer", "dissimilar", "B", 1, "dissimilar-baseA", True)


def test_a_task_is_the_configs_restricted_to_a_half(config):
    expected = {
        ("similar", "A"): ("first", {"half": "A"}),
        ("similar", "B"): ("first", {"half": "B"}),
        ("dissimilar", "A"): ("digits", {"classes": [9, 1, 4]}),
        ("dissimilar", "B"): ("digits", {"classes": [0, 5]}),
    }
    for run in runs.anb_runs(config):
        task, labels = expected[run.split, run.half]
        assert run.task == config["tasks"][task] | {"labels": labels}
    assert all("labels" not in task for task in config["tasks"].values())


def test_layers_are_copied_from_a_base_network_of_the_same_split_that_comes_before(config):
    found = runs.anb_runs(config)
    by_name = {run.name: position for position, run in enumerate(found)}
    for position, run in enumerate(found):
        if run.source is not None:
            source = found[by_name[run.source]]
            assert (source.treatment, source.split) == ("base", run.split) and by_name[run.source] < position
            assert (source.half == run.half) == run.treatment.startswith("selffer")


def test_a_split_without_dissimilar_halves_is_enough(load_config):
    config = load_config(VALID)
    del config["anb"]["splits"]["dissimilar"]
    assert Counter(run.treatment for run in runs.anb_runs(config)) == {
        "base": 2,
        **dict.fromkeys(runs.TREATMENTS, 4),
    }


def test_names_are_unique_and_recipes_are_that_of_the_paper(config):
    found = runs.anb_runs(config)
    assert len({run.name for run in found}) == len(found)
    assert {Recipe(**run.recipe) for run in found} == {Recipe(**config["anb"]["recipe"])}


def test_runs_cannot_be_changed(config):
    with pytest.raises(dataclasses.FrozenInstanceError):
        runs.anb_runs(config)[0].name = "other"
