"""What one job asks of a cluster: memory and time, from its runs and the size of their network, where that is known."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from transferscope.cost.known import known_size
from transferscope.cost.papers import exploration, trained
from transferscope.cost.sizes import Size
from transferscope.cost.speed import hours
from transferscope.cost.work import FLOAT32_BYTES, Passes
from transferscope.data.known import SPLITS, images_in
from transferscope.errors import InputError
from transferscope.runs.basins import BasinRun
from transferscope.runs.quanta import Sweep

# how often a job is tried that fails or meets its limit, with twice and then three times as much: see profiles/slurm
ATTEMPTS = 3
# what an estimate may be off by: see docs/cost.md
SAFETY = 2
DAY = 24 * 60
# images of ImageNet's size that one slow core reads, decodes and resizes in a minute: all of them in 104 to 127 minutes
DECODED = 10_500
# minutes to prepare a dataset, at least, and where it is not known how many images it has
PREPARED, PREPARED_UNKNOWN = 120, 480
# of a value: what is copied to be written after each epoch (itself and two moments, of Adam) ...
COPIED = 3 * FLOAT32_BYTES
# ... and, if it is not on a GPU, these and its gradient
LEARNED = 4 * FLOAT32_BYTES


def memory_mb(least: int, model: Mapping, runs: Sequence, on_gpu: bool) -> int:
    """Megabytes for runs that follow each other in a job: what any takes, and what the networks of one take.

    least: what any takes; alone if the size of the model, an entry under `models`, is not known.
    """
    size = known_size(model)
    if size is None:
        return least
    networks = max(len(run.networks) if isinstance(run, Sweep) else 1 for run in runs)
    return least + math.ceil(networks * size.tensors * (COPIED + (0 if on_gpu else LEARNED)) / 1e6)


def preparing_minutes(dataset: Mapping) -> int:
    """Minutes to prepare a dataset, an entry under `datasets`: twice what as many of ImageNet's images take."""
    counts = [images_in(dataset, split) for split in SPLITS[dataset["loader"]]]
    if None in counts:
        return PREPARED_UNKNOWN
    return max(PREPARED, math.ceil(SAFETY * sum(counts) / DECODED))


def training_minutes(least: int, config: Mapping, model: Mapping, runs: Sequence, seeds: int) -> int:
    """Minutes, in the first attempt, for trainings that follow each other in a job, each under so many seeds.

    A training that meets its limit goes on in the next attempt. Hence twice the estimate where that is no more than a
    day, and otherwise a day; or more, where all attempts together would not come to twice the estimate.
    least: alone if the size of the model, an entry under `models`, or the number of images is not known.
    """

    def passes(size: Size) -> Iterable[Passes]:
        return (each.times(seeds) for run in runs for each in trained(config, run, size))

    needed = _minutes(config, model, passes)
    return max(least, min(needed, DAY), math.ceil(needed / sum(range(1, ATTEMPTS + 1))))


def exploring_minutes(least: int, config: Mapping, model: Mapping, runs: Sequence[BasinRun], seeds: int) -> int:
    """Minutes to explore the modules of networks, each under so many seeds; twice the estimate, as none goes on.

    least: as in `training_minutes`.
    """

    def passes(size: Size) -> Iterable[Passes]:
        return (exploration(config, run, size).times(seeds) for run in runs)

    return max(least, _minutes(config, model, passes))


def _minutes(config: Mapping, model: Mapping, passes: Callable[[Size], Iterable[Passes]]) -> int:
    """Twice the estimate for passes of a model; 0 where it cannot be told."""
    size = known_size(model)
    if size is None:
        return 0
    try:
        return math.ceil(SAFETY * 60 * hours(passes(size), config["precision"]))
    except InputError:
        # a share of a folder's images, which can be trained on all the same
        return 0
