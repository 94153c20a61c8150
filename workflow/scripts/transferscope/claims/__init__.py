"""The papers' claims as predicates over tables, judged by one rule; one file per paper says what each claim measures.

A claim is one inequality or several joined by "and". It is judged by what was measured in each seed, with
`statistics.verdict`: all its inequalities must be true of the means over seeds, and of bootstrap resamples over seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from transferscope import statistics

Case = TypeVar("Case")  # what a paper tests its claims on

NOT_RUN = "not run at this scale"
COLUMNS = (
    "claim",  # its name, e.g. TAS-1
    "statement",  # in the paper's terms
    "tested",  # the same, in terms of what was run
    "measure",  # what `effect` is
    "effect",  # of the weakest inequality, mean over seeds
    "low",  # 95 % bootstrap interval of the effect over seeds
    "high",
    "support",  # share of bootstrap resamples over seeds in which every inequality is true
    "verdict",  # holds | mean only | fails | not run at this scale
    "debiased_verdict",  # the verdict by debiased CKA, whichever estimator `verdict` is by; empty without CKA
    "seeds",
    "scale",
    "note",
)


class NotRun(Exception):
    """What a claim speaks of was not run; the message says what is missing."""


@dataclass(frozen=True)
class Evidence:
    """What was measured for a claim, which says that it is above (or below) a limit.

    values: (seeds,) or, for a claim of several inequalities, (seeds, ...).
    names: of the inequalities, in the order of `values`; may be left out.
    """

    values: np.ndarray
    tested: str
    limit: float = 0.0
    below: bool = False
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Claim:
    """One predicate: what it says, what is measured for it, and what to bear in mind, always and at demo scale."""

    name: str
    statement: str
    measure: str
    measured: Callable[[Case], Evidence]
    caveat: str = ""
    at_demo: str = ""

    def row(self, judged: dict, debiased_verdict: str | None, scale: str, remarks: Sequence[str] = ()) -> dict:
        """The claim's row, with the keys `COLUMNS`.

        judged: from `judge`. debiased_verdict: None for a claim that is not about CKA. remarks: for its note, less
        empty ones.
        """
        notes = (judged["note"], *remarks, self.caveat, self.at_demo if scale == "demo" else "")
        return {
            "claim": self.name,
            "statement": self.statement,
            "measure": self.measure,
            **judged,
            "debiased_verdict": debiased_verdict,
            "scale": scale,
            "note": "; ".join(filter(None, notes)),
        }


def judge(measured: Callable[[Case], Evidence], case: Case) -> dict:
    """What a case says of a claim: tested, effect, low, high, support, verdict, seeds and note, as in `COLUMNS`.

    The weakest inequality is the one with the smallest mean margin; the note names it, if it has a name, and says how
    many are true in the mean, if not all are.
    measured: returns the claim's evidence in a case, or raises NotRun. What is unknown is None.
    """
    try:
        evidence = measured(case)
    except NotRun as missing:
        unknown = dict.fromkeys(("effect", "low", "high", "support"))
        return {"tested": "", **unknown, "verdict": NOT_RUN, "seeds": 0, "note": str(missing)}
    values = np.asarray(evidence.values, dtype=np.float64)
    values = values.reshape(len(values), -1)
    margins = (evidence.limit - values) if evidence.below else (values - evidence.limit)
    weakest = int(margins.mean(axis=0).argmin())
    several = len(values) > 1
    low, high = statistics.bootstrap_interval(values[:, weakest]) if several else (None, None)
    true = margins.mean(axis=0) > 0
    notes = (
        f"weakest: {evidence.names[weakest]}" if len(evidence.names) > 1 else "",
        "" if true.all() or true.size == 1 else f"true in the mean: {true.sum()} of {true.size} inequalities",
        "" if several else "one seed can agree in the mean, not more",
    )
    return {
        "tested": evidence.tested,
        "effect": float(values[:, weakest].mean()),
        "low": low,
        "high": high,
        "support": statistics.support(margins) if several else None,
        "verdict": statistics.verdict(margins),
        "seeds": len(values),
        "note": "; ".join(filter(None, notes)),
    }
