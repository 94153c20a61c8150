"""What a training run is asked for: how it trains (Recipe) and which checkpoints it keeps (Kept)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transferscope.data.augment import Augment
from transferscope.errors import expect

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
        expect(0 < self.top1 <= 1, "memorise.top1", "a number above 0 and at most 1", self.top1)


@dataclass(frozen=True)
class Biases:
    """How biases learn where they do not learn as weights do; the fields are the keys of `biases` in the config.

    Biases are all parameters of at most one dimension, so that the scales of normalisation are counted with them.
    learning_rate_factor: what the learning rate of weights is multiplied by. weight_decay: their own; None: that of
    weights. Raises InputError if one is out of its range.
    """

    learning_rate_factor: float = 1.0
    weight_decay: float | None = None

    def __post_init__(self):
        factor, decay = self.learning_rate_factor, self.weight_decay
        expect(0 < factor < math.inf, "biases.learning_rate_factor", "a number above 0", factor)
        expect(decay is None or 0 <= decay < math.inf, "biases.weight_decay", "0 or more, or null", decay)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; the fields are the keys of a `recipe` in the config.

    epochs: passes over the training set. batch_size: images a step. learning_rate: that of the first step.
    momentum: of sgd. weight_decay: L2 penalty, added to the gradient.
    drops: after each of these epochs the learning rate is multiplied by drop_factor.
    learning_rate_decay: beside that, after t steps the learning rate is divided by 1 + learning_rate_decay * t.
    biases: how they learn; None: as weights.
    augment: what is drawn for training images; None: they are as they are.
    memorise: go on after these epochs until the training labels are memorised.
    Of the last three, a mapping of the fields becomes one.
    Raises InputError if a value is out of its range.
    """

    epochs: int
    batch_size: int
    optimiser: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    drops: Sequence[int] = ()
    drop_factor: float = 0.1
    learning_rate_decay: float = 0.0
    biases: Biases | Mapping | None = None
    augment: Augment | Mapping | None = None
    memorise: Memorise | Mapping | None = None

    def __post_init__(self):
        # the one way to set a field of a frozen dataclass
        object.__setattr__(self, "drops", tuple(self.drops))
        for name, kind in (("biases", Biases), ("augment", Augment), ("memorise", Memorise)):
            if isinstance(getattr(self, name), Mapping):
                object.__setattr__(self, name, kind(**getattr(self, name)))
        expect(self.epochs >= 1, "recipe.epochs", "1 or more", self.epochs)
        expect(self.batch_size >= 1, "recipe.batch_size", "1 or more", self.batch_size)
        expect(self.optimiser in OPTIMISERS, "recipe.optimiser", " or ".join(OPTIMISERS), self.optimiser)
        expect(0 < self.learning_rate < math.inf, "recipe.learning_rate", "a number above 0", self.learning_rate)
        expect(0 <= self.momentum < 1, "recipe.momentum", "0 or more and below 1", self.momentum)
        expect(self.momentum == 0 or self.optimiser == "sgd", "recipe.momentum", "0, as adam has none", self.momentum)
        expect(0 <= self.weight_decay < math.inf, "recipe.weight_decay", "0 or more", self.weight_decay)
        least = f"recipe.epochs ({self.epochs}) or more"
        expect(self.most_epochs >= self.epochs, "memorise.epochs", least, self.most_epochs)
        during = all(1 <= epoch < self.most_epochs for epoch in self.drops)
        expect(during, "recipe.drops", f"epochs from 1 on, before the last ({self.most_epochs})", list(self.drops))
        expect(0 < self.drop_factor < 1, "recipe.drop_factor", "a number above 0 and below 1", self.drop_factor)
        decay = self.learning_rate_decay
        expect(0 <= decay < math.inf, "recipe.learning_rate_decay", "0 or more", decay)

    @property
    def most_epochs(self) -> int:
        """Epochs of the longest run: one that does not memorise its labels in time."""
        return self.memorise.epochs if self.memorise else self.epochs

    def goes_on(self, epoch: int | float, top1: float) -> bool:
        """Whether a run goes on after so many epochs, the last of which had this running training top-1 accuracy."""
        if self.memorise and epoch >= self.epochs:
            return epoch < self.memorise.epochs and top1 < self.memorise.top1
        return epoch < self.epochs

    def learning_rate_factor(self, step: int, steps_per_epoch: int) -> float:
        """What share of its first value a learning rate has at a step; steps are counted over the whole run from 1.

        drop_factor^k / (1 + learning_rate_decay * t) after t steps, with k of the drops behind. The latter is what
        Keras's optimisers called `decay`.
        """
        before = step - 1
        dropped = sum(before >= epoch * steps_per_epoch for epoch in self.drops)
        return self.drop_factor**dropped / (1 + self.learning_rate_decay * before)

    def steps_per_epoch(self, images: int) -> int:
        """Number of optimiser steps in a pass over so many training images.

        The last, incomplete batch is used, unless it is one single image: BatchNorm has no variance over that.
        """
        steps = math.ceil(images / self.batch_size)
        return steps - 1 if self.batch_size > 1 and images % self.batch_size == 1 else steps


@dataclass(frozen=True)
class Kept:
    """Which checkpoints a run keeps; the first two fields are the keys of `checkpoints` in the config.

    every_epochs: keep each so many epochs; None: none but those of the other fields.
    steps: numbers of optimiser steps after which one is kept, counted over the whole run from 1.
    after: more epochs after which one is kept.
    ends: keep epoch 0 and the last.
    Raises InputError if a value is out of its range.
    """

    every_epochs: int | None = None
    steps: Sequence[int] = ()
    after: Sequence[int] = ()
    ends: bool = True

    def __post_init__(self):
        every = self.every_epochs
        expect(every is None or every >= 1, "checkpoints.every_epochs", "1 or more, or null", every)
        expect(all(step >= 1 for step in self.steps), "checkpoints.steps", "numbers of 1 or more", list(self.steps))

    def epochs(self, epochs: int) -> list[int]:
        """Epochs after which a run whose recipe says so many keeps a checkpoint; epoch 0 is before the first step."""
        return [each for each in range(epochs + 1) if self._is_due(each) or (self.ends and each in (0, epochs))]

    def names(self, epochs: int, end: bool = False) -> list[str]:
        """Names of the checkpoints that a run keeps: "epoch0", "epoch1", ..., then "step50", ..., then "end".

        epochs: of its recipe. end: whether its recipe says `memorise`; only then there is a checkpoint of that name.
        This is not the order of training, as how many steps an epoch has is not known here: without "end", the
        last checkpoint is that of the last epoch, also where names of steps stand behind it.
        """
        names = [f"epoch{epoch}" for epoch in self.epochs(epochs)] + [f"step{step}" for step in sorted(set(self.steps))]
        return [*names, END] if end else names

    def _is_due(self, epoch: int) -> bool:
        return epoch in self.after or (self.every_epochs is not None and epoch % self.every_epochs == 0)
