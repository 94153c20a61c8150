"""Models: from a name to a network, and what counts as a layer of it."""
