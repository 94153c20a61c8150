"""Three measures of a layer are joined without loss, and correlated over layers as SciPy would."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from joint_tables import (
    ACCURACIES,
    BASES,
    LAMBDAS,
    accuracy_table,
    change_table,
    final_table,
    joint_table,
)

from transferscope import claims, store
from transferscope.claims import joint as claims_joint
from transferscope.errors import InputError
from transferscope.tables import joint


def noisy(rng, layers: int = 5, seeds: int = 3) -> pd.DataFrame:
    """A table in which the orders of layers differ between seeds and halves."""
    table = joint_table(layers, seeds)
    for column in (*joint.GATES, joint.ACCURACY, *joint.CHANGES):
        table[column] += 0.1 * rng.standard_normal(len(table))
    return table


# ---- the table


def test_a_row_joins_what_three_tables_say_of_a_layer():
    table = joint_table()
    assert list(table) == list(joint.COLUMNS) and len(table) == 3 * 2 * 5
    (row,) = table[(table["seed"] == 0) & (table["half"] == "A") & (table["n"] == 4)].to_dict("records")
    assert (row["layer"], row["lambda_source"], row["share"]) == ("conv4", LAMBDAS[3], LAMBDAS[3] ** 2)
    assert (row["base"], row["accuracy"]) == pytest.approx((BASES["A"], BASES["A"] * ACCURACIES[3]))
    assert row["relative_accuracy"] == pytest.approx(ACCURACIES[3])
    assert (row["cka_change"], row["cka_change_debiased"]) == pytest.approx((0.1, 0.12))


def test_layers_without_a_gate_are_left_out():
    found = joint.rows(final_table(layers=3), accuracy_table(layers=5), change_table(layers=5), "similar")
    assert {row["n"] for row in found} == {1, 2, 3}


def test_the_table_reads_back_as_it_was(tmp_path):
    table = joint_table()
    store.write_table(tmp_path / "joint.csv", joint.COLUMNS, table.to_dict("records"), {})
    pd.testing.assert_frame_equal(store.read_table(tmp_path / "joint.csv"), table)


def without(table: pd.DataFrame, **where) -> pd.DataFrame:
    chosen = np.logical_and.reduce([table[name] == value for name, value in where.items()])
    assert chosen.any()
    return table[~chosen]


@pytest.mark.parametrize(
    ("name", "where", "message"),
    [
        ("final", {"target": "joint"}, "no gate has the target 'joint': add a section quanta.joint"),
        ("final", {"seed": 1, "half": "A", "layer": 2}, "no lambda_source for seed 1, half A, n 3:"),
        (
            "accuracy",
            {"treatment": "transfer", "n": 2, "seed": 0},
            "no accuracy for seed 0, half A, n 2; seed 0, half B",
        ),
        ("accuracy", {"treatment": "transfer", "n": 5}, "seed 1, half A, n 5 and 3 more: .* anb.layers every layer"),
        ("accuracy", {"treatment": "base", "half": "B", "seed": 2}, "no base accuracy for seed 2, half B:"),
        ("accuracy", {"split": "similar"}, "no accuracy for seed 0, half A, n 1; .* and 27 more"),
        ("change", {"n": 5, "half": "B", "seed": 0}, "no layer for seed 0, half B, n 5:"),
    ],
)
def test_what_is_missing_is_named(name, where, message):
    tables = {"final": final_table(), "accuracy": accuracy_table(), "change": change_table()}
    tables[name] = without(tables[name], **where)
    with pytest.raises(InputError, match=message):
        joint.rows(**tables, split="similar")


def test_a_measure_that_is_no_number_counts_as_missing():
    final = final_table()
    final.loc[0, "share"] = np.nan
    with pytest.raises(InputError, match="no share for seed 0, half A, n 1:"):
        joint.rows(final, accuracy_table(), change_table(), "similar")


def test_two_gates_at_one_layer_are_refused():
    final = pd.concat([final_table(), final_table().head(1).assign(initial=0.9)])
    with pytest.raises(InputError, match="more than one lambda_source for seed 0, half A, n 1:"):
        joint.rows(final, accuracy_table(), change_table(), "similar")


# ---- correlations


def test_the_chance_of_one_networks_correlation_is_scipys_exact_one(rng):
    table = noisy(rng, layers=6, seeds=1)
    table = pd.concat([table[table["half"] == "B"].assign(half=half) for half in "AB"])
    x, y = (joint.curves(table, column)[0, 0] for column in ("lambda_source", "cka_change"))
    exact = scipy.stats.permutation_test(
        (x,), lambda x: scipy.stats.spearmanr(x, y).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert joint.chance(table, "lambda_source", "cka_change") == pytest.approx(exact.pvalue)


@pytest.mark.parametrize(("layers", "width"), [(3, 1.0), (4, 1.0), (5, 0.9), (6, 29 / 35), (7, 0.75)])
def test_the_width_of_chance_is_that_of_the_exact_tables_of_spearmans_correlation(layers, width):
    assert joint.width_of_chance(layers) == pytest.approx(width)


def test_a_seeds_correlation_is_the_mean_over_both_halves(rng):
    table = noisy(rng)
    expected = []
    for _, of_seed in table.sample(frac=1, random_state=0).groupby("seed"):
        halves = [scipy.stats.spearmanr(half["share"], half["cka_change"]) for _, half in of_seed.groupby("half")]
        expected.append(np.mean([half.statistic for half in halves]))
    np.testing.assert_allclose(joint.by_seed(table, "share", "cka_change"), expected)


def test_the_table_of_correlations_says_mean_interval_and_pooled(rng):
    table = noisy(rng)
    found = {(row["x"], row["y"]): row for row in joint.correlations(table)}
    assert set(found) == set(joint.PAIRS) and len(found) == 13
    row = found["lambda_source", "relative_accuracy"]
    assert tuple(row) == joint.CORRELATION_COLUMNS
    of_seeds = joint.by_seed(table, "lambda_source", "relative_accuracy")
    resampled = [np.mean(drawn) for drawn in itertools.product(of_seeds, repeat=3)]
    assert row["correlation"] == pytest.approx(of_seeds.mean())
    assert (row["low"], row["high"]) == pytest.approx(np.quantile(resampled, [0.025, 0.975]))
    means = table.groupby("n")[["lambda_source", "relative_accuracy"]].mean()
    assert row["pooled"] == pytest.approx(scipy.stats.spearmanr(means).statistic)
    assert (row["layers"], row["seeds"], row["without_order"]) == (5, 3, 0)


def test_depth_is_one_of_the_measures():
    found = {(row["x"], row["y"]): row for row in joint.correlations(joint_table())}
    assert found["n", "lambda_source"]["correlation"] == pytest.approx(-1)
    assert found["n", "lambda_source"]["p"] == pytest.approx(2 / math.factorial(5))
    assert found["n", "cka_change"]["correlation"] == pytest.approx(0.9)


def test_a_measure_without_order_counts_as_uncorrelated_and_is_counted():
    table = joint_table()
    table.loc[(table["seed"] == 0) & (table["half"] == "A"), "relative_accuracy"] = 0.5
    found = {(row["x"], row["y"]): row for row in joint.correlations(table)}
    row = found["lambda_source", "relative_accuracy"]
    assert row["without_order"] == 1 and row["correlation"] == pytest.approx(0.9 * 5 / 6)
    assert found["lambda_source", "cka_change"]["without_order"] == 0


def test_one_seed_has_no_interval():
    row = joint.correlations(joint_table(seeds=1))[0]
    assert np.isnan([row["low"], row["high"]]).all() and row["seeds"] == 1


# ---- claims


def verdicts(table: pd.DataFrame) -> dict[str, dict]:
    rows = claims_joint.evaluate(table, "demo")
    assert all(set(row) == set(claims.COLUMNS) for row in rows)
    return {row["claim"]: row for row in rows}


def test_claims_hold_where_layers_have_the_same_order():
    found = verdicts(joint_table())
    assert [row["verdict"] for row in found.values()] == ["holds"] * 3
    assert [row["debiased_verdict"] for row in found.values()] == [None, "holds", "holds"]
    assert [row["effect"] for row in found.values()] == pytest.approx([0.9, -0.9, -0.8])
    assert found["J-1"]["tested"].endswith("over layers 1, 2, 3, 4, 5 > 0") and found["J-2"]["tested"].endswith("< 0")
    assert "p = 0.083" in found["J-1"]["note"] and "by the functional share: 0.9, holds" in found["J-1"]["note"]
    assert "share" not in found["J-3"]["note"]


@pytest.mark.parametrize(
    ("turned", "failing"),
    [
        ("lambda_source", {"J-1", "J-2"}),
        ("relative_accuracy", {"J-1", "J-3"}),
        ("cka_change", {"J-2", "J-3"}),
    ],
)
def test_claims_fail_where_the_order_is_turned_over(turned, failing):
    table = joint_table()
    table[turned] = -table[turned]
    assert {name for name, row in verdicts(table).items() if row["verdict"] == "fails"} == failing


def test_the_debiased_verdict_is_of_debiased_cka_alone():
    table = joint_table()
    table["cka_change_debiased"] = -table["cka_change_debiased"]
    assert [row["debiased_verdict"] for row in verdicts(table).values()] == [None, "fails", "fails"]
    assert [row["verdict"] for row in verdicts(table).values()] == ["holds"] * 3


def test_two_layers_have_no_order_to_speak_of():
    for row in verdicts(joint_table(layers=2)).values():
        assert row["verdict"] == claims.NOT_RUN and "3 layers or more, found 2" in row["note"]
    assert verdicts(joint_table(layers=3))["J-1"]["verdict"] != claims.NOT_RUN
