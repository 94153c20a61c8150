"""TAs by hand and by independent arithmetic, and the comparison of fine-tunings with their source."""

import subprocess
import sys
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from transferscope import transferability
from transferscope.errors import InputError
from transferscope.similarity import ESTIMATORS, Grams, cka_estimates, cka_matrix
from transferscope.transferability import compare_fine_tunings, tas, tas_diagonal, tas_without

M1 = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, 0.4], [0.2, 0.4, 1.0]])
M2 = np.array([[1.0, 0.4, 0.3], [0.5, 0.7, 0.4], [0.0, 0.5, 0.9]])


def test_tas_by_hand():
    # |M'| is 0 .1 .1 / 0 .3 0 / .2 .1 .1, nine entries that add up to 0.9
    assert tas(M1, M2) == pytest.approx(0.1, abs=1e-15)
    assert tas_diagonal(M1, M2) == pytest.approx((0 + 0.3 + 0.1) / 3, abs=1e-15)
    assert tas_without(M1, M2, np.array([False, False, True])) == pytest.approx((0 + 0.1 + 0 + 0.3) / 4, abs=1e-15)


def test_tas_from_features_by_hand():
    # one feature per layer, so that CKA is the squared correlation. Source: two layers at right angles, M1 = I.
    # Fine-tuning turns the second by 60 degrees towards the first: M2 = (1, 3/4 / 0, 1/4), TAs = (3/4 + 3/4) / 4
    a, b = np.array([[1.0], [1], [-1], [-1]]), np.array([[1.0], [-1], [1], [-1]])
    source, tuned = [a, b], [a, np.sqrt(3) / 2 * a + b / 2]
    assert tas(cka_matrix(source), cka_matrix(source, tuned)) == pytest.approx(3 / 8, abs=1e-14)


def test_tas_of_an_untouched_network_is_zero():
    assert tas(M1, M1) == tas_diagonal(M1, M1) == tas_without(M1, M1, np.array([True, False, True])) == 0


def test_tas_does_not_depend_on_the_order_of_layers(rng):
    order = rng.permutation(3)
    assert tas(M1[np.ix_(order, order)], M2[np.ix_(order, order)]) == pytest.approx(tas(M1, M2), abs=1e-15)


@pytest.mark.parametrize(
    ("m1", "m2", "message"),
    [
        (M1, M2[:2, :2], r"found \(3, 3\) and \(2, 2\): capture both"),
        (M1[:2], M2[:2], r"found \(2, 3\) and \(2, 3\)"),
        (M1, np.where(M2 == 0.7, np.nan, M2), "not finite for 1 of 9 pairs"),
    ],
)
def test_matrices_that_do_not_fit_or_are_not_finite_are_refused(m1, m2, message):
    with pytest.raises(InputError, match=message):
        tas(m1, m2)


@pytest.mark.parametrize("left_out", [[True, True, True], [False, True]])
def test_leaving_out_all_layers_or_the_wrong_number_is_refused(left_out):
    with pytest.raises(InputError, match="left_out: expected 3 booleans"):
        tas_without(M1, M2, np.array(left_out))


def network(rng, inputs, change=0.0):
    """Layers' features of a random network of two hidden layers and a new head, its weights changed by some amount."""
    fixed, layers = np.random.default_rng(1), [inputs]
    for width in (12, 9):
        weights = fixed.standard_normal((layers[-1].shape[1], width))
        layers.append(np.tanh(layers[-1] @ (weights + change * rng.standard_normal(weights.shape)) / 3))
    return [*layers[1:], layers[-1] @ rng.standard_normal((9, 4))]


@pytest.fixture
def fine_tunings(rng):
    """A source and two fine-tunings of it, each with a new head: the body at first untouched, then changed."""
    inputs = rng.standard_normal((80, 6))
    source = network(rng, inputs)
    tuned = {seed: {"epoch0": network(rng, inputs), "epoch1": network(rng, inputs, 0.7)} for seed in (3, 5)}
    return source, tuned


HEAD = np.array([False, False, True])


