"""Similarity of layers: centred Gram matrices, linear CKA by three estimators, RSA, and uncertainty over examples."""

from transferscope.gram import centred_gram
from transferscope.similarity.cka import ESTIMATORS, cka, cka_estimates, cka_matrix, minibatch_cka
from transferscope.similarity.grams import Grams
from transferscope.similarity.layerwise import MEASURES, layerwise
from transferscope.similarity.resampling import HalfSamples, interval
from transferscope.similarity.rsa import rsa, rsa_matrix

__all__ = [
    "ESTIMATORS",
    "MEASURES",
    "Grams",
    "HalfSamples",
    "centred_gram",
    "cka",
    "cka_estimates",
    "cka_matrix",
    "interval",
    "layerwise",
    "minibatch_cka",
    "rsa",
    "rsa_matrix",
]
