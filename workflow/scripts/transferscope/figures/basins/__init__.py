"""Figures of Neyshabur et al. 2020: Figures 2 to 7, shared mistakes, criticality by module, and the paper's numbers.

Everywhere, `tables` are the tables of this paper. Accuracy and error are shown in percent, differences in points. What
was not run on a target is left out.
"""
