"""The claims of Neyshabur et al. 2020 on what is transferred, NE-1 to NE-17, over the tables of this paper."""

from collections.abc import Mapping

from transferscope.claims import judge
from transferscope.claims.basins.case import Case
from transferscope.claims.basins.statements import CLAIMS
from transferscope.tables.pairs import Tables


def evaluate(tables: Tables, roles: Mapping[str, str], scale: str) -> list[dict]:
    """Every claim judged by the tables: rows with the keys `claims.COLUMNS`.

    roles: for each target what it is to the source, related (as the paper's real and clipart) or far (as quickdraw).
    A value of a seed is the mean over the instances that it has of a network. Verdicts on CKA are by its biased
    estimator. A claim whose name ends in r is a weaker form of the one before it, and ours: it speaks for itself alone.
    """
    case, debiased = (Case(tables, roles, estimator) for estimator in ("cka", "cka_debiased"))
    rows = []
    for claim in CLAIMS:
        by_debiased = judge(claim.measured, debiased)["verdict"] if claim.of_similarity else None
        rows.append(claim.row(judge(claim.measured, case), by_debiased, scale))
    return rows
