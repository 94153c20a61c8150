"""Units and their counterparts are found in the tables as by hand."""

import numpy as np
import pandas as pd
import pytest
from convergent_tables import layer_table, match_table

from transferscope.tables import counterparts
from transferscope.terms.convergent import MATCHING, SEMI


def rows_of(*matches: tuple) -> pd.DataFrame:
    columns = ["source", "target", "method", "unit", "partner", "correlation"]
    return pd.DataFrame(matches, columns=columns).assign(layer="conv1")


@pytest.fixture
def toy() -> pd.DataFrame:
    """Network 0 has the units 0 and 1, network 1 the units 0, 1 and 4; both of 0's units like 1's unit 4 best."""
    return rows_of(
        (0, 1, SEMI, 0, 4, 0.9),
        (0, 1, SEMI, 1, 4, 0.8),
        (1, 0, SEMI, 0, 1, 0.5),
        (1, 0, SEMI, 1, 0, -0.3),
        (1, 0, SEMI, 4, 0, 0.9),
        (0, 1, MATCHING, 0, 4, 0.9),
        (0, 1, MATCHING, 1, 0, 0.5),
    )


def test_the_gap_is_the_mean_over_matched_units_of_both_networks(toy):
    # unit 0 with 4: nothing lost on either side; unit 1 with 0: 0.8 - 0.5 on the one, nothing on the other
    gaps = counterparts.gaps(toy)
    assert gaps.index.tolist() == [(0, 1)]
    assert gaps["conv1"].tolist() == pytest.approx([0.3 / 2 / 2])


def test_a_match_is_the_same_whichever_network_has_a_unit_left_over(toy):
    left = rows_of((0, 1, MATCHING, 7, np.nan, np.nan), (0, 1, SEMI, 7, 1, -0.9))
    pd.testing.assert_frame_equal(counterparts.gaps(pd.concat([toy, left])), counterparts.gaps(toy))
    found = counterparts.matched(pd.concat([left, toy]), "conv1", 0, 1)
    assert found.to_numpy().tolist() == [[0, 4, 0.9], [1, 0, 0.5]]


def test_sorted_correlations_are_read_between_units_and_averaged_over_directions(toy):
    semi = toy[toy["method"] == SEMI]
    found = counterparts.sorted_correlations(semi, np.array([0, 0.5, 1]))
    # 0.9, 0.85, 0.8 from 0 to 1; 0.9, 0.5, -0.3 from 1 to 0
    np.testing.assert_allclose(found, [[0.9, 0.675, 0.25]])


def test_sorted_correlations_fall():
    rows = counterparts.select(match_table(), "untrained")
    for layer in counterparts.layers(rows):
        chosen = rows[(rows["layer"] == layer) & (rows["method"] == MATCHING)]
        found = counterparts.sorted_correlations(chosen, np.linspace(0, 1, 11))
        assert found.shape == (3, 11) and (np.diff(found) < 0).all()


def test_by_pair_keeps_the_order_of_layers_and_leaves_out_an_incomplete_pair():
    table = counterparts.select(layer_table(match_table()), "trained")
    semi = table[table["method"] == SEMI]
    found = counterparts.by_pair(semi, "mean")
    assert found.columns.tolist() == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6"]
    assert found.index.tolist() == [(0, 1), (0, 2), (1, 2)]
    lost = semi[~((semi["source"] + semi["target"] == 3) & (semi["layer"] == "conv3"))]
    assert counterparts.by_pair(lost, "mean").index.tolist() == [(0, 1), (0, 2)]


def test_layers_are_convolutional_whose_units_have_several_positions():
    table = layer_table(match_table(convolutional=2))
    assert counterparts.convolutional(table) == ["conv1", "conv2"]
    assert counterparts.layers(table) == ["conv1", "conv2", "fc6"]
    assert counterparts.networks(table) == [0, 1, 2]


def test_what_is_about_a_network_alone_is_about_the_source():
    pairs = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)]
    own = {0: 0.7, 1: 0.4, 2: -0.2}
    rows = pd.DataFrame(
        [
            {"source": source, "target": target, "layer": layer, "source_within": own[source] + extra}
            for layer, extra in (("conv2", 0), ("conv1", 0.1))
            for source, target in pairs
        ]
    )
    found = counterparts.by_network(rows, "source_within")
    assert found.columns.tolist() == ["conv2", "conv1"]
    assert found["conv2"].to_dict() == pytest.approx(own)
    assert (found["conv1"] - found["conv2"]).tolist() == pytest.approx([0.1] * 3)
