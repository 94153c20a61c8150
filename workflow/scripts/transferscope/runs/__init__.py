"""The training runs of a paper as the config has them: one file per paper says which there are."""

from transferscope.runs.anb import TREATMENTS, AnbRun, anb_runs
from transferscope.runs.similarity import Run, references, similarity_runs

__all__ = ["TREATMENTS", "AnbRun", "Run", "anb_runs", "references", "similarity_runs"]
