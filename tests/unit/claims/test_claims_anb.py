"""Each claim about copied layers holds on the paper's own numbers, and fails where one of them is turned over."""

import pandas as pd
import pytest
import table_changes
from anb_tables import accuracy_table

from transferscope import claims, store
from transferscope.claims import anb
from transferscope.claims.page import page


@pytest.fixture
def accuracy() -> pd.DataFrame:
    return accuracy_table()


def verdicts(accuracy: pd.DataFrame, scale: str = "paper") -> dict[str, dict]:
    return {row["claim"]: row for row in anb.evaluate(accuracy, scale)}


def change(accuracy: pd.DataFrame, points: float, column: str = "accuracy", **where) -> None:
    table_changes.change(accuracy, column, points / 100, **where)


def test_every_claim_holds_on_the_papers_numbers(accuracy):
    rows = anb.evaluate(accuracy, "paper")
    numbers = [int(row["claim"].removeprefix("YO-").rstrip("abc")) for row in rows]
    assert sorted(set(numbers)) == list(range(1, 13)) and numbers == sorted(numbers)
    for row in rows:
        assert set(row) == set(claims.COLUMNS)
        judged = (row["verdict"], row["debiased_verdict"], row["support"], row["seeds"], row["scale"])
        assert judged == ("holds", None, 1.0, 3, "paper"), row["claim"]
        assert "demo" not in row["note"] and "by the best epochs" in row["note"]


def test_effects_are_those_of_the_papers_table(accuracy):
    effects = {name: 100 * row["effect"] for name, row in verdicts(accuracy).items()}
    assert effects["YO-1"] == pytest.approx(-0.31)  # AnB at n = 1 is that far above base
    assert effects["YO-2b"] == pytest.approx(62.51 - 59.98)
    assert effects["YO-3a"] == pytest.approx(61.88 - 59.35)
    assert effects["YO-4a"] == pytest.approx((62.32 - 54.25) - (62.51 - 62.32))
    assert effects["YO-4b"] == pytest.approx((62.51 - 60.48) - (60.48 - 59.98))
    assert effects["YO-6b"] == pytest.approx(100 * (1 - 6 * 4 / (7 * 48)))
    assert effects["YO-8b"] == pytest.approx(62.51 - 54.25 - 8)
    assert effects["YO-9"] == pytest.approx(53.72 - 52.14)
    assert effects["YO-11b"] == pytest.approx(62.51 * (1 - 40.26 / 57.63) - 17)
    assert effects["YO-11c"] == pytest.approx(100 * (62.51 * 4.99 / 57.63 - 0.2) / (62.51 - 0.2), rel=1e-4)
    assert effects["YO-12"] == pytest.approx(65.34 - 53.72)


@pytest.mark.parametrize(
    ("claim", "points", "where"),
    [
        ("YO-1", 0.3, {"treatment": "transfer", "n": 1}),
        ("YO-1", -0.5, {"treatment": "transfer", "n": 2}),
        ("YO-2a", 0.7, {"treatment": "transfer", "n": 3}),
        ("YO-2a", -1.5, {"treatment": "transfer", "n": 3}),
        ("YO-2b", 0.6, {"treatment": "transfer", "n": 4}),
        ("YO-3a", -3, {"treatment": "selffer", "n": 6}),
        ("YO-3a", 4, {"treatment": "selffer", "n": [4, 5]}),
        ("YO-3b", -1, {"treatment": "selffer", "n": 7}),
        ("YO-4a", 8, {"treatment": "transfer", "n": 7}),
        ("YO-4b", -2, {"treatment": "transfer", "n": 4}),
        ("YO-5", 0.5, {"treatment": "selffer+", "n": 3}),
        ("YO-5", -1.5, {"treatment": "selffer+", "n": 7}),
        ("YO-6a", -2, {"treatment": "transfer+", "n": 5}),
        ("YO-6b", 2, {"treatment": "transfer+", "n": 1}),
        ("YO-7", 3, {"treatment": "transfer+", "n": [1, 2]}),
        ("YO-7", -3, {"treatment": "transfer+"}),
        ("YO-8a", -1, {"treatment": "transfer", "n": 2, "split": "similar"}),
        ("YO-8a", 1, {"treatment": "transfer", "n": 2}),
        ("YO-8b", 2.1, {"treatment": "transfer", "n": 7, "split": "dissimilar"}),
        ("YO-8b", -2.1, {"treatment": "transfer", "n": 7, "split": "dissimilar"}),
        ("YO-8b", 2.3, {"treatment": "transfer", "n": 7, "split": "similar"}),
        ("YO-8b", -1.8, {"treatment": "transfer", "n": 7, "split": "similar"}),
        ("YO-9", -0.1, {"treatment": "transfer", "n": 2, "split": "dissimilar", "half": "A"}),
        ("YO-10", 20, {"treatment": "random", "n": 1, "split": "dissimilar"}),
        ("YO-11a", 45, {"treatment": "random", "n": 3}),
        ("YO-11b", 4, {"treatment": "random", "n": 2}),
        ("YO-11b", -2, {"treatment": "random", "n": 2}),
        ("YO-11b", 4, {"treatment": "random", "n": 1}),
        ("YO-11b", -2, {"treatment": "random", "n": 1}),
        ("YO-11c", 2, {"treatment": "random", "n": 5}),
        ("YO-12", -12, {"treatment": "base", "split": "dissimilar", "half": "B"}),
    ],
)
def test_a_claim_fails_where_what_it_says_is_not_so(accuracy, claim, points, where):
    change(accuracy, points, **where)
    assert verdicts(accuracy)[claim]["verdict"] == "fails"


