"""Each layer of a network against the same layer of another state of it, by every measure of similarity."""

import numpy as np

from transferscope.errors import InputError
from transferscope.similarity.cka import layerwise_cka
from transferscope.similarity.grams import Grams
from transferscope.similarity.rsa import layerwise_rsa

MEASURES = ("cka", "cka_debiased", "rsa")


def layerwise(x: Grams, y: Grams) -> dict[str, np.ndarray]:
    """Similarity of corresponding layers, keyed as in MEASURES: biased and debiased linear CKA, and RSA.

    x, y: two states of a network, such as before and after training: the same N layers on the same examples.
    Returns (N,) float64 each, the diagonals of `cka_matrix` and `rsa_matrix`, at N products instead of N^2.
    Raises InputError if the layers or the numbers of examples differ, if there are fewer than 4 examples, or if a layer
    has no similarity: a constant one, or one that holds all examples equally far apart.
    """
    if x.layers != y.layers:
        raise InputError(
            f"expected the same layers on both sides, found {', '.join(x.layers)} and {', '.join(y.layers)}: "
            "capture both with the same layer selection"
        )
    cka = layerwise_cka(x, y)
    return {"cka": cka["biased"], "cka_debiased": cka["debiased"], "rsa": layerwise_rsa(x, y)}
