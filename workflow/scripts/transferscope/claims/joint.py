"""Claims of this project, J-1 to J-3: what three papers measure of a layer gives layers the same order.

No paper makes them: each measures but one of the three.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transferscope.claims import NOT_RUN, Claim, Evidence, NotRun, judge
from transferscope.tables import joint

if TYPE_CHECKING:
    import pandas as pd

FEWEST_LAYERS = 3  # two are ordered alike half the time


@dataclass(frozen=True)
class Case:
    """What a claim is tested on: the table joint.csv, and the column of it that each of the measures is taken from."""

    table: "pd.DataFrame"
    gate: str = "lambda_source"
    change: str = "cka_change"
    accuracy: str = joint.ACCURACY

    def correlation(self, x: str, y: str, below: bool) -> Evidence:
        """Rank correlation of two measures over layers, to be above zero or below it, (seeds,).

        Raises NotRun if there are too few layers.
        """
        numbers = sorted(self.table["n"].unique().tolist())
        if len(numbers) < FEWEST_LAYERS:
            raise NotRun(f"an order needs {FEWEST_LAYERS} layers or more, found {len(numbers)}")
        x, y = getattr(self, x), getattr(self, y)
        layers = ", ".join(map(str, numbers))
        names = " and ".join(measure.replace("_", " ") for measure in (x, y))
        tested = f"rank correlation of {names} over layers {layers} {'<' if below else '>'} 0"
        return Evidence(joint.by_seed(self.table, x, y), tested, below=below)


@dataclass(frozen=True)
class LayerClaim(Claim):
    """A claim, and the two of the case's measures that it compares."""

    compared: tuple[str, str] = ("", "")


def evaluate(table: "pd.DataFrame", scale: str) -> list[dict]:
    """Every claim judged by the table joint.csv: rows with the keys `claims.COLUMNS`.

    What is judged in a seed is the rank correlation over layers, mean over both directions. The note says in how many
    orders of the layers they are correlated as much, and what the functional share says in place of lambda_S.
    """
    rows = []
    for claim in CLAIMS:
        case = Case(table)
        judged, remarks, debiased = judge(claim.measured, case), [], None
        if judged["verdict"] != NOT_RUN:
            x, y = (getattr(case, measure) for measure in claim.compared)
            remarks.append(f"permutation test over layers: p = {joint.chance(table, x, y):.2g}")
            if "gate" in claim.compared:
                by_share = judge(claim.measured, Case(table, gate="share"))
                remarks.append(f"by the functional share: {by_share['effect']:.3g}, {by_share['verdict']}")
        if "change" in claim.compared:
            debiased = judge(claim.measured, Case(table, change="cka_change_debiased"))["verdict"]
        rows.append(claim.row(judged, debiased, scale, remarks))
    return rows


def _claim(name: str, statement: str, x: str, y: str, below: bool = False) -> LayerClaim:
    return LayerClaim(
        name,
        statement,
        "rank correlation",
        lambda case: case.correlation(x, y, below),
        caveat="this project's claim; two measures that both follow depth agree, whatever else they have in common",
        compared=(x, y),
    )


CLAIMS = (
    _claim("J-1", "layers with a higher lambda_S keep more accuracy when they are frozen", "gate", "accuracy"),
    _claim("J-2", "layers with a higher lambda_S change less when they are fine-tuned", "gate", "change", below=True),
    _claim(
        "J-3",
        "layers that change less when they are fine-tuned keep more accuracy when they are frozen",
        "change",
        "accuracy",
        below=True,
    ),
)
