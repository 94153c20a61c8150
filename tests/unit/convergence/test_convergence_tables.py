"""Tables about units of networks, each value against NumPy on the activations themselves."""

import itertools

import numpy as np
import pandas as pd
import pytest

from transferscope.convergence import tables, units
from transferscope.convergence.clusters import cluster
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits

SEEDS = [2, 5, 7]
# of three networks; of each, the units that are dead
SIZES, DEAD = (4, 5, 3), ([], [0, 3], [])
LIVE = [[unit for unit in range(size) if unit not in dead] for size, dead in zip(SIZES, DEAD, strict=True)]
KIND = ["state", "activations", "samples", "layer"]


@pytest.fixture
def found(rng) -> list[np.ndarray]:
    """Activations (400, units) of each network: ReLUs of a few common causes."""
    causes = rng.standard_normal((400, 6))
    found = [np.maximum(causes @ rng.standard_normal((6, size)), 0) for size in SIZES]
    for activations, dead in zip(found, DEAD, strict=True):
        activations[:, dead] = 0
    return found


def layer_units(found, parts=2, positions=4):
    halves = np.array_split(np.hstack(found), parts)
    return LayerUnits(tuple(x.shape[1] for x in found), tuple(map(Moments.of, halves)), positions)


def correlations(found, one, other):
    """(live units of one, live units of other), unit by unit."""
    return np.array([[np.corrcoef(found[one][:, a], found[other][:, b])[0, 1] for b in LIVE[other]] for a in LIVE[one]])


def chosen(rows, **values) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    for column, value in values.items():
        table = table[table[column] == value]
    return table


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(range(3), 2)])
def test_semi_matches_are_in_both_orders_under_the_units_own_numbers(found, one, other):
    rows = chosen(
        tables.match_rows(layer_units(found), SEEDS), source=SEEDS[one], target=SEEDS[other], method="semi-matching"
    )
    expected = correlations(found, one, other)
    assert rows["unit"].tolist() == LIVE[one]
    assert rows["partner"].tolist() == [LIVE[other][best] for best in expected.argmax(axis=1)]
    assert rows["correlation"].to_numpy() == pytest.approx(expected.max(axis=1), abs=1e-12)


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(range(3), 2)])
def test_matches_are_the_best_of_all_assignments_and_in_one_order_alone(found, one, other):
    rows = list(tables.match_rows(layer_units(found), SEEDS))
    assert chosen(rows, source=SEEDS[other], target=SEEDS[one], method="matching").empty
    rows = chosen(rows, source=SEEDS[one], target=SEEDS[other], method="matching")
    expected = correlations(found, one, other)
    count = min(expected.shape)
    assignments = itertools.product(
        itertools.combinations(range(len(expected)), count), itertools.permutations(range(expected.shape[1]), count)
    )
    units, partners = map(list, max(assignments, key=lambda pair: expected[pair].sum()))
    known = rows.dropna(subset="correlation").set_index("unit")
    assert known["partner"].astype(int).to_dict() == {
        LIVE[one][unit]: LIVE[other][partner] for unit, partner in zip(units, partners, strict=True)
    }
    assert known["correlation"].to_numpy() == pytest.approx(expected[units, partners], abs=1e-12)
    assert rows["unit"].tolist() == LIVE[one]
    left = rows[rows["correlation"].isna()]
    assert len(left) == len(expected) - count and left["partner"].isna().all()


