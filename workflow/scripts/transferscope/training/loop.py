"""The one training loop: seeded, and resumable after any interruption with a bit-identical result."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from transferscope import provenance, store
from transferscope.errors import InputError
from transferscope.machine.devices import deterministic, passes_in
from transferscope.models.side_by_side import READINGS, SideBySide
from transferscope.randomness import numpy_generator, seed_for
from transferscope.training import unfinished
from transferscope.training.frozen import frozen_features
from transferscope.training.optimisers import optimiser_of
from transferscope.training.passes import Pass
from transferscope.training.recipe import END, Kept, Recipe

if TYPE_CHECKING:
    from transferscope.data.inputs import Inputs
    from transferscope.data.tasks import Examples

COLUMNS = ("epoch", "step", "split", "loss", "top1", "top3", "precision", "recall", "auc", "seconds")


def train(
    module: torch.nn.Module,
    inputs: "Inputs",
    train: "Examples",
    test: "Examples",
    recipe: Recipe,
    seed: int,
    kept: Kept,
    folder: str | Path,
    *,
    identity: object,
    facts: Mapping,
    device: str | torch.device,
    precision: str = "fp32",
) -> None:
    """Train a classifier with cross-entropy and leave its checkpoints and its history in `folder`.

    module: maps what `inputs` makes of images, (b, C, S, S), to logits (b, classes), or to a tuple that begins with
    them, as networks with auxiliary heads do while they learn. It is trained in place, by these logits alone; all its
    parameters that require a gradient are. What is frozen stays so: see `models.transplant`, and `frozen` for how often
    it is computed. Or it is `SideBySide`: each of its networks is then trained by its own logits, on the same batches.
    seed: of every draw: the order of the images and what the module draws itself (dropout), anew each epoch, and how
    images are augmented, anew each step.
    kept: the checkpoints that are left as {name}.safetensors, with `facts` among their facts, beside "epoch", "step"
    and "training_seconds" (wall time so far, without what interruptions cost). Where the recipe says `memorise`, they
    are those of its first `epochs` epochs, and "end", the state at the end of the run, however long it went on.
    identity: JSON-like; what decides the result and is not seen here (the data's checksum, the code's digest).
    precision: "fp32", "tf32" or "bf16": in which networks compute and learn; see `devices`. Weights, losses and what
    the optimiser keeps are float32 in any case, and so are checkpoints, among whose facts it is.

    history.csv has a row for each pass over the training set (measured while the module learns, in train mode, on
    images as they are augmented; one that is mixed counts by the label of its greater share) and one for the test set
    at epoch 0, after each epoch and at each kept step: epoch (a fraction at steps within one), step, split
    (train|test), loss (mean cross-entropy an image), top1, top3, precision, recall (macro), auc (with two classes, else
    none; see `metrics`), seconds of that pass (with the tests and checkpoints in the midst of it). Each of networks
    side by side has rows of its own: with its name as network in front, with an equal part of the seconds, and with
    READINGS behind, what a test tells of its gate. Where the recipe says `memorise`, they go on until all of them have.

    Called again after an interruption, it goes on after the last whole epoch, with the same bits as if there had been
    none; it returns at once, the module as it came, if the run is finished; it starts afresh if it finds another run.
    Raises InputError if a loss is not finite (the state stays that of the epoch before), if a kept step lies beyond the
    recipe's `epochs`, if a set of examples is too small, or if the module's outputs are not as many as the classes.
    """
    device = torch.device(device)
    _check(train, test, recipe, kept)
    with deterministic(device, precision):
        module.to(device=device, memory_format=torch.channels_last)
        digest = _digest(module, recipe, seed, kept, identity, device, precision)
        facts = {**facts, "precision": precision}
        run = _Run(module, inputs, train, test, recipe, seed, kept, Path(folder), facts, device, precision, digest)
        run.resume_or_start()
        while run.goes_on():
            run.train_epoch()
    columns = ("network", *COLUMNS, *READINGS) if isinstance(module, SideBySide) else COLUMNS
    store.write_table(run.folder / unfinished.HISTORY, columns, run.history, facts)


@dataclass
class _Run:
    """A run under way: so many whole epochs are done, the history holds their rows, and their state is on disk."""

    module: torch.nn.Module
    inputs: "Inputs"
    train: "Examples"
    test: "Examples"
    recipe: Recipe
    seed: int
    kept: Kept
    folder: Path
    facts: Mapping
    device: torch.device
    precision: str
    # of all that decides the result
    digest: str
    epoch: int = 0
    history: list[dict] = field(default_factory=list)

    def __post_init__(self):
        self.steps_per_epoch = self.recipe.steps_per_epoch(len(self.train))
        self.optimiser = optimiser_of(self.module, self.recipe)
        self.first_rates = [group["lr"] for group in self.optimiser.param_groups]
        self._side_by_side = isinstance(self.module, SideBySide)

    def resume_or_start(self) -> None:
        """Load the state that the folder holds of this run, or test and keep the module as it came."""
        self.began = time.monotonic()
        if restored := unfinished.restore_state(self.folder, self.digest, self.module, self.optimiser):
            self.epoch, self.history = restored
            self.began -= sum(row["seconds"] for row in self.history)
            _log(f"going on after epoch {self.epoch} of {self.recipe.most_epochs}")
        else:
            less = f", or as few as {self.recipe.epochs} until the labels are memorised" if self.recipe.memorise else ""
            _log(
                f"training on {len(self.train):,} images and testing on {len(self.test):,}, device {self.device}: "
                f"{self.recipe.most_epochs} epochs of {self.steps_per_epoch:,} steps{less}"
            )
        if self.goes_on():
            # what a source makes of a batch is computed once for all networks beside it, but in every epoch
            still = [] if self._side_by_side else [self.test] if self.recipe.augment else [self.train, self.test]
            with passes_in(self.device, self.precision):
                self.features = frozen_features(self.module, still, self._images) if still else None
        if not restored:
            tested = self._test_and_keep(step=0)
            self._save_state()
            _log(f"epoch 0: {_in_words(tested)}")

    def goes_on(self) -> bool:
        """Whether another epoch is due."""
        last = [row["top1"] for row in self.history if row["split"] == "train" and row["epoch"] == self.epoch]
        return self.recipe.goes_on(self.epoch, min(last, default=0.0))

    def train_epoch(self) -> None:
        """Train for an epoch, test, keep the checkpoints that are due and save the state."""
        # for what the module itself draws, such as dropout
        torch.manual_seed(seed_for(self.seed, "forward", self.epoch + 1))
        order = numpy_generator(self.seed, "order", self.epoch + 1).permutation(len(self.train))
        seen = self._passes("train")
        self.module.train()
        for batch in range(self.steps_per_epoch):
            rows = order[batch * self.recipe.batch_size :][: self.recipe.batch_size]
            step = self.epoch * self.steps_per_epoch + batch + 1
            self._set_learning_rates(step)
            self.optimiser.zero_grad()
            for outputs in self._forward(self.train, rows, step):
                for network, (logits, loss) in outputs.items():
                    seen[network].add(rows, logits, self._finite(loss, step, "training", network))
                torch.stack([loss for _, loss in outputs.values()]).sum().backward()
            self.optimiser.step()
            if step in self.kept.steps and batch + 1 < self.steps_per_epoch:
                self._test_and_keep(step)
        trained = self._rows(seen, step, self.train)
        self.history += trained
        tested = self._test_and_keep(step)
        self.epoch += 1
        if self.recipe.memorise and not self.goes_on():
            self._keep(END, step)
        self._save_state()
        speed = sum(each.images for each in seen.values()) / sum(row["seconds"] for row in trained)
        _log(
            f"epoch {self.epoch}/{self.recipe.most_epochs}: {_in_words(trained)}; {_in_words(tested)}; "
            f"{speed:,.0f} images/s"
        )

    def _test_and_keep(self, step: int) -> list[dict]:
        """Evaluate the module after so many steps and write the checkpoints due there: the rows that history gained."""
        tested = self._evaluate(step)
        self.history += tested
        if step in self.kept.steps:
            self._keep(f"step{step}", step)
        epoch = self._epoch_at(step)
        if epoch in self.kept.epochs(self.recipe.epochs):
            self._keep(f"epoch{epoch}", step)
        return tested

    def _keep(self, name: str, step: int) -> None:
        """Write the module after so many steps as a checkpoint of this name."""
        seconds = round(time.monotonic() - self.began, 2)
        facts = {**self.facts, "epoch": self._epoch_at(step), "step": step, "training_seconds": seconds}
        store.write_checkpoint(self.folder / f"{name}.safetensors", self.module.state_dict(), facts)

    @torch.inference_mode()
    def _evaluate(self, step: int) -> list[dict]:
        """Rows of the history: the module on the test set, in eval mode. It is left in train mode."""
        seen = self._passes("test")
        self.module.eval()
        # without gradients there is room for more images at a time
        size = 4 * self.recipe.batch_size
        for start in range(0, len(self.test), size):
            rows = np.arange(start, min(start + size, len(self.test)))
            for outputs in self._forward(self.test, rows):
                for network, (logits, loss) in outputs.items():
                    seen[network].add(rows, logits, self._finite(loss, step, "test", network))
        self.module.train()
        return self._rows(seen, step, self.test)

    def _passes(self, split: str) -> dict[str | None, Pass]:
        """The beginning of a pass, for each network; a module that is a network alone has the name None."""
        return {name: Pass(split) for name in (self.module.names if self._side_by_side else [None])}

    def _rows(self, seen: Mapping[str | None, Pass], step: int, examples: "Examples") -> list[dict]:
        """Rows of the history: of passes over the examples that end after so many steps."""
        rows = {name: each.row(self._epoch_at(step), step, examples.labels) for name, each in seen.items()}
        if not self._side_by_side:
            return list(rows.values())
        readings = self.module.readings()
        for name, row in rows.items():
            row["seconds"] /= len(rows)
            row |= readings[name] if row["split"] == "test" else dict.fromkeys(READINGS)
        return [{"network": name, **row} for name, row in rows.items()]

    def _set_learning_rates(self, step: int) -> None:
        """Give each group of parameters the share of its own first rate that the recipe says for a step."""
        factor = self.recipe.learning_rate_factor(step, self.steps_per_epoch)
        for group, rate in zip(self.optimiser.param_groups, self.first_rates, strict=True):
            group["lr"] = rate * factor

    def _batch(self, examples: "Examples", rows: np.ndarray, step: int | None) -> tuple[torch.Tensor, torch.Tensor]:
        """What the module takes in of some examples, (b, ...) (images or frozen features), and their labels, (b,).

        step: at which they are trained on, augmented as the recipe says; None: they are tested on. Labels of images
        that are mixed are shares, (b, classes).
        """
        labels, augment = torch.from_numpy(examples.labels[rows]).to(self.device), self.recipe.augment
        if self._has_features(examples, step):
            return self.features.batch(examples, rows), labels
        if step is None or augment is None:
            return self._images(examples, rows), labels
        generator = numpy_generator(self.seed, "augmentation", step)
        images = self._images(examples, rows, partial(augment.warped, generator=generator))
        return augment.mixed(images, labels, len(examples.class_names), generator)

    def _has_features(self, examples: "Examples", step: int | None) -> bool:
        """Whether the module goes on from frozen features of these examples; step: as in `_batch`."""
        augmented = step is not None and self.recipe.augment is not None
        return not augmented and self.features is not None and examples in self.features

    def _images(self, examples: "Examples", rows: np.ndarray, *augment: Callable) -> torch.Tensor:
        """Some of the examples as the module takes in images, (b, C, S, S)."""
        images = self.inputs(examples.images(rows), self.device, *augment)
        return images.contiguous(memory_format=torch.channels_last)

    def _forward(
        self, examples: "Examples", rows: np.ndarray, step: int | None = None
    ) -> Iterator[dict[str | None, tuple[torch.Tensor, torch.Tensor]]]:
        """By network, its logits (b, classes) of some of the examples, and their mean cross-entropy.

        Of networks side by side, those that are computed as one at a time. step: as in `_batch`.
        """
        given, labels = self._batch(examples, rows, step)
        forward = self.features.outputs if self._has_features(examples, step) else self.module
        for outputs in self._outputs(forward, given):
            yield {network: self._with_loss(logits, labels, examples) for network, logits in outputs.items()}

    def _outputs(self, forward: Callable, given: torch.Tensor) -> Iterator[dict[str | None, torch.Tensor | tuple]]:
        """By network, what it gives out; of several, some compute at a time, when they are asked for.

        forward: of the module, or of what is left of it behind frozen layers. The run's precision is that of these
        passes alone, not of what is done between them.
        """
        with passes_in(self.device, self.precision):
            outputs = forward(given)
        if not self._side_by_side:
            yield {None: outputs}
            return
        while True:
            with passes_in(self.device, self.precision):
                found = next(outputs, None)
            if found is None:
                return
            yield found

    def _with_loss(
        self, logits: torch.Tensor | tuple, labels: torch.Tensor, examples: "Examples"
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What a network gives out for some of the examples: its logits, and their mean cross-entropy."""
        if isinstance(logits, tuple):
            logits = logits[0]
        if logits.shape[1:] != (len(examples.class_names),):
            raise InputError(
                f"the model gives outputs of shape {tuple(logits.shape[1:])} to an image, expected one logit for each "
                f"of the {len(examples.class_names)} classes: give it a new head"
            )
        return logits, cross_entropy(logits.float(), labels)

    def _finite(self, loss: torch.Tensor, step: int, phase: str, network: str | None) -> float:
        value = loss.item()
        if not math.isfinite(value):
            epoch = math.ceil(step / self.steps_per_epoch)
            of_network = f" of {network}" if network else ""
            remedy = (
                "lower learning_rate in this run's recipe" if step else "check the weights that the run starts from"
            )
            raise InputError(
                f"the {phase} loss{of_network} is {value} in epoch {epoch}, step {step}, at a learning rate of "
                f"{self.optimiser.param_groups[0]['lr']:g}: {remedy}"
            )
        return value

    def _epoch_at(self, step: int) -> int | float:
        """Epochs trained after so many steps: a whole number at an epoch's end, else with a fraction."""
        whole, more = divmod(step, self.steps_per_epoch)
        return step / self.steps_per_epoch if more else whole

    def _save_state(self) -> None:
        if self.goes_on():
            unfinished.save_state(self.folder, self.digest, self.epoch, self.history, self.module, self.optimiser)
        else:
            unfinished.save_end(self.folder, self.digest, self.epoch, self.history)


