"""Representational similarity analysis (RSA): are the same examples near to each other, and far apart, in two layers?

Kriegeskorte, Mur & Bandettini 2008, "Representational similarity analysis - connecting the branches of systems
neuroscience". Of the dissimilarities that they propose it is Euclidean distance here, which a centred Gram matrix
knows; those of two layers are compared by their ranks.
"""

import numpy as np

from transferscope.similarity.grams import Grams
from transferscope.similarity.products import all_pairs, chosen_pairs


def rsa(x_gram: np.ndarray, y_gram: np.ndarray) -> float:
    """Spearman's rank correlation between the distances of all pairs of examples in two layers, in [-1, 1].

    x_gram, y_gram: (n, n) float32 or float64 Gram matrices of the same n examples, as `centred_gram` makes them.
    Rotation, translation and scale of the features change nothing. Raises InputError as `rsa_matrix` does.
    """
    x, y = (Grams.of_matrices(gram[None], layers=[name]) for name, gram in (("x_gram", x_gram), ("y_gram", y_gram)))
    return float(rsa_matrix(x, y)[0, 0])


def rsa_matrix(x: Grams, y: Grams | None = None) -> np.ndarray:
    """RSA, as in `rsa`, between all layers of x and y, or of x alone.

    Returns (N_x, N_y) float64. Raises InputError if the numbers of examples differ or are below 3, or if a layer holds
    all examples equally far apart: its distances have no ranks.
    """
    y = x if y is None else y
    x.require_same_examples(y)
    return all_pairs(x.distance_ranks, y.distance_ranks)[np.ix_(x.content, y.content)]


def layerwise_rsa(x: Grams, y: Grams) -> np.ndarray:
    """RSA between corresponding layers of x and y: the diagonal of `rsa_matrix`, (N,)."""
    x.require_same_examples(y)
    return chosen_pairs(x.content, y.content)(x.distance_ranks, y.distance_ranks)
