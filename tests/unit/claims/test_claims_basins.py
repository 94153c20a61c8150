"""Each claim about what is transferred holds on the paper's own numbers, and fails where one of them is turned over."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from basins_tables import DEMO, PAPER, changed, tables

from transferscope import claims, store
from transferscope.claims import basins
from transferscope.claims.basins.case import Case
from transferscope.claims.basins.statements import CLAIMS
from transferscope.tables.pairs import Tables


@pytest.fixture(scope="module")
def papers() -> Tables:
    return tables()


def verdicts(tables: Tables, roles: dict[str, str] = PAPER.roles, scale: str = "paper") -> dict[str, dict]:
    return {row["claim"]: row for row in basins.evaluate(tables, roles, scale)}


def judged(name: str, tables: Tables) -> dict:
    """What the tables say of one claim."""
    (claim,) = (claim for claim in CLAIMS if claim.name == name)
    return claims.judge(claim.measured, Case(tables, PAPER.roles, "cka_debiased"))


def without(tables: Tables, table: str, **where) -> Tables:
    """A copy of the tables without these rows."""
    rows = getattr(tables, table)
    chosen = pd.Series(True, index=rows.index)
    for name, value in where.items():
        chosen &= rows[name] == value
    assert chosen.any()
    return dataclasses.replace(tables, **{table: rows[~chosen]})


def test_every_claim_holds_on_the_papers_numbers(papers):
    rows = basins.evaluate(papers, PAPER.roles, "paper")
    numbers = [int(row["claim"].removeprefix("NE-").rstrip("abcr")) for row in rows]
    assert sorted(set(numbers)) == list(range(1, 18)) and numbers == sorted(numbers)
    for row in rows:
        assert set(row) == set(claims.COLUMNS)
        assert (row["verdict"], row["support"], row["seeds"], row["scale"]) == ("holds", 1.0, 3, "paper"), row["claim"]
        assert row["debiased_verdict"] == ("holds" if row["claim"] in ("NE-7", "NE-8") else None)
        assert "demo" not in row["note"]
        # what is weaker than the paper's claim is said to be so
        assert row["claim"].endswith("r") == ("weaker than the paper's, and ours" in row["note"])


def test_effects_are_those_of_the_papers_numbers(papers):
    effects = {name: row["effect"] for name, row in verdicts(papers).items()}
    assert effects["NE-1a"] == pytest.approx(0.735 - 0.703)
    assert effects["NE-1b"] == pytest.approx(5 / 20)  # 1 - 0.5^5 > 0.703 / 0.735
    assert effects["NE-2"] == pytest.approx(0.6 * 0.40 - 0.23, abs=1e-4)
    assert effects["NE-4"] == pytest.approx(0.09, abs=1e-4)
    assert effects["NE-5"] == pytest.approx(0.69 - 0.22, abs=1e-3)
    assert effects["NE-7"] == pytest.approx(0.6710 - 0.6225)
    assert effects["NE-8"] == pytest.approx(0.2896 - 0.1877)
    assert effects["NE-9"] == pytest.approx(255.34 - 200.12)
    assert effects["NE-10a"] == pytest.approx(200 / 280 - 300 / 540)
    assert effects["NE-11b"] == pytest.approx(0.448 * 0.95, rel=0.05)
    assert effects["NE-14a"] == pytest.approx(0.025 - 0.019)
    assert effects["NE-15"] == pytest.approx(0.196 - 0.1)
    assert effects["NE-16b"] == 1
    assert effects["NE-17a"] == pytest.approx(0.742 - 0.739)
    assert effects["NE-17b"] == pytest.approx(0.784 - 0.762)


SMALLEST = {"size": 1}
TUNED, SCRATCH = {"treatment": "P-T"}, {"treatment": "RI-T"}


@pytest.mark.parametrize(
    ("claim", "table", "column", "change", "where"),
    [
        ("NE-1a", "accuracy", "accuracy", 0.4, {**SCRATCH, "target": "real", "size": 224}),
        ("NE-1a", "accuracy", "auc", 0.1, {**SCRATCH, "target": "chexpert"}),
        ("NE-1b", "history", "auc", -0.03, {**TUNED, "target": "chexpert", "split": "test", "epoch": [5, 6]}),
        ("NE-2", "accuracy", "accuracy", -0.03, {**SCRATCH, **SMALLEST, "target": "real"}),
        ("NE-3", "accuracy", "accuracy", 0.3, {**TUNED, **SMALLEST, "target": "clipart"}),
        ("NE-3", "accuracy", "accuracy", 0.3, {**SCRATCH, "size": 2, "target": "quickdraw"}),
        ("NE-4", "accuracy", "accuracy", 0.03, {**SCRATCH, **SMALLEST, "target": "real"}),
        ("NE-5", "accuracy", "accuracy", 0.08, {**SCRATCH, "size": 0, "target": "quickdraw"}),
        ("NE-6", "accuracy", "speed", 0.4, {**SCRATCH, "size": 16, "target": "clipart"}),
        ("NE-7", "similarity", "cka_debiased", 0.1, {"pair": "P-T & P", "layer": "conv1", "target": "real"}),
        ("NE-7", "similarity", "cka_debiased", 0.3, {"pair": "P-T & RI-T", "layer": "layer3.5"}),
        ("NE-7", "similarity", "cka_debiased", 0.3, {"pair": "RI-T & RI-T", "layer": "layer3.5"}),
        ("NE-8", "similarity", "cka_debiased", 0.3, {"pair": "P-T & P", "layer": "layer4.2"}),
        ("NE-9", "distance", "distance", 100, {"pair": "P-T & P-T", "module": "total", "target": "chexpert"}),
        ("NE-9", "distance", "distance", 700, {"pair": "P-T & P", "module": "total", "target": "real"}),
        ("NE-10a", "mistakes", "jaccard", 0.2, {"pair": "RI-T & RI-T", "target": "real"}),
        ("NE-10b", "mistakes", "kappa", 0.3, {"pair": "RI-T & RI-T", "target": "real"}),
        ("NE-11a", "barriers", "barrier", 0.011, {"pair": "P-T & P-T"}),
        ("NE-11b", "barriers", "barrier", -0.3, {"pair": "RI-T & RI-T"}),
        ("NE-11b", "barriers", "barrier", -0.3, {"pair": "P-T & RI-T"}),
        ("NE-11r", "barriers", "barrier", 0.3, {"pair": "P-T & P-T"}),
        ("NE-12", "barriers", "barrier", -0.3, {"pair": "RI-T & RI-T same init"}),
        ("NE-13", "path", "top1", -0.01, {"pair": "P-T & P-T", "t": 0.5}),
        ("NE-13", "path", "top1", 0.01, {"pair": "P-T & P-T", "t": 1.0}),
        ("NE-14a", "modules", "drop", 0.03, {**TUNED, "module": "layer2.0"}),
        ("NE-14a", "modules", "drop", -0.01, {**TUNED, "module": "layer4.2"}),
        ("NE-14b", "modules", "drop", 0.01, {**TUNED, "module": "conv1"}),
        ("NE-14c", "modules", "drop", 0.1, {**TUNED, "module": ["conv1", "layer1.0"]}),
        ("NE-14r", "modules", "drop", 0.03, {**TUNED, "module": "layer4.2"}),
        ("NE-14r", "modules", "drop", 0.01, {**TUNED, "module": "conv1"}),
        ("NE-15", "modules", "drop", 0.2, {**SCRATCH, "module": ["fc", "layer3.0"]}),
        ("NE-15", "modules", "drop", -0.1, {**SCRATCH, "module": "conv1"}),
        ("NE-16a", "modules", "mu", 1e6, {**TUNED, "module": ["conv1", "layer1.0", "layer2.0"]}),
        ("NE-16b", "criticality", "error", -0.8, {**SCRATCH, "module": "layer4.2"}),
        ("NE-17a", "accuracy", "accuracy", 0.01, {"target": "quickdraw", "start": 59}),
        ("NE-17a", "accuracy", "accuracy", -0.01, {"target": "quickdraw", "start": 59}),
        ("NE-17b", "accuracy", "accuracy", -0.01, {"target": "real", "start": 29}),
        ("NE-17b", "accuracy", "accuracy", 0.05, {"target": "real", "start": 29}),
        ("NE-17r", "accuracy", "accuracy", -0.05, {"target": "real", "start": 10}),
        ("NE-17r", "accuracy", "accuracy", 0.2, {"target": "real", "start": [59, 60, 61, 90]}),
    ],
)
def test_a_claim_fails_where_what_it_says_is_not_so(papers, claim, table, column, change, where):
    assert judged(claim, changed(papers, table, column, change, **where))["verdict"] == "fails"


def test_two_classes_are_judged_by_the_area_under_the_curve(papers):
    moved = changed(papers, "accuracy", "accuracy", 0.2, treatment="RI-T", target="chexpert")
    row = judged("NE-1a", moved)
    assert row["verdict"] == "holds" and "on chexpert (AUC), clipart," in row["tested"]


@pytest.mark.parametrize("name", ["NE-17a", "NE-17b", "NE-17r"])
def test_checkpoints_are_compared_where_accuracy_is_measured(papers, name):
    """The paper's are on DomainNet, and half a point of AUC is another thing."""
    moved = changed(papers, "accuracy", "auc", -0.1, target="chexpert", start=[10, 29, 59])
    assert judged(name, moved) == judged(name, papers) and judged(name, papers)["verdict"] == "holds"
    accuracy = papers.accuracy[papers.accuracy["target"].isna() | (papers.accuracy["target"] == "chexpert")]
    row = judged(name, dataclasses.replace(papers, accuracy=accuracy))
    assert row["verdict"] == claims.NOT_RUN and "not measured by accuracy on chexpert" in row["note"]


