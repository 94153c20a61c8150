"""Similarity of layers: centred Gram matrices, linear CKA by three estimators, and its uncertainty over examples."""

from transferscope.similarity.cka import ESTIMATORS, cka, cka_estimates, cka_matrix, minibatch_cka
from transferscope.similarity.grams import Grams, centred_gram
from transferscope.similarity.resampling import HalfSamples, interval

__all__ = [
    "ESTIMATORS",
    "Grams",
    "HalfSamples",
    "centred_gram",
    "cka",
    "cka_estimates",
    "cka_matrix",
    "interval",
    "minibatch_cka",
]
