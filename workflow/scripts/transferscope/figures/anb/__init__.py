"""Figures of Yosinski et al. 2014: Figures 2 and 3, the two losses of frozen layers apart, and the paper's numbers.

Everywhere, `accuracy` is the table accuracy.csv. Accuracy is shown in percent, differences of it in points. Lines are
means over seeds of the mean over both directions, A to B and B to A; bands are ± one standard error over seeds. All
treatments must have been run on the similar split, what is missing of the dissimilar one is left out.
"""
