"""The training runs of a paper as the config has them: one file per paper says which there are."""

from transferscope.runs.anb import TREATMENTS, AnbRun, anb_runs
from transferscope.runs.basins import BasinRun, Pair, basin_runs, pairs_on
from transferscope.runs.quanta import Network, SourceRun, Sweep, quanta_sources, quanta_sweeps
from transferscope.runs.similarity import Run, references, similarity_runs

__all__ = [
    "TREATMENTS",
    "AnbRun",
    "BasinRun",
    "Network",
    "Pair",
    "Run",
    "SourceRun",
    "Sweep",
    "anb_runs",
    "basin_runs",
    "pairs_on",
    "quanta_sources",
    "quanta_sweeps",
    "references",
    "similarity_runs",
]
