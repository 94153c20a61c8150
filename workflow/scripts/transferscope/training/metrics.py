"""How well a classifier does: top-1, top-3, macro precision and recall; with two classes, the area under the curve."""

import numpy as np


def classification_metrics(labels: np.ndarray, guesses: np.ndarray) -> dict[str, float]:
    """Top-1 and top-3 accuracy, macro precision and macro recall, all in 0..1.

    labels:  (n,) integers, the true class of each example, n >= 1.
    guesses: (n, k) integers, the classes that the model holds most likely, best first; k = 3, or less where there
             are fewer classes (top-3 accuracy is then 1).
    Macro: the plain mean over the classes that occur among the labels or the first guesses (classes that never occur
    say nothing about the model). A class that is never guessed has precision 0, one without an example recall 0.
    """
    first = guesses[:, 0]
    classes = int(max(labels.max(), first.max())) + 1
    examples = np.bincount(labels, minlength=classes)
    guessed = np.bincount(first, minlength=classes)
    right = np.bincount(labels[labels == first], minlength=classes)
    occurs = examples + guessed > 0
    return {
        "top1": float(np.mean(first == labels)),
        "top3": float(np.mean((guesses == labels[:, None]).any(axis=1))),
        "precision": float(np.mean(right[occurs] / np.maximum(guessed[occurs], 1))),
        "recall": float(np.mean(right[occurs] / np.maximum(examples[occurs], 1))),
    }


def area_under_curve(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve of a classifier with two classes, in 0..1.

    It is how often an example of class 1 has a higher score than one of class 0, equal scores counting half (Hanley &
    McNeil 1982); 0.5 by chance, whatever the share of each class.
    labels: (n,) integers, 0 or 1. scores: (n,), higher where class 1 is held more likely.
    Returns NaN if one of the classes has no example.
    """
    positive = np.count_nonzero(labels)
    negative = len(labels) - positive
    if not positive or not negative:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # from 1; equal scores share their mean rank
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    wins = ranks[labels == 1].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * negative))
