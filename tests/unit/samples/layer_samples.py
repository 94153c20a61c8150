"""Layers that resemble each other, of which tests know the features and the Gram matrices alike."""

import numpy as np

from transferscope.similarity import Grams, centred_gram


def layers_and_grams(rng, n=70):
    base = rng.standard_normal((n, 20))
    xs = [base @ rng.standard_normal((20, d)) + rng.standard_normal((n, d)) for d in (3, 30, 300)]
    return xs, Grams.of_matrices(np.stack([centred_gram(x) for x in xs]))
