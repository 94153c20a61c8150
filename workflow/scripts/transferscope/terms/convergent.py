"""Li et al. 2016: which networks, which of their activations, and how units are matched."""

TRAINED, UNTRAINED = "trained", "untrained"  # an untrained network is the one that training sets out from
AFTER, BEFORE = "after", "before"  # the activation function
POSITIONS, SUMS = "positions", "sums"  # of a channel's map, each position is a sample, or the sum over all
STATES, ACTIVATIONS, SAMPLES = (TRAINED, UNTRAINED), (AFTER, BEFORE), (POSITIONS, SUMS)
SEMI, MATCHING = "semi-matching", "matching"  # many to one, and one to one
METHODS = (SEMI, MATCHING)
