"""The plainest of training runs: no more is to be told of it than what is learned, and how. Several papers have it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingRun:
    """The training of a network on a task, under one seed or several.

    name:   unique among the runs of a paper, and fit for file names.
    task:   for `data.tasks.load`, with the run's seed: an entry under `tasks`, or one with other labels.
    recipe: the fields of a `training.recipe.Recipe`.
    """

    name: str
    task: Mapping
    recipe: Mapping
