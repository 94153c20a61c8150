"""Figures of Neyshabur et al. 2020: Figures 2 to 7, shared mistakes, criticality by module, and the paper's numbers.

Everywhere, `tables` are the tables of this paper. Accuracy and error are shown in percent, differences in points. What
was not run on a target is left out.
"""

from transferscope.figures.basins import (
    curves,
    distances,
    figure2,
    figure3,
    figure4,
    figure5,
    figure6,
    figure7,
    mistakes,
    profile,
    tables,
)

# what draws each figure, from the tables of this paper and the scale
FIGURES = {
    "figure2": figure2.draw,
    "figure3": figure3.draw,
    "curves": curves.draw,
    "figure4": figure4.draw,
    "figure5": figure5.draw,
    "figure6": figure6.draw,
    "figure6_loss": figure6.draw_loss,
    "figure7": figure7.draw,
    "mistakes": mistakes.draw,
    "profile": profile.draw,
    "distances": distances.draw,
}
# what draws each table, from its rows in `numbers` and the scale
TABLES = {"table1": tables.draw_similarity, "table2": tables.draw_distance, "others": tables.draw_others}
