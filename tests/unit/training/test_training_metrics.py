"""Measures of a classifier, against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score, roc_auc_score, top_k_accuracy_score

from transferscope.training.metrics import area_under_curve, classification_metrics


def ranked(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, axis=1)[:, :3]


@pytest.mark.parametrize("classes", [3, 4, 10, 200])
def test_measures_agree_with_scikit_learn(rng, classes):
    labels = rng.integers(0, classes, 300)
    scores = rng.standard_normal((300, classes)) + 1.5 * np.eye(classes)[labels]
    guesses = ranked(scores)
    found = classification_metrics(labels, guesses)
    every = np.arange(classes)
    assert found["top1"] == pytest.approx(top_k_accuracy_score(labels, scores, k=1, labels=every))
    assert found["top3"] == pytest.approx(
        top_k_accuracy_score(labels, scores, k=min(3, classes - 1), labels=every)
    ) or (classes == 3 and found["top3"] == 1)
    assert found["precision"] == pytest.approx(precision_score(labels, guesses[:, 0], average="macro", zero_division=0))
    assert found["recall"] == pytest.approx(recall_score(labels, guesses[:, 0], average="macro", zero_division=0))


@pytest.mark.parametrize("present", [[2, 5, 7], [0], [9]])
def test_classes_without_an_example_count_where_they_are_guessed(rng, present):
    labels = rng.choice(present, 60)
    guesses = ranked(rng.standard_normal((60, 10)) + 2 * np.eye(10)[labels])
    found = classification_metrics(labels, guesses)
    assert found["precision"] == pytest.approx(precision_score(labels, guesses[:, 0], average="macro", zero_division=0))
    assert found["recall"] == pytest.approx(recall_score(labels, guesses[:, 0], average="macro", zero_division=0))


def test_two_classes_leave_no_third_guess():
    labels, guesses = np.array([0, 1, 1, 1]), np.array([[0, 1], [0, 1], [1, 0], [1, 0]])
    found = classification_metrics(labels, guesses)
    assert found == {"top1": 0.75, "top3": 1.0, "precision": 0.75, "recall": pytest.approx(5 / 6)}


def test_a_right_and_a_wrong_guess_by_hand():
    labels, guesses = np.array([0, 0, 1, 3]), np.array([[0, 1, 2], [1, 2, 3], [1, 0, 2], [2, 0, 3]])
    found = classification_metrics(labels, guesses)
    # precision of classes 0, 1, 2 (guessed, never there) and 3 (there, never guessed): 1, 1/2, 0, 0
    assert found == {"top1": 0.5, "top3": 0.75, "precision": 1.5 / 4, "recall": 1.5 / 4}


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_the_area_under_the_curve_agrees_with_scikit_learn_ties_included(rng, share):
    labels = (rng.random(400) < share).astype(int)
    scores = np.round(rng.standard_normal(400) + labels, 1)
    assert area_under_curve(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert area_under_curve(labels, -scores) == pytest.approx(1 - roc_auc_score(labels, scores))


def test_the_area_under_the_curve_by_hand_and_where_there_is_none():
    # of four pairs, one is in the wrong order and one is even
    assert area_under_curve(np.array([0, 1, 0, 1]), np.array([0.1, 0.1, 0.5, 0.9])) == (1 + 0.5 + 1 + 0) / 4
    assert np.isnan(area_under_curve(np.array([1, 1]), np.array([0.2, 0.7])))
