"""Claims about the landscape are judged on every explored target, by AUC where it has two classes."""

import dataclasses

import pandas as pd
import pytest
from basins_tables import PAPER, changed, tables

from transferscope import claims
from transferscope.claims.basins.case import Case
from transferscope.claims.basins.statements import CLAIMS
from transferscope.tables.pairs import Tables

TARGETS = ("real", "quickdraw", "chexpert")
BY_ACCURACY = ("NE-11b", "NE-12")  # whose limits AUC, with less far to fall, does not know
OF_LANDSCAPE = [claim for claim in CLAIMS if 11 <= int(claim.name.removeprefix("NE-").rstrip("abcr")) <= 16]


@pytest.fixture(scope="module")
def several() -> Tables:
    return tables(dataclasses.replace(PAPER, landscape=TARGETS))


def judged(name: str, tables: Tables) -> dict:
    """What the tables say of one claim."""
    (claim,) = (claim for claim in OF_LANDSCAPE if claim.name == name)
    return claims.judge(claim.measured, Case(tables, PAPER.roles, "cka"))


def test_every_claim_names_the_targets_that_it_is_tested_on(several):
    for claim in OF_LANDSCAPE:
        row = judged(claim.name, several)
        assert (row["verdict"], row["seeds"]) == ("holds", 3), claim.name
        by_accuracy = claim.name in BY_ACCURACY
        assert all(target in row["tested"] for target in TARGETS[: 2 if by_accuracy else 3]), claim.name
        # training error is a share of mistakes whatever the number of classes
        by_auc = not by_accuracy and not claim.name.startswith("NE-16")
        assert ("chexpert (AUC)" in row["tested"]) == by_auc, claim.name


@pytest.mark.parametrize("name", BY_ACCURACY)
def test_a_barrier_in_points_of_accuracy_is_asked_for_where_accuracy_is_measured(several, name):
    """The paper's pairs on CheXpert fall from an AUC of .70 to .53 or .64: by less than 20 points."""
    barriers = several.barriers
    dips = barriers[(barriers["target"] == "chexpert") & barriers["pair"].str.startswith("RI-T")]["barrier"]
    assert dips.min() > 0.05 and dips.max() < 0.2
    row = judged(name, several)
    assert row["verdict"] == "holds" and row["tested"].endswith("> 20 points of accuracy on quickdraw, real")
    alone = dataclasses.replace(several, barriers=barriers[barriers["target"] == "chexpert"])
    assert judged(name, alone)["verdict"] == claims.NOT_RUN
    assert "not measured by accuracy on chexpert" in judged(name, alone)["note"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("claim", "table", "column", "by", "where"),
    [
        ("NE-11a", "barriers", "barrier", 0.011, {"pair": "P-T & P-T"}),
        ("NE-11r", "barriers", "barrier", 0.4, {"pair": "P-T & P-T"}),
        ("NE-14a", "modules", "drop", 0.03, {"treatment": "P-T", "module": "layer2.0"}),
        ("NE-14b", "modules", "drop", 0.01, {"treatment": "P-T", "module": "conv1"}),
        ("NE-14c", "modules", "drop", 0.1, {"treatment": "P-T", "module": ["conv1", "layer1.0"]}),
        ("NE-14r", "modules", "drop", 0.03, {"treatment": "P-T", "module": "layer4.2"}),
        ("NE-15", "modules", "drop", -0.1, {"treatment": "RI-T", "module": "conv1"}),
        ("NE-16a", "modules", "mu", 1e6, {"treatment": "P-T", "module": ["conv1", "layer1.0", "layer2.0"]}),
        ("NE-16b", "criticality", "error", -0.8, {"treatment": "RI-T", "module": "layer4.2"}),
    ],
)
def test_what_is_not_so_on_one_target_is_not_so(several, target, claim, table, column, by, where):
    row = judged(claim, changed(several, table, column, by, target=target, **where))
    assert row["verdict"] == "fails" and target in row["note"]
    assert all(other not in row["note"] for other in TARGETS if other != target)


@pytest.mark.parametrize("target", TARGETS[:2])
@pytest.mark.parametrize(("claim", "pair"), [("NE-11b", "P-T & RI-T"), ("NE-12", "RI-T & RI-T same init")])
def test_a_barrier_that_one_target_lacks_is_none(several, target, claim, pair):
    row = judged(claim, changed(several, "barriers", "barrier", -0.6, target=target, pair=pair))
    assert row["verdict"] == "fails" and target in row["note"]
    assert all(other not in row["note"] for other in TARGETS if other != target)


@pytest.mark.parametrize(("target", "column", "other"), [("chexpert", "auc", "top1"), ("quickdraw", "top1", "loss")])
def test_the_middle_of_a_path_is_as_good_by_the_measure_of_its_target(several, target, column, other):
    where = {"target": target, "pair": "P-T & P-T", "t": 0.5}
    assert judged("NE-13", changed(several, "path", column, -0.01, **where))["verdict"] == "fails"
    assert judged("NE-13", changed(several, "path", other, -0.01, **where))["verdict"] == "holds"


@pytest.mark.parametrize(
    ("table", "where", "claim", "missing"),
    [
        ("barriers", {"pair": "P-T & P-T"}, "NE-11a", "path between P-T & P-T on quickdraw"),
        ("path", {"t": 0.5}, "NE-13", "t = 0, 0.5 and 1 on quickdraw"),
        ("modules", {"treatment": "P-T"}, "NE-14a", "and a head on quickdraw"),
        ("modules", {"treatment": "P-T"}, "NE-16a", "P-T's modules on quickdraw"),
        ("criticality", {"treatment": "RI-T"}, "NE-16b", "RI-T's modules on quickdraw"),
    ],
)
def test_what_one_target_lacks_is_said(several, table, where, claim, missing):
    rows = getattr(several, table)
    lost = pd.Series(True, index=rows.index)
    for name, value in ({"target": "quickdraw"} | where).items():
        lost &= rows[name] == value
    row = judged(claim, dataclasses.replace(several, **{table: rows[~lost]}))
    assert row["verdict"] == claims.NOT_RUN and missing in row["note"], row["note"]
