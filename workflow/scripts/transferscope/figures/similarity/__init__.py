"""Figures of Goerttler & Obermayer 2022: Figures 1 to 5, the three measures side by side, and the controls.

Everywhere, `similarity` is the table similarity.csv and `history` the table history.csv. Runs are found in them by the
part that they play (see `profiles`). Lines are means over seeds, bands ± one standard error.
"""
