"""The claims of Orhand et al. 2021 about gates to a frozen source network, QU-1 to QU-13, and controls of our own."""

from typing import TYPE_CHECKING

from transferscope.claims import NOT_RUN, judge
from transferscope.claims.quanta.evidence import Case
from transferscope.claims.quanta.statements import CLAIMS, GateClaim
from transferscope.tables import gates
from transferscope.tables.gates import GATE, SHARE

if TYPE_CHECKING:
    import pandas as pd


def evaluate(final: "pd.DataFrame", history: "pd.DataFrame", last_epochs: int, scale: str) -> list[dict]:
    """Every claim judged by the tables final.csv and history.csv: rows with the keys `claims.COLUMNS`.

    A seed is a source network; what is judged in it is the mean over the repeats beside it. A seed that lacks a network
    is left out. A claim about gates is judged by λ_S, as in the paper; as large weights can make up for a small λ_S,
    the note quotes the effect and the verdict by the functional share, too.
    last_epochs: of how many epochs the values in final.csv are means.
    """
    complete = gates.complete_seeds(final)
    course = history[history["seed"].isin(complete["seed"])]
    rows = []
    for claim in CLAIMS:
        judged, remarks = judge(claim.measured, Case(complete, course, GATE, last_epochs, scale)), []
        if isinstance(claim, GateClaim):
            by_share = judge(claim.measured, Case(complete, course, SHARE, last_epochs, scale))
            if by_share["verdict"] != NOT_RUN:
                remarks.append(f"by functional share: {by_share['effect']:.3g}, {by_share['verdict']}")
        rows.append(claim.row(judged, None, scale, remarks))
    return rows
