"""A pass over examples, batch by batch, and how well a network did in it."""

import time

import numpy as np
import torch

from transferscope.training.metrics import area_under_curve, classification_metrics


class Pass:
    """What a pass over examples has seen so far."""

    def __init__(self, split: str):
        self.split, self.began = split, time.monotonic()
        self.rows, self.guesses, self.scores, self.loss, self.images = [], [], [], 0.0, 0

    def add(self, rows: np.ndarray, logits: torch.Tensor, loss: float) -> None:
        """Take in a batch: which examples, their logits, their mean loss."""
        self.rows.append(rows)
        self.guesses.append(logits.detach().topk(min(3, logits.shape[1])).indices)
        if logits.shape[1] == 2:
            self.scores.append((logits[:, 1] - logits[:, 0]).detach())
        self.loss += loss * len(rows)
        self.images += len(rows)

    def row(self, epoch: int | float, step: int, labels: np.ndarray) -> dict:
        """The pass as a row of the history. labels: (N,) of all the examples that the rows refer to."""
        labels = labels[np.concatenate(self.rows)]
        return {
            "epoch": epoch,
            "step": step,
            "split": self.split,
            "loss": self.loss / self.images,
            **classification_metrics(labels, torch.cat(self.guesses).cpu().numpy()),
            "auc": area_under_curve(labels, torch.cat(self.scores).cpu().numpy()) if self.scores else None,
            "seconds": time.monotonic() - self.began,
        }