def test_a_layer_is_summed_up_for_every_pair_and_method(found):
    layer = layer_units(found)
    matches = list(tables.match_rows(layer, SEEDS))
    rows = list(tables.layer_rows(layer, SEEDS, matches))
    assert len(rows) == 6 + 3
    for row in rows:
        one, other = SEEDS.index(row["source"]), SEEDS.index(row["target"])
        ends = {key: row[key] for key in ("source", "target", "method")}
        values = chosen(matches, **ends)["correlation"].dropna()
        summary = [values.mean(), values.median(), values.max(), values.min()]
        assert [row[key] for key in ("mean", "median", "best", "worst")] == pytest.approx(summary, abs=1e-12)
        assert (row["units"], row["dead_source"], row["dead_target"]) == (
            *(len(LIVE[one]), len(DEAD[one]), len(DEAD[other])),
        )
        both = set(LIVE[one]) & set(LIVE[other])
        natural = np.mean([np.corrcoef(found[one][:, unit], found[other][:, unit])[0, 1] for unit in both])
        assert row["natural"] == pytest.approx(natural, abs=1e-12)
        assert row["aligned"] == (row["mean"] if row["method"] == "matching" else None)
        largest = max(abs(np.corrcoef(found[one][:, pair].T)[0, 1]) for pair in itertools.combinations(LIVE[one], 2))
        assert row["source_within"] == pytest.approx(largest, abs=1e-12)


def test_units_of_a_network_that_shun_each_other_are_correlated_too(rng):
    one, other = rng.random((2, 200, 2))
    one[:, 1] = 1 - one[:, 0]
    layer = layer_units([one, other], parts=1)
    within = {
        row["source"]: row["source_within"]
        for row in tables.layer_rows(layer, [0, 1], tables.match_rows(layer, [0, 1]))
    }
    assert within == {0: pytest.approx(1), 1: pytest.approx(abs(np.corrcoef(other.T)[0, 1]))}


def test_what_there_is_none_of_is_empty(rng):
    one = np.column_stack([rng.random(50), np.zeros(50)])
    other = np.column_stack([np.zeros(50), rng.random(50)])
    layer = layer_units([one, other], parts=1)
    row, *_ = tables.layer_rows(layer, [0, 1], tables.match_rows(layer, [0, 1]))
    # no number is that of a live unit of both, and no network has two live units
    assert (row["natural"], row["source_within"]) == (None, None)
    # and two units in all are not to be divided
    assert list(tables.cluster_rows(layer, [0, 1], 8)) == []


def test_mappings_are_fitted_to_the_first_half_and_validated_on_the_second(found):
    rows = list(tables.mapping_rows(layer_units(found), SEEDS, [0, 1e-3, 10]))
    assert [row["decay"] for row in rows] == [0, 1e-3, 10] * 6
    whole = [each[:, LIVE[network]] for network, each in enumerate(found)]
    for one, other in itertools.permutations(range(3), 2):
        least, _, heavy = chosen(rows, source=SEEDS[one], target=SEEDS[other]).to_dict("records")
        scaled = [(whole[n] - whole[n][:200].mean(axis=0)) / whole[n].std(axis=0) for n in (one, other)]
        (x, y), (unseen_x, unseen_y) = ([each[half] for each in scaled] for half in (slice(200), slice(200, None)))
        weights, *_ = np.linalg.lstsq(x, y, rcond=None)
        assert least["error"] == pytest.approx(np.mean((unseen_y - unseen_x @ weights) ** 2) / 2, abs=1e-9)
        assert heavy["error"] == pytest.approx(np.mean(unseen_y**2) / 2, abs=1e-9)
        assert (least["nonzero"], heavy["nonzero"], least["units"]) == (len(LIVE[one]), 0, len(LIVE[one]))


