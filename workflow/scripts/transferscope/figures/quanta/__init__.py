"""Figures of Orhand et al. 2021 (QUANTA): Figures 3, 4 and 5, gates to other sources, and the paper's numbers.

Everywhere, `final` is the table final.csv and `history` the table history.csv. A gate is shown by λ_S, from 0 (a
layer's input comes from the target network alone) to 1 (from the source alone). Lines are means over seeds of the mean
over repeats; bands are ± one standard error over seeds.
"""
