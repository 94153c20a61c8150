"""Figures of Li et al. 2016: Figure 1, correlations of units with their counterparts, and what they look like.

Everywhere, `matches`, `layers`, `mapping` and `clusters` are the tables of these names (see `counterparts`), and
`examples` are what `examples.read` returns: two of the networks. The paper has no untrained networks; here they are the
baseline of every figure. Lines are means over pairs of networks and both directions, bands the range over pairs: as
pairs share networks, a standard error over them would be too small.
"""