def test_clusters_are_told_by_their_units_and_what_these_have_in_common(found):
    layer = layer_units(found)
    rows = list(tables.cluster_rows(layer, SEEDS, 2))
    assert {(row["source"], row["target"]) for row in rows} == {(2, 5), (2, 7), (5, 7)}
    for one, other in itertools.combinations(range(3), 2):
        of_pair = chosen(rows, source=SEEDS[one], target=SEEDS[other])
        between = correlations(found, one, other)
        labels = cluster(layer, one, other, 2).labels
        sources, targets = labels[: len(between)], labels[len(between) :]
        assert of_pair["cluster"].tolist() == [0, 1]
        assert of_pair["source_units"].tolist() == [np.count_nonzero(sources == label) for label in (0, 1)]
        assert of_pair["target_units"].tolist() == [np.count_nonzero(targets == label) for label in (0, 1)]
        together = between[sources[:, None] == targets]
        for row in of_pair.itertuples():
            inside = between[np.ix_(sources == row.cluster, targets == row.cluster)]
            expected = inside.mean() if inside.size else np.nan
            assert row.within == pytest.approx(expected, abs=1e-12, nan_ok=True)
            assert row.inside == pytest.approx(together.mean() if together.size else np.nan, abs=1e-12, nan_ok=True)
            apart = between[sources[:, None] != targets]
            assert row.outside == pytest.approx(apart.mean() if apart.size else np.nan, abs=1e-12, nan_ok=True)


def test_there_are_as_many_clusters_as_asked_for_or_as_can_be(found):
    layer = layer_units(found)
    assert len(tables.clustered(layer, 0, 1, 3).members) == 3
    # 4 and 3 live units
    assert len(tables.clustered(layer, 0, 1, 99).members) == 6


def write_all(folder, found):
    """Units files of every kind, of one convolutional and one dense layer, all with the same activations."""
    for state, activations, samples in itertools.product(
        ("trained", "untrained"), ("after", "before"), ("positions", "sums")
    ):
        layers = {"conv1": layer_units(found), "fc2": layer_units(found, positions=1)}
        path = tables.units_file(folder, state, activations, samples)
        units.write(path, layers, {})


def test_all_tables_are_about_all_kinds_of_activations_that_they_are_to_be_about(found, tmp_path):
    write_all(tmp_path, found)
    rows = tables.tabulate(tmp_path, SEEDS, [0, 0.1], 2)
    matches, layers, mapping, clusters = (pd.DataFrame(rows[name]) for name in rows)
    assert list(rows) == ["matches", "layers", "mapping", "clusters"]
    kinds = 2 * 2 * 2 * 2
    assert len(matches.groupby(KIND)) == len(layers.groupby(KIND)) == kinds
    assert len(matches) == kinds * (2 * sum(map(len, LIVE)) + 4 + 4 + 3)
    assert len(layers) == kinds * (6 + 3)
    assert layers.drop_duplicates("layer").set_index("layer")["positions"].to_dict() == {"conv1": 4, "fc2": 1}
    assert set(mapping["layer"]) == {"conv1"}  # between dense layers it would take too long
    assert len(mapping) == 2 * 6 * 2 and set(mapping["state"]) == {"trained", "untrained"}
    assert len(clusters) == 2 * 2 * 3 * 2


def test_tables_are_of_the_activations_that_they_name(found, rng, tmp_path):
    write_all(tmp_path, found)
    others = [each + rng.standard_normal(each.shape) for each in found]
    units.write(tables.units_file(tmp_path, "untrained", "before", "sums"), {"conv1": layer_units(others)}, {})
    layers = tables.tabulate(tmp_path, SEEDS, [0], 2)["layers"]
    differs = chosen(layers, layer="conv1", method="matching").groupby(KIND[:3])["mean"].mean().round(9)
    assert differs[differs != differs.iloc[0]].index.tolist() == [("untrained", "before", "sums")]


def test_the_accuracy_of_a_network_is_that_of_its_last_test():
    history = pd.DataFrame(
        [
            {"epoch": 2, "step": 20, "split": "test", "top1": 0.75},
            {"epoch": 0, "step": 0, "split": "test", "top1": 0.1},
            {"epoch": 2, "step": 20, "split": "train", "top1": 0.9},
            {"epoch": 1, "step": 10, "split": "test", "top1": 0.8},
        ]
    )
    assert tables.accuracy_row(7, history) == {"seed": 7, "top1": 0.75, "epochs": 2}
