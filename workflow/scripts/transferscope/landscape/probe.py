"""Examples that are shown to many networks: prepared once, and the same batches for all."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from transferscope.machine.devices import deterministic
from transferscope.models import zoo
from transferscope.models.layers import evaluation
from transferscope.training.metrics import area_under_curve

if TYPE_CHECKING:
    from transferscope.data.tasks import Examples

IMAGES_AT_A_TIME = 256
# inputs that take more are prepared anew each time
PREPARED_BYTES = 2 * 2**30


@dataclass(frozen=True)
class Score:
    """What a network makes of a probe.

    loss: mean cross-entropy an image. accuracy: top-1, in [0, 1]. guesses: int64 (n,), the class it holds most likely.
    auc: area under the ROC curve, in [0, 1], of a network for two classes; None for others.
    """

    loss: float
    accuracy: float
    guesses: np.ndarray
    auc: float | None

    @property
    def measured(self) -> float:
        """How good the network is: its accuracy, or as in the paper its AUC with two classes."""
        return self.accuracy if self.auc is None else self.auc


class Probe:
    """Examples, in the form in which networks of one architecture and normalisation want them.

    inputs: makes the networks' input of images: see `data.inputs.Inputs`.
    examples: their images and labels. size: take only so many, from the first; None: all.
    device: where networks are shown them; a network must be there. What fits within 2 GiB is prepared once and stays
        there, so that looking at many networks costs their forward passes and nothing else.
    Batches are as equal in size as can be. Raises ValueError if there are no examples.
    """

    def __init__(
        self,
        inputs: Callable[[np.ndarray, torch.device], Tensor],
        examples: "Examples",
        device: torch.device | str,
        size: int | None = None,
    ):
        count = len(examples) if size is None else min(size, len(examples))
        if count < 1:
            raise ValueError("a probe needs examples, found none")
        self.device = torch.device(device)
        self.labels = examples.labels[:count]
        self._inputs, self._examples = inputs, examples
        self._rows = np.array_split(np.arange(count), math.ceil(count / IMAGES_AT_A_TIME))
        first = self._prepared(self._rows[0][:1])
        fits = count * first.numel() * first.element_size() <= PREPARED_BYTES
        self._batches = [self._prepared(rows) for rows in self._rows] if fits else None

    def __len__(self) -> int:
        return len(self.labels)

    def score(self, module: nn.Module) -> Score:
        """Loss, accuracy and predictions of a network, in evaluation mode."""
        loss, guesses, scores = 0.0, [], []
        with deterministic(self.device), evaluation(module):
            for rows, batch in self._each(module):
                logits = module(batch)
                labels = torch.from_numpy(self.labels[rows]).to(self.device)
                loss += cross_entropy(logits, labels, reduction="sum").item()
                guesses.append(logits.argmax(dim=1))
                if logits.shape[1] == 2:
                    scores.append(logits[:, 1] - logits[:, 0])
        guesses = torch.cat(guesses).cpu().numpy()
        auc = area_under_curve(self.labels, torch.cat(scores).cpu().numpy()) if scores else None
        return Score(loss / len(self), float(np.mean(guesses == self.labels)), guesses, auc)

    def estimate_statistics(self, module: nn.Module) -> None:
        """Estimate the running statistics of a network's batch norm anew, as its parameters need them.

        They become the mean over the probe's batches of what each batch shows. Batch norm alone is in training mode
        for that: nothing is dropped out, and nothing else of the network changes.
        """
        norms = batch_norms(module)
        momenta = [norm.momentum for norm in norms]
        with deterministic(self.device), evaluation(module):
            for norm in norms:
                norm.reset_running_stats()
                # None: the plain mean over all batches
                norm.momentum = None
                norm.train()
            for _, batch in self._each(module):
                module(batch)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _each(self, module: nn.Module) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Batches with their rows, in the memory format that the network wants."""
        layout = zoo.memory_format(module)
        for number, rows in enumerate(self._rows):
            batch = self._batches[number] if self._batches else self._prepared(rows)
            yield rows, batch.contiguous(memory_format=layout)

    def _prepared(self, rows: np.ndarray) -> Tensor:
        return self._inputs(self._examples.images(rows), self.device)


def batch_norms(module: nn.Module) -> list[_BatchNorm]:
    """The parts of a network that keep running statistics."""
    return [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
