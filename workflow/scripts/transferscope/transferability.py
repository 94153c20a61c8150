"""Transferability Score (TAs): how much the similarity of a network's layers changes when it is fine-tuned."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from transferscope.errors import InputError
from transferscope.similarity import ESTIMATORS, Grams, HalfSamples, cka_estimates, interval


def tas(m1: np.ndarray, m2: np.ndarray) -> float:
    """Transferability Score: mean absolute change of the similarity of layers under fine-tuning.

    TAs = sum_ij |M1_ij - M2_ij| / N^2 (Magai & Soroka 2023, section 3); lower means that less had to change.

    m1: (N, N) CKA between the source model's layers.
    m2: (N, N) CKA between the source model's layers (rows) and the fine-tuned model's (columns), in the same order.
    Returns a score in [0, 1] for biased CKA.
    Raises InputError if the shapes differ or an entry is not finite.
    """
    return float(layer_change(m1, m2).mean())


def tas_without(m1: np.ndarray, m2: np.ndarray, left_out: np.ndarray) -> float:
    """TAs over the layers that are not left out, e.g. without the new head; left_out: (N,) bool."""
    kept = np.flatnonzero(~np.asarray(left_out, bool))
    if len(left_out) != len(m1) or not kept.size:
        raise InputError(
            f"left_out: expected {len(m1)} booleans, at least one of them False, "
            f"found {len(left_out)} of which {kept.size} are False"
        )
    return float(layer_change(m1, m2)[np.ix_(kept, kept)].mean())


def tas_diagonal(m1: np.ndarray, m2: np.ndarray) -> float:
    """Mean absolute change of each layer's similarity with itself alone: sum_i |M1_ii - M2_ii| / N."""
    return float(layer_change(m1, m2).diagonal().mean())


def layer_change(m1: np.ndarray, m2: np.ndarray) -> np.ndarray:
    """|M'| = |M1 - M2|, (N, N). Raises InputError as `tas` does."""
    if m1.ndim != 2 or m1.shape[0] != m1.shape[1] or m1.shape != m2.shape:
        raise InputError(
            f"expected two (N, N) matrices over the same layers, found {m1.shape} and {m2.shape}: "
            "capture both models with the same selection of layers"
        )
    change = np.abs(m1 - m2)
    undefined = np.count_nonzero(~np.isfinite(change))
    if undefined:
        raise InputError(f"similarity is not finite for {undefined} of {change.size} pairs: is a layer constant?")
    return change


class Comparison(NamedTuple):
    """One checkpoint of one fine-tuning against the source model.

    m2: by estimator, (N, N) CKA between the source model's layers (rows) and the checkpoint's (columns).
    rows: by estimator, one each, with the keys seed, checkpoint, estimator, layers (N), tas, tas_without_head,
        tas_diagonal, low, high (95 % interval of tas over the choice of examples) and null (TAs between this
        fine-tuning and one that differs in nothing but the seed). low, high and null are None but at the last
        checkpoint, null also where there is no other seed.
    """

    seed: int
    checkpoint: str
    m2: dict[str, np.ndarray]
    rows: list[dict]


def compare_fine_tunings(
    source: Grams,
    tuned: Mapping[int, Mapping[str, Callable[[], Grams]]],
    head: np.ndarray,
    batch: int = 32,
    resamples: int = 200,
) -> Iterator[Comparison]:
    """Compare every checkpoint of every fine-tuning of one source model with the source model.

    tuned: by seed, then by checkpoint in the order of training, what reads the checkpoint's Gram matrices, over the
        same layers and examples as the source's. At most two sets of them are held beside the source's.
    head: (N,) bool, the layers that hand on the network's output, which a new head changed.
    batch: of the minibatch estimator. resamples: half-samples of the examples behind the interval.
    Raises InputError if the layers differ, and as `cka_estimates` and `HalfSamples` do.
    """
    m1 = cka_estimates(source, batch=batch)
    halves = HalfSamples(source, resamples, batch)
    seeds = list(tuned)
    for seed, other in zip(seeds, seeds[1:] + seeds[:1], strict=True):
        last = list(tuned[seed])[-1]
        for checkpoint, read in tuned[seed].items():
            grams = read()
            m2 = cka_estimates(source, grams, batch)
            scores = {estimator: _scores(m1[estimator], m2[estimator], head) for estimator in ESTIMATORS}
            if checkpoint == last:
                _add_intervals(scores, halves, grams)
                if other != seed:
                    _add_null(scores, grams, tuned[other][last](), batch)
            rows = [
                {"seed": seed, "checkpoint": checkpoint, "estimator": estimator, "layers": len(head), **values}
                for estimator, values in scores.items()
            ]
            yield Comparison(seed, checkpoint, m2, rows)


def _scores(m1: np.ndarray, m2: np.ndarray, head: np.ndarray) -> dict[str, float | None]:
    return {
        "tas": tas(m1, m2),
        "tas_without_head": tas_without(m1, m2, head),
        "tas_diagonal": tas_diagonal(m1, m2),
        "low": None,
        "high": None,
        "null": None,
    }


def _add_intervals(scores: dict[str, dict], halves: HalfSamples, tuned: Grams) -> None:
    draws = [
        {estimator: tas(m1[estimator], m2[estimator]) for estimator in ESTIMATORS} for m1, m2 in halves.compare(tuned)
    ]
    for estimator, values in scores.items():
        values["low"], values["high"] = interval(values["tas"], [draw[estimator] for draw in draws])


def _add_null(scores: dict[str, dict], tuned: Grams, other: Grams, batch: int) -> None:
    within, between = cka_estimates(tuned, batch=batch), cka_estimates(tuned, other, batch)
    for estimator, values in scores.items():
        values["null"] = tas(within[estimator], between[estimator])
