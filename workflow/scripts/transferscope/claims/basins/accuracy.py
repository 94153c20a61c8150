"""What is measured of accuracy: while networks learn, on shuffled images, and from checkpoints of P.

A claim about several targets must be true of each of them. Accuracies are fractions: 0.01 is one point; with two
classes, where networks are measured by AUC as in the paper, it is AUC that stands for test accuracy. Claims about
checkpoints of P, which ask for so many points of accuracy, leave such targets out.
"""

import itertools
from typing import TYPE_CHECKING

from transferscope.claims import Evidence, NotRun
from transferscope.claims.basins.case import Case, evidence, expect, points, rank_correlation
from transferscope.tables import pairs
from transferscope.terms.basins import FAR, PIXELS, RELATED, SCRATCH, TUNED

if TYPE_CHECKING:
    import pandas as pd

EARLY = 0.3  # share of the epochs
KEPT = 0.6  # share of the relative gap
SMALLEST_BLOCKS = (1, 2)  # pixels a side
FALLING = 0.9  # rank correlation
# epochs of the paper's P, of 90: before the last drop of the learning rate, and before the first
PAPERS_EPOCHS, LATE, MIDDLE = 90, 59, 29
EQUAL, NEAR = 0.005, 0.025  # differences of accuracy


def fine_tuned_is_better(case: Case) -> Evidence:
    """P-T ends above RI-T on every target."""
    accuracy, found = case.tables.accuracy, {}
    for target in case.targets(accuracy):
        tuned, scratch = (pairs.final(accuracy, target, treatment) for treatment in (TUNED, SCRATCH))
        for treatment, values in ((TUNED, tuned), (SCRATCH, scratch)):
            expect(values, f"{treatment} on {target}")
        found[case.name(target)] = tuned - scratch
    return evidence(found, f"accuracy of P-T > that of RI-T on {', '.join(found)}")


def fine_tuned_is_faster(case: Case) -> Evidence:
    """P-T passes RI-T's final accuracy early on every target."""
    targets = case.targets(case.tables.accuracy)
    found = {case.name(target): pairs.epochs_to_reach(case.tables, target) for target in targets}
    tested = f"P-T has RI-T's final test accuracy after < {EARLY:.0%} of the epochs on {', '.join(found)}"
    return evidence(found, tested, EARLY, below=True)


def _gaps_at(case: Case, target: str, sizes: tuple[int, ...]) -> tuple["pd.DataFrame", list[int]]:
    """The relative gap on a target, and which of the sizes it has. Raises NotRun if none."""
    gap = pairs.relative_gap(case.tables.accuracy, target)
    run = [size for size in sizes if size in gap.columns[:-1]]
    if not run:
        raise NotRun(f"no seed has {target} in blocks of {' or '.join(map(_size, sizes))}")
    return gap, run


def _size(size: int) -> str:
    return "*" if size == PIXELS else f"{size:g}"


def gap_shrinks(case: Case) -> Evidence:
    """On related targets, shuffled images have a smaller relative gap than whole ones, which have one."""
    found = {}
    for target in case.shuffled(RELATED):
        gap, sizes = _gaps_at(case, target, SMALLEST_BLOCKS)
        whole = gap.iloc[:, -1]
        found[f"{case.name(target)}, a gap on whole images"] = whole
        found |= {f"{case.name(target)} at size {size}": KEPT * whole - gap[size] for size in sizes}
    return evidence(found, f"gap on whole images > 0, and {KEPT:g} times that > gap: {', '.join(list(found))}")


def accuracy_falls(case: Case) -> Evidence:
    """Accuracy of P-T and of RI-T falls as blocks shrink."""
    found = {}
    for target, treatment in itertools.product(case.shuffled(RELATED, FAR), (TUNED, SCRATCH)):
        values = pairs.accuracies(case.tables.accuracy, target, treatment).drop(columns=PIXELS, errors="ignore")
        found[f"{treatment} on {case.name(target)}"] = rank_correlation(values)
    return evidence(found, f"rank correlation of block size and accuracy > {FALLING:g}: {', '.join(found)}", FALLING)