@pytest.mark.parametrize("name", ["NE-2", "NE-3", "NE-4", "NE-5", "NE-6", "NE-17a", "NE-17b", "NE-17r"])
def test_block_sizes_and_checkpoints_are_compared_within_the_first_instance(papers, name):
    """The second one is there for whole images and the last checkpoint alone."""
    moved = papers
    for column, treatment in (("accuracy", "P-T"), ("speed", "P-T"), ("accuracy", "RI-T"), ("speed", "RI-T")):
        by = 0.1 if treatment == "P-T" else -0.1
        moved = changed(moved, "accuracy", column, by, treatment=treatment, instance="2")
    assert judged(name, moved) == judged(name, papers)
    # where networks are compared at their ends, both count
    assert judged("NE-1a", changed(papers, "accuracy", "auc", 0.1, treatment="P-T", instance="2"))["effect"] > 0.08


def test_stages_of_a_residual_network_are_compared_and_layers_of_one_without(papers):
    rows = verdicts(papers)
    assert "at conv1, layer1, layer2, layer3, on chexpert," in rows["NE-7"]["tested"]
    assert "falls from each of conv1, layer1, layer2, layer3, layer4 to the next" in rows["NE-8"]["tested"]
    moved = changed(papers, "similarity", "cka_debiased", -0.4, layer=["layer1.0", "layer2.1", "layer3.4", "layer4.1"])
    assert {judged(name, moved)["verdict"] for name in ("NE-7", "NE-8")} == {"holds"}
    demo = verdicts(tables(DEMO), DEMO.roles, "demo")
    assert "at conv1, conv2, conv3, conv4, on rotated," in demo["NE-7"]["tested"]
    assert "falls from each of conv1, conv2, conv3, conv4, fc5 to the next" in demo["NE-8"]["tested"]


