"""The papers' claims as predicates over tables, judged by one rule; a file or folder per paper says what each measures.

A claim is one inequality or several joined by "and", or alternatives of these. It is judged by what was measured in
each seed, with `statistics.verdict`: all its inequalities must be true of the means over seeds, and of bootstrap
resamples over seeds. What was measured in pairs of networks, one network a seed, is resampled by networks.
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
    "effect",  # of the weakest inequality, mean over seeds, or over pairs of networks
    "low",  # 95 % bootstrap interval of the effect over seeds
    "high",
    "support",  # share of bootstrap resamples over seeds in which every inequality is true
    "verdict",  # holds | mean only | fails | not run at this scale
    "debiased_verdict",  # the verdict by debiased CKA, whichever estimator `verdict` is by; empty without CKA
    "seeds",  # of how many seeds the evidence is
    "scale",
    "note",
)


class NotRun(Exception):
    """What a claim speaks of was not run; the message says what is missing."""


@dataclass(frozen=True)
class Evidence:
    """What was measured for a claim, which says that it is above (or below) a limit.

    values: (seeds,) or, for a claim of several inequalities, (seeds, ...).
    alternatives: in how many equally large sets these inequalities are, one set after the other, where the claim says
        that those of one set are true, whichever it is.
    names: of the inequalities, in the order of `values`; may be left out.
    pairs: of which two networks each value is, by their seeds, where it is not of one seed.
    note: what to bear in mind about it; may be left out.
    """

    values: np.ndarray
    tested: str
    limit: float = 0.0
    below: bool = False
    names: Sequence[str] = ()
    pairs: statistics.Pairs | None = None
    alternatives: int = 1
    note: str = ""


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

    The weakest inequality is the one with the smallest mean margin; of alternatives, that of the one where this margin
    is largest. The note names it, if it has a name, and says how many are true in the mean, if not all are.
    measured: returns the claim's evidence in a case, or raises NotRun. What is unknown is None.
    """
    try:
        evidence = measured(case)
    except NotRun as missing:
        unknown = dict.fromkeys(("effect", "low", "high", "support"))
        return {"tested": "", **unknown, "verdict": NOT_RUN, "seeds": 0, "note": str(missing)}
    values = np.asarray(evidence.values, dtype=np.float64)
    values = values.reshape(len(values), evidence.alternatives, -1)
    margins = (evidence.limit - values) if evidence.below else (values - evidence.limit)
    means = margins.mean(axis=0)
    best = int(means.min(axis=1).argmax())
    weakest, true = int(means[best].argmin()), means[best] > 0
    effects, name = values[:, best, weakest], best * values.shape[2] + weakest
    several, pairs = len(values) > 1, evidence.pairs
    low, high = statistics.bootstrap_interval(effects, pairs=pairs) if several else (None, None)
    seeds = len(values) if pairs is None else len(np.unique(pairs))
    notes = (
        f"weakest: {evidence.names[name]}" if len(evidence.names) > 1 else "",
        "" if true.all() or true.size == 1 else f"true in the mean: {true.sum()} of {true.size} inequalities",
        "" if pairs is None or not several else f"{len(values)} pairs of {seeds} networks, resampled by network",
        "" if several else f"one {'seed' if pairs is None else 'pair'} can agree in the mean, not more",
        evidence.note,
    )
    return {
        "tested": evidence.tested,
        "effect": float(effects.mean()),
        "low": low,
        "high": high,
        "support": statistics.support(margins, pairs) if several else None,
        "verdict": statistics.verdict(margins, pairs),
        "seeds": seeds,
        "note": "; ".join(filter(None, notes)),
    }
