"""Convergent learning: whether networks that differ in their random start learn the same units (Li et al. 2016).

`capture` shows images to networks and needs torch. What it leaves behind, in memory (`LayerUnits`, `Excitations`) and
in files (`units`, `excitations`), is analysed without.
"""
