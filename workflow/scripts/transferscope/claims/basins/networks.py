"""What is measured of networks and of pairs of them: similarity, distance, mistakes, the path between, the modules.

A claim about several targets must be true of each of them. Accuracies are fractions: 0.01 is one point.
"""

import itertools

import numpy as np

from transferscope.claims import Evidence, NotRun
from transferscope.claims.basins.case import Case, Measured, evidence, expect, points, rank_correlation
from transferscope.tables import pairs
from transferscope.tables.pairs import IN_HISTORY
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
    found = {target: tuned for target, (tuned,) in case.barriers(TUNED_PAIR).items()}
    tested = f"barrier of {TUNED_PAIR} < {points(IN_ONE_BASIN)} on {case.names(found)}"
    return evidence(found, tested, IN_ONE_BASIN, below=True)


def barrier_between(*names: str) -> Measured:
    """There is a barrier of accuracy between the networks of each of these pairs."""

    def measured(case: Case) -> Evidence:
        heights = case.by_accuracy(case.barriers(*names))
        found = {
            f"{pair} on {target}": barrier
            for target, barriers in heights.items()
            for pair, barrier in zip(names, barriers, strict=True)
        }
        limit = f"{points(BETWEEN_BASINS)} of accuracy"
        tested = f"barrier of {' and of '.join(names)} > {limit} on {', '.join(heights)}"
        return evidence(found, tested, BETWEEN_BASINS)

    return measured


def lower_barrier(case: Case) -> Evidence:
    """The barrier between two P-T is less than half as high as that between two RI-T."""
    heights = case.barriers(TUNED_PAIR, SCRATCH_PAIR)
    found = {target: scratch / 2 - tuned for target, (tuned, scratch) in heights.items()}
    return evidence(found, f"half the barrier of {SCRATCH_PAIR} > that of {TUNED_PAIR} on {case.names(found)}")


def better_in_the_middle(case: Case) -> Evidence:
    """The network midway between two P-T is no worse than either of them."""
    names, found = case.targets(case.tables.path), {}
    for target in names:
        column = IN_HISTORY[pairs.measure(case.tables.accuracy, target)]
        path = pairs.by_seed(case.tables.path, column, "t", target=target, pair=TUNED_PAIR)
        places = {at: [t for t in path if np.isclose(t, at)] for at in (0, 0.5, 1)}
        if not all(places.values()):
            raise NotRun(f"no seed has the path between {TUNED_PAIR} at t = 0, 0.5 and 1 on {target}")
        start, middle, end = (path[at[0]] for at in places.values())
        found |= {f"middle >= start on {target}": middle - start, f"middle >= end on {target}": middle - end}
    tested = f"accuracy between {TUNED_PAIR}: middle >= start and middle >= end on {case.names(names)}"
    return evidence(found, tested, -ROUNDING)


def head_and_last_are_critical(case: Case) -> Evidence:
    """Rewinding the head, or the last module below it, costs P-T more than rewinding any other module."""
    rewound, found = case.drops(TUNED), {}
    for target, drops in rewound.items():
        *others, last, head = drops
        for most, less in itertools.product((head, last), others):
            found[f"{most} > {less} on {target}"] = drops[most] - drops[less]
    tested = f"drops of P-T by {head} and by {last} > those by {', '.join(others)}"
    return evidence(found, f"{tested} on {case.names(rewound)}")


def first_is_harmless(case: Case) -> Evidence:
    """Rewinding the first module costs P-T little."""
    rewound = case.drops(TUNED)
    (first,) = {drops.columns[0] for drops in rewound.values()}
    found = {target: drops[first] for target, drops in rewound.items()}
    tested = f"drop of P-T by {first} < {points(HARMLESS)} on {case.names(found)}"
    return evidence(found, tested, HARMLESS, below=True)


def drops_rise_with_depth(case: Case) -> Evidence:
    """What rewinding a module costs P-T rises with its depth."""
    rewound = case.drops(TUNED)
    found = {target: rank_correlation(drops) for target, drops in rewound.items()}
    return evidence(found, f"rank correlation of depth and drop of P-T > 0 on {case.names(rewound)}")


def head_is_most_critical(case: Case) -> Evidence:
    """Rewinding the head costs P-T most, rewinding the first module little."""
    rewound, found = case.drops(TUNED), {}
    for target, drops in rewound.items():
        first, head = drops.columns[[0, -1]]
        for module in drops.columns[:-1]:
            found[f"{head} > {module} on {target}"] = drops[head] - drops[module]
        found[f"{first} < {points(HARMLESS)} on {target}"] = HARMLESS - drops[first]
    tested = f"drop of P-T by {head} > that by any other module, and that by {first} < {points(HARMLESS)}"
    return evidence(found, f"{tested} on {case.names(rewound)}")


def first_is_critical(case: Case) -> Evidence:
    """Rewinding the first module costs RI-T most, or second most, and much."""
    rewound, found = case.drops(SCRATCH), {}
    for target, drops in rewound.items():
        first, *others = drops
        second = drops[others].apply(lambda row: row.nlargest(2).iloc[-1], axis=1)
        found[f"drop by {first} > second largest of the others on {target}"] = drops[first] - second
        found[f"drop by {first} > {points(CRITICAL)} on {target}"] = drops[first] - CRITICAL
    tested = f"RI-T: drop by {first} > second largest of the others and > {points(CRITICAL)}"
    return evidence(found, f"{tested} on {case.names(rewound)}")


def criticality_rises_with_depth(case: Case) -> Evidence:
    """Criticality mu of P-T's modules, on the direct path, rises with their depth."""
    found = {}
    for target in case.targets(case.tables.modules):
        # what bears no noise anywhere is more critical than all else
        mu = pairs.by_module(case.tables.modules, target, TUNED, "mu", DIRECT, unknown=np.inf)
        expect(mu, f"the criticality of P-T's modules on {target}")
        found[target] = rank_correlation(mu)
    return evidence(found, f"rank correlation of depth and mu of P-T > 0 on {', '.join(found)}")


def valleys_open_late(case: Case) -> Evidence:
    """No module of RI-T is within its valley at its initial value already, in most seeds.

    A seed says yes or no. Alpha itself is never below 0: its mean would be above as soon as it is in a single seed.
    """
    names, found = case.targets(case.tables.criticality), {}
    for target in names:
        opening = pairs.opening(case.tables.criticality, target, SCRATCH)
        expect(opening, f"the valleys of RI-T's modules on {target}")
        found |= {f"{module} on {target}": late for module, late in (opening > 0).astype(float).items()}
    tested = (
        "the valleys of RI-T's modules open at alpha > 0, on the direct path and with the least noise, in most seeds"
    )
    return evidence(found, f"{tested}, on {', '.join(names)}", MOST)
