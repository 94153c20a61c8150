"""Orhand et al. 2021 (QUANTA): what the network with a gate learns, and what its source has learned."""

ANA, ANB = "AnA", "AnB"  # the target network learns the source's own task, or another one
TARGETS = (ANA, ANB)
TRAINED, UNTRAINED, PERMUTED = "trained", "untrained", "permuted"  # what the source network has learned
UNGATED, SOURCE = "none", "source"  # the source of a network without a gate, and the target of the source itself
