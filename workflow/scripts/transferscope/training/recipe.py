"""What a training run is asked for: how it trains (Recipe) and which checkpoints it keeps (Kept)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transferscope.errors import InputError

OPTIMISERS = ("adam", "sgd")
# name of the checkpoint at the end of a run that is to memorise
END = "end"


@dataclass(frozen=True)
class Memorise:
    """Until when a run goes on that is to memorise its labels; the fields are the keys of `memorise` in the config.

    top1: the running training top-1 accuracy of an epoch, as a fraction, with which the run ends.
    epochs: after how many it ends in any case; those of its recipe are counted in.
    Raises InputError if top1 is out of its range.
    """

    top1: float
    epochs: int

    def __post_init__(self):
        _expect(0 < self.top1 <= 1, "memorise.top1", "a number above 0 and at most 1", self.top1)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the fields are the keys of a `recipe` in the config.

    epochs: passes over the training set. batch_size: images a step. learning_rate: constant over the run.
    momentum: of sgd. weight_decay: L2 penalty, added to the gradient.
    memorise: go on after these epochs until the training labels are memorised; a mapping of its fields becomes one.
    Raises InputError if a value is out of its range.
    """

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    memorise: Memorise | Mapping | None = None

    def __post_init__(self):
        if isinstance(self.memorise, Mapping):
            # the one way to set a field of a frozen dataclass
            object.__setattr__(self, "memorise", Memorise(**self.memorise))
        _expect(self.epochs >= 1, "recipe.epochs", "1 or more", self.epochs)
        _expect(self.batch_size >= 1, "recipe.batch_size", "1 or more", self.batch_size)
        _expect(self.optimiser in OPTIMISERS, "recipe.optimiser", " or ".join(OPTIMISERS), self.optimiser)
        _expect(0 < self.learning_rate < math.inf, "recipe.learning_rate", "a number above 0", self.learning_rate)
        _expect(0 <= self.momentum < 1, "recipe.momentum", "0 or more and below 1", self.momentum)
        _expect(self.momentum == 0 or self.optimiser == "sgd", "recipe.momentum", "0, as adam has none", self.momentum)
        _expect(0 <= self.weight_decay < math.inf, "recipe.weight_decay", "0 or more", self.weight_decay)
        least = f"recipe.epochs ({self.epochs}) or more"
        _expect(self.most_epochs >= self.epochs, "memorise.epochs", least, self.most_epochs)

    @property
    def most_epochs(self) -> int:
        """Epochs of the longest run: one that does not memorise its labels in time."""
        return self.memorise.epochs if self.memorise else self.epochs

    def goes_on(self, epoch: int | float, top1: float) -> bool:
        """Whether a run goes on after so many epochs, the last of which had this running training top-1 accuracy."""
        if self.memorise and epoch >= self.epochs:
            return epoch < self.memorise.epochs and top1 < self.memorise.top1
        return epoch < self.epochs

    def steps_per_epoch(self, images: int) -> int:
        """Number of optimiser steps in a pass over so many training images.

        The last, incomplete batch is used, unless it is one single image: BatchNorm has no variance over that.
        """
        steps = math.ceil(images / self.batch_size)
        return steps - 1 if self.batch_size > 1 and images % self.batch_size == 1 else steps


@dataclass(frozen=True)
class Kept:
    """Which checkpoints a run keeps; the fields are the keys of `checkpoints` in the config.

    every_epochs: keep each so many epochs; None: only the first and the last, which are always kept.
    steps: numbers of optimiser steps after which one is kept, counted over the whole run from 1.
    Raises InputError if a value is out of its range.
    """

    every_epochs: int | None = None
    steps: Sequence[int] = ()

    def __post_init__(self):
        every = self.every_epochs
        _expect(every is None or every >= 1, "checkpoints.every_epochs", "1 or more, or null", every)
        _expect(all(step >= 1 for step in self.steps), "checkpoints.steps", "numbers of 1 or more", list(self.steps))

    def epochs(self, epochs: int) -> list[int]:
        """Epochs after which a run whose recipe says so many keeps a checkpoint; epoch 0 is before the first step."""
        return [0, *(epoch for epoch in range(1, epochs + 1) if epoch == epochs or self._is_due(epoch))]

    def names(self, epochs: int, end: bool = False) -> list[str]:
        """Names of the checkpoints that a run keeps: "epoch0", "epoch1", ..., then "step50", ..., then "end".

        epochs: of its recipe. end: whether its recipe says `memorise`; only then there is a checkpoint of that name.
        This is not the order of training, as how many steps an epoch has is not known here: without "end", the
        last checkpoint is that of the last epoch, also where names of steps stand behind it.
        """
        names = [f"epoch{epoch}" for epoch in self.epochs(epochs)] + [f"step{step}" for step in sorted(set(self.steps))]
        return [*names, END] if end else names

    def _is_due(self, epoch: int) -> bool:
        return self.every_epochs is not None and epoch % self.every_epochs == 0


def _expect(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise InputError(f"{key}: expected {expected}, found {found!r}: correct it in the config")
