"""Runs are found by the part they play, and their similarities at the right stage, on the right images."""

import numpy as np
import pytest
from similarity_tables import GOES_ON, LAYERS, SIZES, TRUE, history_table, similarity_table

from transferscope.tables import profiles


@pytest.fixture(scope="module")
def table():
    return similarity_table(range(2))


def test_every_part_is_played_by_the_run_that_the_paper_describes(table):
    expected = {
        profiles.PRETRAINED: "pretrain-random0",
        profiles.NOISE: "pretrain-random9",
        profiles.SAME: "finetune-random0",
        profiles.RANDOM: "finetune-random9",
        profiles.SHIFTED: "finetune-shifted1",
        profiles.CROSS: "finetune-cross",
        profiles.CROSS_RANDOM: "finetune-cross-random9",
    }
    assert profiles.cast(table) == profiles.cast(history_table(range(1))) == expected
    assert profiles.SHIFTED not in profiles.cast(table[table["condition"] != "shifted"])


def test_degrees_and_sizes_come_in_order_and_the_whole_set_last(table):
    backwards = table.iloc[::-1]
    assert list(profiles.degrees(backwards, "finetune").items()) == [(d, f"finetune-random{d}") for d in (0, 3, 9)]
    named = {float(size): f"pretrain-random9-size{size}" for size in SIZES}
    assert list(profiles.sizes(backwards).items()) == [*named.items(), (np.inf, "pretrain-random9")]
    whole = table.assign(size=table["size"].mask(table["run"] == "pretrain-random9", 4000))
    assert list(profiles.sizes(whole)) == [*SIZES, 4000]


def test_the_fixed_length_is_what_every_run_of_a_phase_has_reached(table):
    assert profiles.fixed_lengths(table) == {"pretrain": 8, "finetune": 6}
    longer = table.assign(checkpoint=table["checkpoint"].mask(table["run"] == "pretrain-random3", "epoch20"))
    assert profiles.fixed_lengths(longer) == {"pretrain": 8, "finetune": 6}


def test_stages_are_the_fixed_length_and_the_end(table):
    fixed, end = (profiles.select(table, "cka", stage) for stage in ("fixed", "end"))
    assert {phase: set(rows["epoch"]) for phase, rows in fixed.groupby("phase")} == {"pretrain": {8}, "finetune": {6}}
    assert set(end["epoch"]) == {TRUE, GOES_ON} and set(end["checkpoint"]) == {"end"}
    assert set(fixed["run"]) == set(end["run"]) == set(table["run"])


def test_a_run_that_was_not_to_go_on_ends_at_the_fixed_length(table):
    stopped = table[(table["run"] != "finetune-cross") | (table["checkpoint"] != "end")]
    end = profiles.select(stopped, "cka", "end")
    assert set(end.loc[end["run"] == "finetune-cross", "checkpoint"]) == {"epoch6"}
    assert set(end.loc[end["run"] != "finetune-cross", "checkpoint"]) == {"end"}


def test_each_run_is_seen_on_images_of_its_own_domain(table):
    own = profiles.in_own_domain(table)
    seen = own.groupby("condition")["probe"].unique().map(list).to_dict()
    crossed = {"cross": ["digits"], "cross random": ["digits"]}
    assert seen == {condition: ["fashion"] for condition in ("random", "shifted", "size")} | crossed


def test_profiles_are_those_of_the_table_in_the_order_asked_for_in_seeds_that_have_all(table):
    rows = profiles.select(table, "rsa", "end")
    asked = [("finetune-cross", "init"), ("finetune-random0", "pre")]
    found = profiles.profiles(rows, *asked)
    assert found.shape == (2, 2, len(LAYERS)) and profiles.layers(rows) == LAYERS
    for (run, reference), values in zip(asked, found[1], strict=True):
        chosen = rows[(rows["run"] == run) & (rows["reference"] == reference) & (rows["seed"] == 1)]
        np.testing.assert_array_equal(values, chosen["value"])
    unfinished = rows[(rows["run"] != "finetune-cross") | (rows["seed"] == 0)]
    np.testing.assert_array_equal(profiles.profiles(unfinished, *asked), found[:1])
    assert profiles.profiles(rows, ("pretrain-random0", "pre")).shape == (0, 1, len(LAYERS))
