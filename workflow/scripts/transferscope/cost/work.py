"""What training and capturing take: operations, calls of layers, and bytes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from transferscope.cost.sizes import Size
from transferscope.data.known import classes_of, images_in
from transferscope.errors import InputError
from transferscope.training.recipe import Recipe

FLOAT32_BYTES = 4
# in `activations.capture`: a pass over all images for each so many bytes of features, and images in a batch of it, as
# in `convergence.capture`. They are said again here because rules learn what a job takes without torch.
CAPTURE_BYTES = 4e9
CAPTURE_BATCH = 64
# in `landscape.probe`
PROBE_BATCH = 256
# where it is not known: a head as large as ImageNet's
UNKNOWN_CLASSES = 1000
# lines of the lists that DomainNet's authors publish, for training and for testing, by domain
DOMAINNET = {
    "clipart": (33_525, 14_604),
    "infograph": (36_023, 15_582),
    "painting": (50_416, 21_850),
    "quickdraw": (120_750, 51_750),
    "real": (120_906, 52_041),
    "sketch": (48_212, 20_916),
}


@dataclass(frozen=True)
class Passes:
    """Passes of networks that follow each other on one device.

    flop: floating-point operations. calls: of modules without others inside, a pass backward counted as one forward.
    """

    flop: float
    calls: float

    def times(self, count: int) -> "Passes":
        """So many of the same."""
        return Passes(count * self.flop, count * self.calls)


@dataclass
class Work:
    """All that a paper, or another part of the workflow, comes to.

    networks: trained ones. jobs: all; gpu_jobs: those of them that train or capture. passes: of all networks.
    kept:     bytes of checkpoints and activations that stay.
    scratch:  bytes of what is removed when it has been compared, as many as there are at one time.
    state:    bytes that the largest training under way keeps to go on from.
    """

    networks: int = 0
    jobs: int = 0
    gpu_jobs: int = 0
    passes: list[Passes] = field(default_factory=list)
    kept: float = 0
    scratch: float = 0
    state: float = 0

    @property
    def flop(self) -> float:
        return sum(each.flop for each in self.passes)


def training(size: Size, images: tuple[int, int], recipe: Recipe, frozen: int = 0, tests: int = 0) -> Passes:
    """Training of a network: passes forward and, of twice the operations, backward; a test before and after each epoch.

    images: for training, for testing. recipe: where it says `memorise`, the longest run counts. frozen: number of first
    layers, through which there is no pass backward. tests: further ones, within epochs.
    """
    (train, test), epochs = images, recipe.most_epochs
    tests += 1 + epochs
    forward, backward = size.flop, 2 * (size.flop - size.below[frozen])
    batches = 2 * epochs * recipe.steps_per_epoch(train) + tests * math.ceil(test / (4 * recipe.batch_size))
    return Passes(epochs * train * (forward + backward) + tests * test * forward, batches * size.calls)


def state_bytes(size: Size, recipe: Recipe) -> int:
    """What a training keeps to go on from: weights, and what the optimiser remembers of each."""
    remembered = 2 if recipe.optimiser == "adam" else int(recipe.momentum > 0)
    return FLOAT32_BYTES * size.tensors * (1 + remembered)


def showing(size: Size, images: int, batch: int, layers: int | None = None) -> Passes:
    """Images that pass a network in batches, or its first layers, so many."""
    share = 1.0 if layers is None else size.below[layers] / size.flop
    return Passes(images * size.flop * share, math.ceil(images / batch) * size.calls * share)


def capturing(size: Size, images: int) -> Passes:
    """Capture of all layers of a network on some images, and their Gram matrices."""
    rounds = math.ceil(FLOAT32_BYTES * images * size.features / CAPTURE_BYTES)
    grams = 2 * images**2 * size.features
    batches = rounds * math.ceil(images / CAPTURE_BATCH)
    return Passes(rounds * images * size.flop + grams, batches * size.calls)


def gram_bytes(size: Size, images: int) -> int:
    """Of the Gram matrices of all layers on some images."""
    return FLOAT32_BYTES * size.layers * images**2


def images_of(config: Mapping, task: Mapping) -> tuple[int, int]:
    """Images that a task trains on and tests on; classes that are left out are taken to be as frequent as the others.

    task: an entry under `tasks`, as a run has it.
    Raises InputError if it asks for a share of images whose number is known only when they are there.
    """
    dataset = config["datasets"][task["dataset"]]
    share, counts = classes_in(config, task) / (classes_of(dataset) or UNKNOWN_CLASSES), []
    for name in ("train", "test"):
        part = task[name]
        first, end = part["rows"]
        if isinstance(first, float) or isinstance(end, float):
            whole = images_in_split(dataset, part["split"])
            if whole is None:
                raise InputError(
                    f"dataset {task['dataset']}: how many images it has is not known, and with it not what their share "
                    f"{part['rows']} costs: give the rows as whole numbers"
                )
            first, end = round(first * whole), round(end * whole)
        counts.append(part.get("size", round(share * (end - first))))
    return counts[0], counts[1]


def images_in_split(dataset: Mapping, split: str) -> int | None:
    """Images in an official split of a dataset, an entry under `datasets`; None: known only when they are there."""
    if dataset["loader"] == "DomainNet":
        return DOMAINNET[dataset["domain"]][split == "test"]
    return images_in(dataset, split)


def classes_in(config: Mapping, task: Mapping) -> int:
    """Classes of a task; of a folder of images, UNKNOWN_CLASSES."""
    whole = classes_of(config["datasets"][task["dataset"]]) or UNKNOWN_CLASSES
    labels = task.get("labels", {})
    if "classes" in labels:
        return len(labels["classes"])
    return whole // 2 + whole % 2 * (labels["half"] == "A") if "half" in labels else whole
