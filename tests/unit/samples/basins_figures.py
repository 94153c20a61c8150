"""Figures of Neyshabur et al. over tables whose every value is known, each drawn once, and ways to look at them."""

import dataclasses
import functools

import numpy as np
from basins_tables import BOTTLENECKS, DEMO, PAPER, tables
from matplotlib.colors import to_hex

from transferscope.figures.basins import FIGURES, TABLES, numbers
from transferscope.tables.pairs import Tables

BLUE, VERMILLION = "#0072b2", "#d55e00"  # of P-T and RI-T
# the paper's net has 18 modules
DEEP = dataclasses.replace(PAPER, drops={module: (0.01, 0.1) for module in ("conv1", *BOTTLENECKS, "fc")})


SETTINGS = {
    "paper": (PAPER, 3, "paper"),
    "demo": (DEMO, 3, "demo"),
    "alone": (DEMO, 1, "reduced"),
    "deep": (DEEP, 2, "paper"),
    # the largest that the config of the papers' scale asks for
    "several": (dataclasses.replace(DEEP, landscape=("real", "quickdraw", "chexpert")), 3, "paper"),
}


@functools.cache
def made(setting: str) -> Tables:
    return tables(*SETTINGS[setting][:2])


@functools.cache
def drawn(name: str, setting: str):
    """A figure of one of the settings; whoever looks at it leaves it as it is."""
    tables, scale = made(setting), SETTINGS[setting][-1]
    return FIGURES[name](tables, scale) if name in FIGURES else TABLES[name](numbers.rows(tables), scale)


def replaced(tables: Tables, table: str, **columns) -> Tables:
    """A copy of the tables with other values in these columns; a function makes them of the table."""
    return dataclasses.replace(tables, **{table: getattr(tables, table).assign(**columns)})


def lines_of(axes, colour: str) -> list[np.ndarray]:
    return [line.get_ydata() for line in axes.lines if to_hex(line.get_color()) == colour]


def modules_in(figure) -> list[str]:
    """The modules that have maps in a figure, in its order."""
    headings = [axes.get_title().split("\n") for axes in figure.axes]
    return [module for module, *below in headings if below]
