"""Numbers beside the paper's, and the tables that are drawn of them: what networks ours and the paper's are is said."""

import re

import numpy as np
import pytest
from basins_figures import drawn, made
from figure_checks import texts_of, title_of

from transferscope.figures.basins import TABLES, numbers
from transferscope.tables.pairs import SHARES


def test_numbers_puts_ours_beside_the_papers():
    rows = numbers.rows(made("paper"))
    assert all(set(row) == set(numbers.COLUMNS) for row in rows)
    papers_own = [row for row in rows if row["paper"] is not None]
    assert len(papers_own) == 39 + 20 + 16 + 2 * 6 + 4 + 12
    # of the blocks of a stage, it is the last that stands beside the paper's
    errors = {numbers.GAP: 0.1, numbers.CKA: 1e-9, numbers.DISTANCE: 1e-9, numbers.LAST_AUC: 1e-9}
    # of the paper's bars and gaps, one is rounded, and both are read off a figure
    errors |= {numbers.ACCURACY: 0.5}
    for row in papers_own:
        if row["quantity"] in errors:
            assert row["ours"] == pytest.approx(row["paper"], abs=errors[row["quantity"]]), row
    ours = {(row["quantity"], row["target"], row["networks"], row["at"]): row["ours"] for row in rows}
    assert ours[numbers.CKA_BIASED, "real", "P-T & P", "layer4"] == pytest.approx(0.9 + 0.1 * 0.0453)
    assert ours[numbers.BEST_AUC, "chexpert", "P-T", ""] == pytest.approx(0.735 + 0.05)
    assert ours[numbers.CHECKPOINT_AUC, "chexpert", "P-T", 10] == pytest.approx(0.726)
    assert not any(key[1] == "chexpert" for key in ours if key[0] in (numbers.ACCURACY, numbers.CHECKPOINT))
    (row,) = (
        row for row in rows if (row["quantity"], row["target"], row["networks"]) == ("distance", "real", "P-T & P")
    )
    assert (row["paper"], row["at"], row["seeds"]) == (164.83, "total", 3)
    assert row["ours_error"] == pytest.approx(1 / np.sqrt(3))


def test_accuracies_are_beside_those_of_the_paper_that_are_without_augmentation_too():
    rows = {
        quantity: {
            (row["target"], row["networks"]): row for row in numbers.rows(made("paper")) if row["quantity"] == quantity
        }
        for quantity in (numbers.ACCURACY, numbers.AUGMENTED)
    }
    plain, augmented = (row["real", "RI-T"] for row in rows.values())
    assert (plain["paper"], augmented["paper"], augmented["ours"]) == (45.0, 61.5, None)
    assert plain["ours"] == pytest.approx(44.8, abs=0.1)
    assert set(rows[numbers.ACCURACY]) == set(rows[numbers.AUGMENTED])


def test_numbers_have_shared_mistakes_and_barriers_of_pairs():
    rows = numbers.rows(made("several"))
    found = {(row["quantity"], row["target"], row["networks"], row["at"]): row for row in rows}
    for kind, share in zip(SHARES, (15, 5, 4, 4), strict=True):
        assert found[numbers.MISTAKES, "real", "P-T & P-T", kind]["ours"] == pytest.approx(share)
    first = found[numbers.MISTAKES, "real", "RI-T & RI-T", SHARES[2]]
    assert (first["ours"], first["ours_error"]) == pytest.approx((12, 1 / np.sqrt(3)))
    assert found[numbers.JACCARD, "clipart", "RI-T & RI-T", ""]["ours"] == pytest.approx(300 / 540)
    assert found[numbers.KAPPA, "clipart", "P-T & P-T", ""]["ours"] == pytest.approx(0.7802, abs=1e-3)
    heights = {
        row["target"]: row["ours"]
        for key, row in found.items()
        if key[0] == numbers.BARRIER and key[2] == "RI-T & RI-T"
    }
    assert heights == pytest.approx({"real": 43.9, "quickdraw": 49.5}, abs=0.1)
    assert found[numbers.AUC_BARRIER, "chexpert", "RI-T & RI-T", ""]["ours"] == pytest.approx(0.23 * 0.703)
    assert found[numbers.LOSS_BARRIER, "chexpert", "RI-T & RI-T", ""]["ours"] == pytest.approx(2 * 0.23 * 0.703)


def test_numbers_of_other_targets_have_rows_of_their_own():
    rows = numbers.rows(made("demo"))
    assert not any(row["paper"] is not None and row["ours"] is not None for row in rows)
    ours = {(row["quantity"], row["target"], row["networks"], row["at"]): row["ours"] for row in rows}
    assert ours[numbers.CHECKPOINT, "rotated", "P-T", 4] == pytest.approx(65.1)
    assert ours[numbers.CKA, "sketch", "P-T & P", "fc5"] == pytest.approx(0.7)
    assert ours[numbers.CKA_BIASED, "sketch", "P-T & P", "fc5"] == pytest.approx(0.97)
    assert (numbers.GAP, "sketch", numbers.BOTH, 28) not in ours  # not shuffled


def test_tables_have_the_papers_numbers_above_ours():
    texts = [text.get_text() for text in texts_of(drawn("table1", "demo"))]
    assert {"paper: CKA", "ours, demo scale: CKA", "chexpert", "rotated", ".671", ".850"} <= set(texts)
    assert texts.count("rotated") == 1
    assert "15 of 15 stages, P-T and P more than any pair with RI-T at 15" in title_of(drawn("table1", "demo"))
    # chexpert and three others, of which it is the layers of that one that the paper has
    assert "20 of 20 stages" in title_of(drawn("table1", "paper"))
    assert title_of(drawn("table1", "paper")).endswith("at 16 (paper: 5 and 4 of 5)")
    texts = [text.get_text() for text in texts_of(drawn("table1", "paper"))]
    assert {"layer4", "conv1"} <= set(texts) and "layer4.2" not in texts
    texts = [text.get_text() for text in texts_of(drawn("table2", "demo"))]
    assert {"815.1", "29.0", "±0.6"} <= set(texts)
    assert (
        title_of(drawn("table2", "demo"))
        == "Two P-T are 0.27 times as far apart as two RI-T (paper: 0.22 to 0.78 times)"
    )
    assert "P-T ends −2.0 to +23.0 points from RI-T" in title_of(drawn("others", "demo"))
    # of targets with two classes it is AUC that counts: 73.5 and 70.3 of chexpert's
    title = "P-T ends +3.2 to +32.4 points from RI-T (paper: +3.2 to +32.2 points)"
    assert title_of(drawn("others", "paper")) == title


@pytest.mark.parametrize("name", TABLES)
def test_what_of_the_papers_numbers_is_of_other_networks_than_ours_is_said(name):
    said = " ".join(text.get_text().replace("\n", " ") for text in texts_of(drawn(name, "paper")))
    assert "CheXpert: in the paper five findings at once" in said
    assert name != "others" or "the paper's images are cropped and mirrored, too, which ours never are" in said


def test_no_number_is_minus_zero():
    rows = [row | {"ours": -0.04} if row["ours"] is not None else row for row in numbers.rows(made("demo"))]
    for name in TABLES:
        texts = [text.get_text() for text in texts_of(TABLES[name](rows, "demo"))]
        assert not [text for text in texts if re.fullmatch(r"−0?\.?0*", text)]