def _check(train: "Examples", test: "Examples", recipe: Recipe, kept: Kept) -> None:
    """Refuse what cannot end well, before anything is trained."""
    if len(test) < 1 or recipe.steps_per_epoch(len(train)) < 1:
        raise InputError(
            f"expected a training set of at least {min(recipe.batch_size, 2)} images and a test set that is not "
            f"empty, found {len(train)} and {len(test)}: give the task more rows"
        )
    steps = recipe.epochs * recipe.steps_per_epoch(len(train))
    beyond = [step for step in kept.steps if step > steps]
    if beyond:
        raise InputError(
            f"checkpoints.steps: expected steps of the run, which has {steps:,} ({recipe.epochs} epochs of "
            f"{recipe.steps_per_epoch(len(train)):,}), found {beyond}: leave them out or train for more epochs"
        )


def _digest(
    module: torch.nn.Module,
    recipe: Recipe,
    seed: int,
    kept: Kept,
    identity: object,
    device: torch.device,
    precision: str,
) -> str:
    """Digest of all that decides a run's result; `module` is still as it was before the first step."""
    installed = provenance.versions()
    return provenance.digest(
        {
            "identity": identity,
            "module": store.tensor_digest(module.state_dict()),
            "frozen": [name for name, parameter in module.named_parameters() if not parameter.requires_grad],
            "recipe": asdict(recipe),
            "seed": seed,
            "kept": kept.names(recipe.epochs),
            "device": device.type,
            "precision": precision,
            "versions": [installed["torch"], installed["numpy"]],
        }
    )


def _in_words(rows: list[dict]) -> str:
    loss, top1 = (statistics.fmean(row[key] for row in rows) for key in ("loss", "top1"))
    return f"{rows[0]['split']} loss {loss:.4f}, top-1 {top1:.1%}" + (f" (mean of {len(rows)})" if rows[1:] else "")


def _log(line: str) -> None:
    # a log is read while the run is under way
    print(line, flush=True)
