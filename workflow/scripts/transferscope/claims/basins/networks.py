"""What is measured of networks and of pairs of them: similarity, distance, mistakes, the path between, the modules.

A claim about several targets must be true of each of them. Accuracies are fractions: 0.01 is one point.
"""

import itertools

import numpy as np

from transferscope.claims import Evidence, NotRun
from transferscope.claims.basins.case import Case, Measured, evidence, expect, points, rank_correlation
from transferscope.tables import pairs
from transferscope.terms.basins import (
    DIRECT,
    MIXED_PAIR,
    SCRATCH,
    SCRATCH_AND_P,
    SCRATCH_PAIR,
    TOTAL,
    TUNED,
    TUNED_AND_P,
    TUNED_PAIR,
)

IN_ONE_BASIN, BETWEEN_BASINS = 0.01, 0.2  # barriers
HARMLESS, CRITICAL = 0.015, 0.1  # drops of accuracy
MOST = 0.5  # share of the seeds
ROUNDING = 1e-9


def tuned_pairs_are_similar(case: Case) -> Evidence:
    """P-T & P-T are more similar than P-T & P, and these more than any pair with RI-T, at all stages but the last."""
    orders = [(TUNED_PAIR, TUNED_AND_P), (TUNED_AND_P, MIXED_PAIR), (TUNED_AND_P, SCRATCH_PAIR)]
    names = case.targets(case.tables.similarity)
    found, stages = {}, []
    for target in names:
        cka = {pair: case.cka(target, pair) for pair in (TUNED_PAIR, TUNED_AND_P, MIXED_PAIR, SCRATCH_PAIR)}
        for pair, values in cka.items():
            expect(values, f"the CKA of {pair} on {target}")
        *stages, _last = cka[TUNED_AND_P]
        for stage, (higher, lower) in itertools.product(stages, orders):
            found[f"{higher} > {lower} at {stage} on {target}"] = cka[higher][stage] - cka[lower][stage]
    tested = f"CKA of {TUNED_PAIR} > {TUNED_AND_P} > each of {MIXED_PAIR} and {SCRATCH_PAIR}"
    return evidence(found, f"{tested} at {', '.join(stages)}, on {', '.join(names)}")


def similarity_falls_with_depth(case: Case) -> Evidence:
    """CKA of P-T & P falls from each stage to the next."""
    names, found, stages = case.targets(case.tables.similarity), {}, []
    for target in names:
        cka = case.cka(target, TUNED_AND_P)
        expect(cka, f"the CKA of {TUNED_AND_P} on {target}")
        stages = list(cka)
        for upper, lower in itertools.pairwise(stages):
            found[f"{upper} > {lower} on {target}"] = cka[upper] - cka[lower]
    tested = f"CKA of {TUNED_AND_P} falls from each of {', '.join(stages)} to the next"
    return evidence(found, f"{tested}, on {', '.join(names)}")


def fine_tuned_stay_near(case: Case) -> Evidence:
    """Two P-T are nearer to each other than two RI-T, and P-T nearer to P than RI-T."""
    names, found = case.targets(case.tables.distance), {}
    for target in names:
        distances = pairs.by_seed(case.tables.distance, "distance", "pair", target=target, module=TOTAL)
        for near, apart in ((TUNED_PAIR, SCRATCH_PAIR), (TUNED_AND_P, SCRATCH_AND_P)):
            if near not in distances or apart not in distances:
                raise NotRun(f"no seed has the distances of {near} and {apart} on {target}")
            found[f"{near} < {apart} on {target}"] = distances[apart] - distances[near]
    tested = f"distances of {TUNED_PAIR} < {SCRATCH_PAIR} and {TUNED_AND_P} < {SCRATCH_AND_P}"
    return evidence(found, f"{tested} on {', '.join(names)}")


def more_mistakes_shared(column: str) -> Measured:
    """Two P-T share more mistakes than two RI-T, by one measure."""

    def measured(case: Case) -> Evidence:
        found = {}
        for target in case.targets(case.tables.mistakes):
            shared = pairs.by_seed(case.tables.mistakes, column, "pair", target=target)
            if TUNED_PAIR not in shared or SCRATCH_PAIR not in shared:
                raise NotRun(f"no seed has the mistakes of {TUNED_PAIR} and {SCRATCH_PAIR} on {target}")
            found[target] = shared[TUNED_PAIR] - shared[SCRATCH_PAIR]
        return evidence(found, f"{column} of {TUNED_PAIR} > that of {SCRATCH_PAIR} on {', '.join(found)}")

    return measured


def one_basin(case: Case) -> Evidence:
    """There is no barrier between two P-T."""
    (tuned,) = case.barriers(TUNED_PAIR)
    return evidence({TUNED_PAIR: tuned}, f"barrier of {TUNED_PAIR} < {points(IN_ONE_BASIN)}", IN_ONE_BASIN, below=True)