def gap_remains(case: Case) -> Evidence:
    """P-T is still better where no structure is left but single pixels' values."""
    found = {}
    for target in case.shuffled(RELATED, FAR):
        gap, (size,) = _gaps_at(case, target, SMALLEST_BLOCKS[:1])
        found[case.name(target)] = gap[size]
    return evidence(found, f"relative gap at size {SMALLEST_BLOCKS[0]} > 0 on {', '.join(found)}")


def gap_grows(case: Case) -> Evidence:
    """On far targets, shuffled images have a larger relative gap than whole ones."""
    found = {}
    for target in case.shuffled(FAR):
        gap, sizes = _gaps_at(case, target, (PIXELS, 1))
        found |= {f"{case.name(target)} at size {_size(size)}": gap[size] - gap.iloc[:, -1] for size in sizes}
    return evidence(found, f"relative gap > that on whole images: {', '.join(found)}")


def fine_tuned_optimises_better(case: Case) -> Evidence:
    """P-T has the higher mean training accuracy at every block size."""
    found = {}
    for target in case.shuffled(RELATED, FAR):
        tuned, scratch = (
            pairs.accuracies(case.tables.accuracy, target, treatment, "speed") for treatment in (TUNED, SCRATCH)
        )
        expect(scratch, f"RI-T on {target}")
        found |= {f"{target} at size {_size(size)}": tuned[size] - scratch[size] for size in tuned if size in scratch}
    return evidence(found, f"mean training accuracy of P-T > that of RI-T: {', '.join(found)}")


def _checkpoint(epochs: "pd.Index", papers_epoch: int) -> float:
    """The last checkpoint that is no later in P's training than an epoch of the paper's. Raises NotRun if none is."""
    reached = [epoch for epoch in epochs if epoch > 0 and epoch * PAPERS_EPOCHS <= papers_epoch * epochs[-1]]
    if not reached:
        share = papers_epoch / PAPERS_EPOCHS
        raise NotRun(f"P has no checkpoint, but its start, in the first {share:.0%} of its training")
    return reached[-1]


def late_checkpoint_is_as_good(case: Case) -> Evidence:
    """Fine-tuning from a late checkpoint ends where that from the last one does."""
    found = {}
    for target, values in case.by_checkpoint().items():
        epoch, last = _checkpoint(values.columns, LATE), values.columns[-1]
        found |= _differences(values, epoch, last, target)
    tested = f"accuracies differ by < {points(EQUAL)}: {', '.join(list(found)[::2])}"
    return evidence(found, tested, EQUAL, below=True)


def _differences(values: "pd.DataFrame", one: float, other: float, target: str) -> dict[str, "pd.Series"]:
    """What lies between two columns, either way round: both are below a limit where the two are equal within it."""
    above = values[one] - values[other]
    return {f"epoch {one:g} - {other:g} on {target}": above, f"epoch {other:g} - {one:g} on {target}": -above}


def middle_checkpoint_is_near(case: Case) -> Evidence:
    """Fine-tuning from a checkpoint of the first third ends near to where that from the last one does."""
    found = {}
    for target, values in case.by_checkpoint().items():
        epoch, last = _checkpoint(values.columns, MIDDLE), values.columns[-1]
        found |= _differences(values, last, epoch, target)
    tested = f"accuracies differ by < {points(NEAR)}: {', '.join(list(found)[::2])}"
    return evidence(found, tested, NEAR, below=True)


def checkpoints_saturate(case: Case) -> Evidence:
    """Later checkpoints are hardly ever worse, and the first half of P's training brings more than the second."""
    found = {}
    for target, values in case.by_checkpoint().items():
        start, middle, last = values.columns[0], _checkpoint(values.columns, PAPERS_EPOCHS // 2), values.columns[-1]
        for earlier, later in itertools.pairwise(values):
            found[f"epoch {later:g} >= {earlier:g} on {target}"] = values[later] - values[earlier] + EQUAL
        gained = values[middle] - values[start] - (values[last] - values[middle])
        found[f"epochs {start:g} to {middle:g} gain more than {middle:g} to {last:g} on {target}"] = gained
    tested = f"no step loses {points(EQUAL)} or more, and most is gained in the first half of P's training"
    return evidence(found, tested)
