"""The claims of Goerttler & Obermayer 2022, GO-1 to GO-18, over tables of similarity and of training history."""

from typing import TYPE_CHECKING

import numpy as np

from transferscope.claims import NOT_RUN, judge
from transferscope.claims.similarity.evidence import Case
from transferscope.claims.similarity.statements import CLAIMS

if TYPE_CHECKING:
    import pandas as pd


def evaluate(similarity: "pd.DataFrame", history: "pd.DataFrame", scale: str, memorised: float) -> list[dict]:
    """Every claim judged by the tables: rows with the keys `claims.COLUMNS`.

    similarity, history: the tables similarity.csv and history.csv. memorised: training accuracy, as a fraction, from
    which labels count as memorised.
    Verdicts are by biased CKA when training has ended, so that runs that are to memorise their labels have done so. The
    note says which training accuracy was reached, what the verdict is when all runs have trained for the same epochs,
    and where representational similarity analysis (RSA), the second measure, disagrees.
    """
    end, fixed, debiased, rsa = (
        Case.at(similarity, history, measure, stage)
        for measure, stage in (("cka", "end"), ("cka", "fixed"), ("cka_debiased", "end"), ("rsa", "end"))
    )
    rows = []
    for claim in CLAIMS:
        judged, remarks = judge(claim.measured, end), []
        if claim.accuracy_of and judged["verdict"] != NOT_RUN:
            remarks += [_memorisation(end, end.run(part), memorised) for part in claim.accuracy_of]
            remarks.append(f"verdict at the fixed number of epochs: {judge(claim.measured, fixed)['verdict']}")
        by_rsa = judge(claim.measured, rsa)["verdict"]
        if by_rsa != judged["verdict"]:
            remarks.append(f"by RSA: {by_rsa}")
        rows.append(claim.row(judged, judge(claim.measured, debiased)["verdict"], scale, remarks))
    return rows


def _memorisation(case: Case, run: str, memorised: float) -> str:
    """The training accuracy that a run ended with, after how many epochs, and whether its labels were memorised."""
    accuracy, epochs = (case.final(column, "train", run)[:, 0] for column in ("top1", "epoch"))
    span = " to ".join(dict.fromkeys(f"{epoch:g}" for epoch in (epochs.min(), epochs.max())))
    reached = f"training accuracy of {run} {accuracy.mean():.1%} after {span} epochs"
    short = np.count_nonzero(accuracy < memorised)
    return reached + (f", below {memorised:.1%} in {short} of {len(accuracy)} seeds: not memorised" if short else "")
