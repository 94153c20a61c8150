"""Convergent learning: whether networks that differ in their random start learn the same units (Li et al. 2016).

`capture` shows images to networks; it needs torch and is not imported here. What it leaves behind, in memory
(`LayerUnits`, `Excitations`) and in files (`units`, `excitations`), is analysed without.
"""

from transferscope.convergence.clusters import Clusters, cluster
from transferscope.convergence.excitations import Excitations
from transferscope.convergence.mapping import DECAYS, SparseMapping, sparse_mappings
from transferscope.convergence.matching import match, semi_match
from transferscope.convergence.moments import Moments
from transferscope.convergence.units import LayerUnits

__all__ = [
    "DECAYS",
    "Clusters",
    "Excitations",
    "LayerUnits",
    "Moments",
    "SparseMapping",
    "cluster",
    "match",
    "semi_match",
    "sparse_mappings",
]
