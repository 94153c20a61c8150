"""Yosinski et al. 2014: what is done to the first n layers of a network, and on which classes it is trained."""

# base: nothing is copied; + stands for layers that are trained on
BASE, SELFFER, TRANSFER = "base", "selffer", "transfer"
SELFFER_TUNED, TRANSFER_TUNED, RANDOM = "selffer+", "transfer+", "random"
SIMILAR, DISSIMILAR = "similar", "dissimilar"  # splits into halves: at random, and into kinds
HALVES = ("A", "B")
