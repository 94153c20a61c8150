"""The claims of Neyshabur et al. 2020 on what is transferred, NE-1 to NE-17, over the tables of this paper."""

from collections.abc import Mapping

from transferscope.claims import judge
from transferscope.claims.basins.case import Case
from transferscope.claims.basins.statements import CLAIMS
from transferscope.tables.pairs import Tables


def evaluate(tables: Tables, roles: Mapping[str, str], scale: str) -> list[dict]:
    """Every claim judged by the tables: rows with the keys `claims.COLUMNS`.

    roles: for each target what it is to the source, related (as the paper's real and clipart) or far (as quickdraw).
    A value of a seed is the mean over the instances that it has of a network, but where block sizes or checkpoints are
    compared: there it is the first instance's, as there is no other of most. Verdicts on CKA are by its debiased
    estimator, as conv1 has far more features than there are images, which makes biased CKA high whatever the networks
    do; the verdict by that is in the note. A claim whose name ends in r is a weaker form of the one before it, and
    ours: it speaks for itself alone.
    """
    case, biased = (Case(tables, roles, estimator) for estimator in ("cka_debiased", "cka"))
    rows = []
    for claim in CLAIMS:
        judged, by_debiased, remarks = judge(claim.measured, case), None, []
        if claim.of_similarity:
            by_debiased = judged["verdict"]
            remarks = [f"by biased CKA: {judge(claim.measured, biased)['verdict']}"]
        rows.append(claim.row(judged, by_debiased, scale, remarks))
    return rows