def test_the_dip_is_at_one_layer_for_all_seeds(accuracy):
    """Noise that puts n = 4 lowest in one seed and n = 5 in another is no dip: in the mean, n = 6 is the lowest."""
    for n, points, noise in ((4, 1.6, (-1, 1, 0)), (5, 2.7, (1, -1, 0))):
        for seed, by in enumerate(noise):
            change(accuracy, points + by, treatment="selffer", n=n, seed=seed)
    row = verdicts(accuracy)["YO-3a"]
    assert (row["verdict"], row["effect"]) == ("fails", pytest.approx(0.6188 - 0.6205))
    assert row["tested"] == "BnB at n = 4 or 5 is below BnB at n = 1, 2, 3, 6, 7"


def test_the_dip_may_be_at_another_layer_in_each_resample(accuracy):
    """At n = 4 in most seeds and at n = 5 in one, it is in the middle whichever seeds are drawn."""
    accuracy = accuracy[accuracy["split"] == "similar"]
    for n, values in ((4, (0.58, 0.58, 0.619)), (5, (0.61, 0.61, 0.562))):
        for seed, value in enumerate(values):
            chosen = (accuracy["treatment"] == "selffer") & (accuracy["n"] == n) & (accuracy["seed"] == seed)
            accuracy.loc[chosen, "accuracy"] = value
    row = verdicts(accuracy)["YO-3a"]
    assert (row["verdict"], row["support"]) == ("holds", 1.0)


@pytest.mark.parametrize(("claim", "n", "selffer", "transfer"), [("YO-4a", 7, 3, 4), ("YO-4b", 4, 1, 3)])
def test_to_gain_less_is_not_to_lose_more(accuracy, claim, n, selffer, transfer):
    """By which of the two causes more is lost, where neither costs anything."""
    for treatment, above_base in (("selffer", selffer), ("transfer", transfer)):
        accuracy.loc[(accuracy["treatment"] == treatment) & (accuracy["n"] == n), "accuracy"] = 0
        change(accuracy, 62.51 + above_base, treatment=treatment, n=n)
    row = verdicts(accuracy)[claim]
    assert (row["verdict"], row["effect"]) == ("fails", pytest.approx(-0.01))


def test_a_seeds_value_is_the_mean_over_both_directions(accuracy):
    change(accuracy, 5, treatment="transfer", n=1, half="A")
    change(accuracy, -5, treatment="transfer", n=1, half="B")
    assert verdicts(accuracy)["YO-1"]["effect"] == pytest.approx(-0.0031)


def test_the_best_epochs_are_quoted_and_do_not_judge(accuracy):
    change(accuracy, 50, "best", treatment="base", split="dissimilar", half="A")
    row = verdicts(accuracy)["YO-12"]
    assert row["verdict"] == "holds"
    assert "by the best epochs: -0.384, fails" in row["note"]