def barrier_between(*names: str) -> Measured:
    """There is a barrier between the networks of each of these pairs."""

    def measured(case: Case) -> Evidence:
        found = dict(zip(names, case.barriers(*names), strict=True))
        return evidence(found, f"barrier of {' and of '.join(names)} > {points(BETWEEN_BASINS)}", BETWEEN_BASINS)

    return measured


def lower_barrier(case: Case) -> Evidence:
    """The barrier between two P-T is less than half as high as that between two RI-T."""
    tuned, scratch = case.barriers(TUNED_PAIR, SCRATCH_PAIR)
    tested = f"half the barrier of {SCRATCH_PAIR} > that of {TUNED_PAIR}"
    return evidence({tested: scratch / 2 - tuned}, tested)


def better_in_the_middle(case: Case) -> Evidence:
    """The network midway between two P-T is no worse than either of them."""
    path = pairs.by_seed(case.tables.path, "top1", "t", pair=TUNED_PAIR)
    places = {at: [t for t in path if np.isclose(t, at)] for at in (0, 0.5, 1)}
    if not all(places.values()):
        raise NotRun(f"no seed has the path between {TUNED_PAIR} at t = 0, 0.5 and 1")
    start, middle, end = (path[found[0]] for found in places.values())
    found = {"middle >= start": middle - start, "middle >= end": middle - end}
    return evidence(found, f"accuracy between {TUNED_PAIR}: {' and '.join(found)}", -ROUNDING)


def head_and_last_are_critical(case: Case) -> Evidence:
    """Rewinding the head, or the last module below it, costs P-T more than rewinding any other module."""
    drops = case.drops(TUNED)
    *others, last, head = drops
    found = {f"{most} > {less}": drops[most] - drops[less] for most in (head, last) for less in others}
    return evidence(found, f"drops of P-T by {head} and by {last} > those by {', '.join(others)}")


def first_is_harmless(case: Case) -> Evidence:
    """Rewinding the first module costs P-T little."""
    drops = case.drops(TUNED)
    first = drops.columns[0]
    tested = f"drop of P-T by {first} < {points(HARMLESS)}"
    return evidence({first: drops[first]}, tested, HARMLESS, below=True)


def drops_rise_with_depth(case: Case) -> Evidence:
    """What rewinding a module costs P-T rises with its depth."""
    drops = case.drops(TUNED)
    tested = f"rank correlation of depth and drop of P-T > 0, {', '.join(drops)}"
    return evidence({TUNED: rank_correlation(drops)}, tested)


def head_is_most_critical(case: Case) -> Evidence:
    """Rewinding the head costs P-T most, rewinding the first module little."""
    drops = case.drops(TUNED)
    first, head = drops.columns[[0, -1]]
    found = {f"{head} > {module}": drops[head] - drops[module] for module in drops.columns[:-1]}
    found |= {f"{first} < {points(HARMLESS)}": HARMLESS - drops[first]}
    tested = f"drop of P-T by {head} > that by any other module, and that by {first} < {points(HARMLESS)}"
    return evidence(found, tested)


def first_is_critical(case: Case) -> Evidence:
    """Rewinding the first module costs RI-T most, or second most, and much."""
    drops = case.drops(SCRATCH)
    first, *others = drops
    second = drops[others].apply(lambda row: row.nlargest(2).iloc[-1], axis=1)
    names = [f"drop by {first} > second largest of the others", f"drop by {first} > {points(CRITICAL)}"]
    found = dict(zip(names, (drops[first] - second, drops[first] - CRITICAL), strict=True))
    return evidence(found, f"RI-T: {' and '.join(names)}")


def criticality_rises_with_depth(case: Case) -> Evidence:
    """Criticality mu of P-T's modules, on the direct path, rises with their depth."""
    # what bears no noise anywhere is more critical than all else
    mu = pairs.by_module(case.tables.modules, TUNED, "mu", DIRECT, unknown=np.inf)
    expect(mu, "the criticality of P-T's modules")
    tested = f"rank correlation of depth and mu of P-T > 0, {', '.join(mu)}"
    return evidence({TUNED: rank_correlation(mu)}, tested)


def valleys_open_late(case: Case) -> Evidence:
    """No module of RI-T is within its valley at its initial value already, in most seeds.

    A seed says yes or no. Alpha itself is never below 0: its mean would be above as soon as it is in a single seed.
    """
    opening = pairs.opening(case.tables.criticality, SCRATCH)
    expect(opening, "the valleys of RI-T's modules")
    late = (opening > 0).astype(float)
    tested = "the valley of RI-T opens at alpha > 0, on the direct path and with the least noise, in most seeds, at"
    return evidence(dict(late.items()), f"{tested} {', '.join(late)}", MOST)
