"""The claims of Goerttler & Obermayer 2022, GO-1 to GO-18, over the tables of similarities and of training histories."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from transferscope import statistics
from transferscope.claims import Claim, Evidence, NotRun, judge
from transferscope.profiles import (
    CROSS,
    CROSS_RANDOM,
    NOISE,
    PRETRAINED,
    RANDOM,
    SAME,
    SHIFTED,
    cast,
    degrees,
    fixed_lengths,
    layers,
    profiles,
    select,
    sizes,
)

if TYPE_CHECKING:
    import pandas as pd

# which layers, of all: the paper's net has conv1 to conv4 and a head
EARLY, FIRST_TWO, PENULTIMATE = slice(0, -2), slice(0, 2), slice(-2, -1)  # conv1 to conv3, conv1 and conv2, conv4
CONVOLUTIONAL, ALL = slice(0, -1), slice(None)

UNMOVED = 0.98  # similarity of a layer that has hardly changed; the paper gives no number
CHANCE_TOLERANCE = 0.015  # accuracy, as a fraction, by which GO-4 lets it differ from chance
MEMORISING_LOSS = 0.05  # training accuracy, as a fraction, by which GO-3 lets random labels stay behind true ones


class Similarity(NamedTuple):
    """C(run, reference): similarity of the run that plays a part to its initialisation, init, or its start, pre."""

    part: str
    reference: str


@dataclass(frozen=True)
class Case:
    """What a claim is tested on, at one stage of training.

    similarity: rows of similarity.csv by one measure, from `profiles.select`. history: history.csv up to this stage.
    runs: the run that plays each part. early: the epoch that counts as early in training.
    """

    similarity: "pd.DataFrame"
    history: "pd.DataFrame"
    runs: Mapping[str, str]
    early: int

    def run(self, part: str) -> str:
        """The run that plays a part. Raises NotRun if there is none."""
        if part not in self.runs:
            raise NotRun(f"no run plays the part '{part}'")
        return self.runs[part]

    def similarities(self, *wanted: tuple[str, str]) -> np.ndarray:
        """Similarities (run, reference), (seeds, wanted, layers). Raises NotRun if no seed has all of them."""
        found = profiles(self.similarity, *wanted)
        if not len(found):
            raise NotRun(f"no seed has the similarities {', '.join(_written(*one) for one in wanted)}")
        return found

    def final(self, column: str, split: str, *runs: str) -> np.ndarray:
        """A column of the history at the end of runs, (seeds, runs). Raises NotRun if no seed has all of them."""
        rows = self.history[self.history["split"] == split].sort_values("epoch")
        last = rows.groupby(["seed", "run"])[column].last().unstack()
        found = last.reindex(columns=list(runs)).dropna().to_numpy()
        if not len(found):
            raise NotRun(f"no seed has the history of {', '.join(runs)}")
        return found


def evaluate(similarity: "pd.DataFrame", history: "pd.DataFrame", memorised: float, scale: str) -> list[dict]:
    """Every claim judged by the tables: rows with the keys `claims.COLUMNS`.

    similarity, history: the tables similarity.csv and history.csv. memorised: training accuracy, as a fraction, from
    which labels count as memorised. Verdicts are by biased CKA at the end of training, when runs that are to memorise
    their labels have done so. For claims that need this, the note says the training accuracy that was reached and the
    verdict after the same epochs for all runs; and it says where representational similarity analysis (RSA) disagrees.
    """
    end = _case(similarity, history, "cka", "end")
    fixed = _case(similarity, history, "cka", "fixed")
    lengths = fixed_lengths(similarity)
    rows = []
    for claim in CLAIMS:
        judged, same_length = judge(claim.measured, end), judge(claim.measured, fixed)
        debiased, rsa = (
            judge(claim.measured, replace(end, similarity=select(similarity, measure, "end")))["verdict"]
            for measure in ("cka_debiased", "rsa")
        )
        remarks = _memorisation(claim, end, memorised)
        if claim.memorised:
            remarks.append(f"{same_length['verdict']} after the fixed length of {_lengths(claim, lengths)}")
        if rsa != judged["verdict"]:
            remarks.append(f"by RSA: {rsa}")
        rows.append(claim.row(judged, debiased, scale, remarks))
    return rows