def test_a_second_most_critical_first_module_is_enough(papers):
    moved = changed(papers, "modules", "drop", 0.2, treatment="RI-T", module="fc")
    assert judged("NE-15", moved)["verdict"] == "holds"


def test_cka_is_judged_by_the_debiased_estimator_and_the_other_is_noted(papers):
    where = {"pair": "P-T & P", "layer": "conv1"}
    row = verdicts(changed(papers, "similarity", "cka", 0.3, **where))["NE-7"]
    assert (row["verdict"], row["debiased_verdict"]) == ("holds", "holds") and "by biased CKA: fails" in row["note"]
    row = verdicts(changed(papers, "similarity", "cka_debiased", 0.3, **where))["NE-7"]
    assert (row["verdict"], row["debiased_verdict"]) == ("fails", "fails") and "by biased CKA: holds" in row["note"]


def test_a_valley_that_opens_late_in_few_seeds_is_not_said_to_open_late(papers):
    criticality = papers.criticality
    at_once = (criticality["treatment"] == "RI-T") & (criticality["sigma"] == 0) & (criticality["module"] == "fc")
    for seeds, verdict in (([0], "mean only"), ([0, 1], "fails")):
        error = criticality["error"].mask(at_once & criticality["seed"].isin(seeds), 0.0)
        moved = dataclasses.replace(papers, criticality=criticality.assign(error=error))
        assert judged("NE-16b", moved)["verdict"] == verdict


def test_a_module_that_bears_no_noise_is_more_critical_than_all_others(papers):
    modules = papers.modules.copy()
    first = modules["module"].isin(["conv1", "layer1.0", "layer2.0"])
    for unknown in (np.nan, np.inf):
        modules.loc[first, "mu"] = unknown
        row = judged("NE-16a", dataclasses.replace(papers, modules=modules))
        assert (row["verdict"], row["seeds"]) == ("fails", 3)
    modules["mu"] = 0.0
    assert judged("NE-16a", dataclasses.replace(papers, modules=modules))["effect"] == 0


def test_a_gap_that_shrinks_from_nothing_is_no_gap_that_shrinks(papers):
    moved = changed(papers, "accuracy", "accuracy", 0.4, treatment="RI-T", size=[1, 2, 224], target="real")
    row = judged("NE-2", moved)
    assert row["verdict"] == "fails" and "real, a gap on whole images" in row["note"]