def compare(source, tuned, read=Grams.of_features, **options):
    readers = {
        seed: {checkpoint: partial(read, features) for checkpoint, features in checkpoints.items()}
        for seed, checkpoints in tuned.items()
    }
    return list(compare_fine_tunings(Grams.of_features(source), readers, HEAD, **options))


def test_each_checkpoint_is_compared_with_the_source(fine_tunings):
    source, tuned = fine_tunings
    comparisons = compare(source, tuned, resamples=5)
    assert [(c.seed, c.checkpoint) for c in comparisons] == [(s, c) for s in (3, 5) for c in ("epoch0", "epoch1")]
    for comparison in comparisons:
        features = tuned[comparison.seed][comparison.checkpoint]
        assert comparison.m2["biased"] == pytest.approx(cka_matrix(source, features), abs=1e-12)
        assert comparison.m2["debiased"] == pytest.approx(cka_matrix(source, features, debiased=True), abs=1e-12)
        assert [row["estimator"] for row in comparison.rows] == list(ESTIMATORS)
        for row in comparison.rows:
            m1 = cka_estimates(Grams.of_features(source))[row["estimator"]]
            change = np.abs(m1 - comparison.m2[row["estimator"]])
            assert row["layers"] == 3
            assert row["tas"] == pytest.approx(change.sum() / 9, abs=1e-12)
            assert row["tas_without_head"] == pytest.approx(change[:2, :2].sum() / 4, abs=1e-12)
            assert row["tas_diagonal"] == pytest.approx(np.trace(change) / 3, abs=1e-12)


def test_before_training_only_the_head_has_changed(fine_tunings):
    for comparison in compare(*fine_tunings, resamples=5):
        for row in comparison.rows:
            assert row["tas"] > 1e-3
            assert (row["tas_without_head"] < 1e-12) == (comparison.checkpoint == "epoch0")


def test_interval_and_null_stand_at_the_last_checkpoint(fine_tunings):
    source, tuned = fine_tunings
    first, last, _, other_last = compare(source, tuned, resamples=50)
    assert all(row[key] is None for row in first.rows for key in ("low", "high", "null"))
    assert all(row["low"] < row["tas"] < row["high"] < row["low"] + 0.5 for row in last.rows)
    this, that = tuned[3]["epoch1"], tuned[5]["epoch1"]
    assert last.rows[0]["null"] == pytest.approx(tas(cka_matrix(this), cka_matrix(this, that)), abs=1e-12)
    assert other_last.rows[0]["null"] == pytest.approx(tas(cka_matrix(that), cka_matrix(that, this)), abs=1e-12)


def test_one_seed_has_no_null(fine_tunings):
    source, tuned = fine_tunings
    *_, last = compare(source, {3: tuned[3]}, resamples=5)
    assert all(row["null"] is None and row["low"] is not None for row in last.rows)


def test_a_comparison_is_the_same_every_time(fine_tunings):
    assert [c.rows for c in compare(*fine_tunings, resamples=5)] == [
        c.rows for c in compare(*fine_tunings, resamples=5)
    ]


def test_a_fine_tuning_with_other_layers_is_refused(fine_tunings):
    source, tuned = fine_tunings
    with pytest.raises(InputError, match="same selection of layers"):
        compare(source, {3: {"epoch0": tuned[3]["epoch0"][:2]}})


def test_no_more_than_two_checkpoints_are_held_beside_the_source(fine_tunings):
    alive = []

    def read(features):
        assert sum(reference() is not None for reference in alive) <= 1
        grams = Grams.of_features(features)
        alive.append(weakref.ref(grams))
        return grams

    assert len(compare(*fine_tunings, read=read, resamples=2)) == 4


def test_analyses_need_neither_torch_nor_pandas_nor_matplotlib():
    program = "import sys; import transferscope.transferability; print(*sys.modules)"
    path = str(Path(transferability.__file__).parents[1])
    imported = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True)
    assert "numpy" in imported.stdout.split()
    assert not {"torch", "pandas", "matplotlib", "scipy"} & set(imported.stdout.split())