def test_a_shallower_net_is_judged_at_the_same_relative_depth():
    rows = verdicts(accuracy_table(layers=5), "demo")
    assert rows["YO-4a"]["tested"] == "BnB - AnB > base - BnB and BnB - AnB > 0 at n = 5"
    assert rows["YO-4b"]["tested"] == "base - BnB > BnB - AnB and base - BnB > 0 at n = 3"
    assert rows["YO-3a"]["tested"] == "BnB at n = 3 or 4 is below BnB at n = 1, 2, 5"
    assert rows["YO-7"]["tested"].startswith("mean AnB⁺ at n = 4, 5 >")
    assert rows["YO-2b"]["tested"].endswith("n = 4, 5")


def test_near_chance_is_told_by_what_is_above_chance(accuracy):
    """With 5 classes, a network of random features that does no better than to guess is at chance."""
    accuracy["classes"] = 5
    accuracy.loc[(accuracy["treatment"] == "random") & (accuracy["n"] > 2), "accuracy"] = 0.2 + 0.04
    row = verdicts(accuracy, "demo")["YO-11c"]
    assert (row["verdict"], row["effect"]) == ("holds", pytest.approx(0.04 / (0.6251 - 0.2), rel=1e-4))
    assert "demo" not in row["note"]
    accuracy.loc[(accuracy["half"] == "B") & (accuracy["split"] == "similar"), "classes"] = 2
    row = verdicts(accuracy, "demo")["YO-11c"]
    assert row["effect"] == pytest.approx((0.24 - 0.35) / (0.6251 - 0.35), rel=1e-4)
    accuracy["classes"] = 1
    assert verdicts(accuracy)["YO-11c"]["note"] == "a base network does no better than to guess"


def test_a_layer_that_was_not_run_is_no_other(accuracy):
    """Without n = 7 there is no last layer, and what was run stays at its depth."""
    rows = verdicts(accuracy[accuracy["n"] != 7])
    for name in ("YO-3b", "YO-4a", "YO-8b"):
        assert rows[name]["verdict"] == claims.NOT_RUN and rows[name]["note"].endswith("split at n = 7"), name
    assert rows["YO-4b"]["tested"].endswith("at n = 4") and rows["YO-4b"]["verdict"] == "holds"
    assert rows["YO-7"]["tested"].startswith("mean AnB⁺ at n = 5, 6 >")
    assert verdicts(accuracy[accuracy["n"] != 4])["YO-4b"]["verdict"] == claims.NOT_RUN


def test_what_was_not_run_is_said(accuracy):
    rows = verdicts(accuracy[accuracy["split"] == "similar"])
    for name in ("YO-8a", "YO-8b", "YO-9", "YO-10", "YO-12"):
        assert rows[name]["verdict"] == claims.NOT_RUN and "dissimilar" in rows[name]["note"]
    assert rows["YO-1"]["verdict"] == "holds"
    assert verdicts(accuracy, "demo")["YO-12"]["verdict"] == claims.NOT_RUN
    shallow = verdicts(accuracy_table(layers=1))
    assert {shallow[name]["verdict"] for name in ("YO-2a", "YO-3a", "YO-3b", "YO-6b", "YO-7")} == {claims.NOT_RUN}


def test_the_papers_own_treatments_of_the_dissimilar_split_are_enough(accuracy):
    needed = (accuracy["split"] == "similar") | accuracy["treatment"].isin(["base", "transfer", "random"])
    assert {row["verdict"] for row in anb.evaluate(accuracy[needed], "paper")} == {"holds"}


def test_a_seed_that_lacks_a_run_is_left_out(accuracy):
    lost = accuracy[(accuracy["seed"] == 2) & (accuracy["run"] == "similar-A3B")].index
    assert {row["seeds"] for row in anb.evaluate(accuracy.drop(lost), "paper")} == {2}


def test_one_seed_can_agree_in_the_mean_only():
    assert {row["verdict"] for row in anb.evaluate(accuracy_table(seeds=1), "paper")} == {"mean only"}


def test_a_table_that_was_written_and_read_is_judged_alike(accuracy, tmp_path):
    store.write_table(tmp_path / "accuracy.csv", list(accuracy), accuracy.to_dict("records"), {})
    read = store.read_table(tmp_path / "accuracy.csv")
    assert anb.evaluate(read, "paper") == anb.evaluate(accuracy, "paper")


def test_the_page_has_no_column_for_debiased_cka(accuracy):
    text = page(anb.evaluate(accuracy, "paper"), "Yosinski et al. 2014")
    assert "YO-11c" in text and "debiased" not in text