def test_checkpoints_are_those_of_the_same_share_of_pre_training():
    rows = verdicts(tables(DEMO), DEMO.roles, "demo")
    assert rows["NE-17a"]["tested"].endswith("epoch 4 - 9 on rotated")
    assert rows["NE-17b"]["tested"].endswith("epoch 9 - 2 on rotated")
    assert rows["NE-17a"]["effect"] == pytest.approx(0.683 - 0.651)
    assert (rows["NE-17a"]["verdict"], rows["NE-17r"]["verdict"]) == ("fails", "holds")


def test_what_cannot_be_expected_at_demo_scale_is_said():
    rows = verdicts(tables(DEMO), DEMO.roles, "demo")
    for name in ("NE-1a", "NE-4", "NE-5", "NE-6", "NE-8", "NE-10a", "NE-11a", "NE-12", "NE-15", "NE-16a"):
        assert "at demo scale" in rows[name]["note"], name
    assert rows["NE-5"]["verdict"] == claims.NOT_RUN and "no far target was run with shuffled" in rows["NE-5"]["note"]
    assert rows["NE-1a"]["verdict"] == "fails" and "weakest: sketch" in rows["NE-1a"]["note"]
    assert rows["NE-4"]["effect"] == pytest.approx(1 - 0.183 / 0.145, abs=1e-3)


@pytest.mark.parametrize(
    ("table", "where", "missing"),
    [
        ("accuracy", {"treatment": "RI-T", "target": "real"}, {"NE-1a": "RI-T on real"}),
        ("accuracy", {"size": 1}, {"NE-4": "blocks of 1"}),
        ("similarity", {"pair": "P-T & P"}, {"NE-7": "P-T & P on", "NE-8": "P-T & P on"}),
        ("distance", {"pair": "RI-T & P"}, {"NE-9": "RI-T & P on"}),
        ("mistakes", {"pair": "RI-T & RI-T"}, {"NE-10a": "mistakes of", "NE-10b": "mistakes of"}),
        ("barriers", {"pair": "RI-T & RI-T same init"}, {"NE-12": "the path between RI-T & RI-T same init"}),
        ("path", {"t": 0.5}, {"NE-13": "t = 0, 0.5 and 1"}),
        ("modules", {"treatment": "RI-T"}, {"NE-15": "rewound RI-T"}),
        ("modules", {"treatment": "P-T"}, {"NE-14a": "rewound P-T", "NE-16a": "criticality of P-T"}),
        ("criticality", {"treatment": "RI-T"}, {"NE-16b": "valleys of RI-T"}),
    ],
)
def test_what_was_not_run_is_said(papers, table, where, missing):
    lacking = without(papers, table, **where)
    for name, note in missing.items():
        row = judged(name, lacking)
        assert row["verdict"] == claims.NOT_RUN and note in row["note"], row["note"]


def test_without_checkpoints_or_early_ones_nothing_is_said_of_them(papers):
    accuracy = papers.accuracy
    none = accuracy[accuracy["start"].isna() | (accuracy["start"] == accuracy["start"].max())]
    lacking = dataclasses.replace(papers, accuracy=none)
    assert {judged(name, lacking)["verdict"] for name in ("NE-17a", "NE-17b", "NE-17r")} == {claims.NOT_RUN}
    late = dataclasses.replace(papers, accuracy=accuracy[~accuracy["start"].isin([1, 2, 5, 10, 29])])
    assert "in the first 32% of its training" in judged("NE-17b", late)["note"]
    assert judged("NE-17a", late)["verdict"] == "holds"


def test_a_seed_that_lacks_a_run_is_left_out_of_what_it_is_needed_for(papers):
    lost = without(papers, "barriers", seed=2, pair="P-T & RI-T")
    assert (judged("NE-11b", lost)["seeds"], judged("NE-1a", lost)["seeds"]) == (2, 3)


def test_one_seed_can_agree_in_the_mean_only():
    assert {row["verdict"] for row in basins.evaluate(tables(seeds=1), PAPER.roles, "paper")} == {"mean only"}


def test_tables_that_were_written_and_read_are_judged_alike(papers, tmp_path):
    read = {}
    for field in dataclasses.fields(Tables):
        frame, path = getattr(papers, field.name), tmp_path / f"{field.name}.csv"
        store.write_table(path, list(frame), frame.to_dict("records"), {})
        read[field.name] = store.read_table(path)
    assert basins.evaluate(Tables(**read), PAPER.roles, "paper") == basins.evaluate(papers, PAPER.roles, "paper")
