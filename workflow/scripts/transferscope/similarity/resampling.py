"""Uncertainty that comes from the choice of examples: half-samples, and the interval that they give."""

from collections.abc import Iterator

import numpy as np

from transferscope.errors import InputError
from transferscope.randomness import numpy_generator
from transferscope.similarity.cka import FEWEST_EXAMPLES, cka_estimates
from transferscope.similarity.grams import Grams

SEED = 0  # of the draws
LEVEL = 0.95  # of the interval


class HalfSamples:
    """CKA on random halves of the examples, drawn without replacement; the source model's own is computed once.

    A bootstrap sample, drawn with replacement, holds copies of examples; a pair of copies is as similar in one layer as
    in the other, and that alone drives CKA, the debiased above all, towards 1. Halves hold none, and a statistic varies
    between them just as much as it does between full samples: its variance on m of n examples, given the n, is
    (1 - m/n) sigma^2 / m, which is sigma^2 / n at m = n/2. (Subsampling, Politis & Romano 1994, whose rate is here 1;
    equally the delete-d jackknife of Shao & Wu 1989 with d = n/2.)
    """

    def __init__(self, source: Grams, draws: int, batch: int = 32):
        """draws: number of halves, at least 2; batch: of the minibatch estimator."""
        half = source.examples // 2
        if draws < 2 or half < FEWEST_EXAMPLES["debiased"]:
            raise InputError(
                f"half-samples: expected at least 2 draws from {2 * FEWEST_EXAMPLES['debiased']} examples, "
                f"found {draws} draws from {source.examples} examples"
            )
        generator = numpy_generator(SEED, "half-samples")
        self.source, self.batch = source, batch
        self.halves = [generator.permutation(source.examples)[:half] for _ in range(draws)]
        self.own = [cka_estimates(source.on(half), batch=batch) for half in self.halves]

    def compare(self, tuned: Grams) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
        """For each half: CKA among the source's layers, and between them and the layers of `tuned`, by estimator."""
        for half, own in zip(self.halves, self.own, strict=True):
            yield own, cka_estimates(self.source.on(half), tuned.on(half), self.batch)


def interval(estimate: float, draws: np.ndarray) -> tuple[float, float]:
    """95 % confidence interval of a statistic over the choice of examples, from its values on half-samples.

    The deviations of the draws from their mean stand for those of the estimate from the truth. (From their mean, not
    from the estimate: a biased statistic has another bias at half the sample.)
    estimate: the statistic on all examples; draws: (R,) on half-samples. Returns (low, high).
    """
    deviations = np.asarray(draws) - np.mean(draws)
    above, below = np.quantile(deviations, [(1 + LEVEL) / 2, (1 - LEVEL) / 2])
    return float(estimate - above), float(estimate - below)
