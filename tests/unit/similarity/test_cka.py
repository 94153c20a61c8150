"""Linear CKA against brute force in float64, closed forms, invariances, and the faults known of other tools."""

import itertools
import weakref

import numpy as np
import pytest
import scipy.stats
from layer_samples import layers_and_grams
from sklearn.preprocessing import KernelCenterer

from transferscope.errors import InputError
from transferscope.similarity import (
    Grams,
    centred_gram,
    cka,
    cka_estimates,
    cka_matrix,
    minibatch_cka,
)


def cross_covariance_cka(x, y):
    """Biased CKA by its other formula, ||Y'X||^2 / (||X'X|| ||Y'Y||), which knows no Gram matrix."""
    x, y = (np.asarray(z, np.float64) - np.mean(z, axis=0, dtype=np.float64) for z in (x, y))
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def unbiased_hsic(x, y):
    """HSIC_1 by its definition as a U-statistic: a mean over all quadruples of distinct examples."""
    k, m = x @ x.T, y @ y.T
    quadruples = np.array(list(itertools.permutations(range(len(x)), 4)))
    i, j, q, r = quadruples.T
    return np.mean(k[i, j] * m[i, j] + k[i, j] * m[q, r] - 2 * k[i, j] * m[i, q])


def debiased_cka(x, y):
    return unbiased_hsic(x, y) / np.sqrt(unbiased_hsic(x, x) * unbiased_hsic(y, y))


def related(rng, n, d_x, d_y, noise=1.0):
    """Two sets of features that share part of what they say."""
    x = rng.standard_normal((n, d_x))
    return x, x @ rng.standard_normal((d_x, d_y)) / np.sqrt(d_x) + noise * rng.standard_normal((n, d_y))


WIDE_AND_TALL = pytest.mark.parametrize(("n", "d_x", "d_y"), [(8, 30, 50), (9, 3, 2), (7, 4, 20)])


@WIDE_AND_TALL
def test_biased_cka_is_the_normalised_cross_covariance(rng, n, d_x, d_y):
    x, y = related(rng, n, d_x, d_y)
    assert cka(x, y) == pytest.approx(cross_covariance_cka(x, y), abs=1e-12)


@WIDE_AND_TALL
def test_debiased_cka_is_the_ratio_of_u_statistics(rng, n, d_x, d_y):
    x, y = related(rng, n, d_x, d_y)
    assert cka(x, y, debiased=True) == pytest.approx(debiased_cka(x, y), abs=1e-10)


def test_biased_cka_is_the_alignment_of_scikit_learns_centred_kernels(rng):
    x, y = related(rng, 40, 10, 60)
    k, m = (KernelCenterer().fit_transform(z @ z.T) for z in (x, y))
    assert cka(x, y) == pytest.approx((k * m).sum() / np.linalg.norm(k) / np.linalg.norm(m), abs=1e-12)


def test_one_feature_against_one_feature_gives_their_squared_correlation():
    # 1 2 3 4 against 1 3 2 4: r = 0.8
    x, y = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[1.0], [3.0], [2.0], [4.0]])
    assert cka(x, y) == pytest.approx(0.64, abs=1e-14)


def test_closed_forms_of_orthogonal_features():
    a, b, c = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1]), np.array([1.0, -1, -1, 1])
    assert cka(np.stack([a, b], 1), c[:, None]) == pytest.approx(0.0, abs=1e-15)
    assert cka(np.stack([a, b], 1), a[:, None]) == pytest.approx(1 / np.sqrt(2), abs=1e-14)
    # one direction of two is shared: 1 / 2
    assert cka(np.stack([a, b], 1), np.stack([b, c], 1)) == pytest.approx(0.5, abs=1e-14)


def test_debiased_cka_by_hand():
    # pairs of examples with equal features: K~ holds 1 for (1,2), (3,4) and -1 elsewhere, and so
    # 4 (4 - 3) HSIC_1(K, K) = 12 - 2/2 * 4 + 16 / 6 = 32/3; the other pairing gives 12 -> -4 - 4 + 16/6 = -16/3
    a, b = np.array([[1.0], [1], [-1], [-1]]), np.array([[1.0], [-1], [1], [-1]])
    assert cka(a, a, debiased=True) == 1
    assert cka(a, b, debiased=True) == pytest.approx(-0.5, abs=1e-14)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_layer_is_exactly_like_itself(rng, debiased, dtype):
    xs = [rng.standard_normal((50, d)).astype(dtype) for d in (3, 50, 5000)]
    assert np.diagonal(cka_matrix(xs, debiased=debiased)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_rotation_scale_and_translation_change_nothing(rng, debiased, scale, offset):
    x, y = related(rng, 60, 20, 40)
    moved = scale * x @ scipy.stats.ortho_group.rvs(20, random_state=rng) + offset
    assert cka(moved, y, debiased) == pytest.approx(cka(x, y, debiased), abs=1e-9)
    assert cka(moved, x, debiased) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e4, 1e15])
@pytest.mark.parametrize("debiased", [False, True])
def test_no_scale_over_or_underflows_in_float32(rng, scale, debiased):
    x, y = (z.astype(np.float32) for z in related(rng, 40, 300, 200))
    scaled = cka_matrix([np.float32(scale) * x, np.float32(scale) * y], debiased=debiased)
    assert scaled == pytest.approx(cka_matrix([x, y], debiased=debiased), abs=1e-6)


@pytest.mark.parametrize(("offset", "scale"), [(0, 1), (3, 1), (1000, 1), (1000, 1e-3), (1000, 1e4)])
def test_float32_agrees_with_float64_of_the_same_numbers(rng, offset, scale):
    base = rng.standard_normal((128, 30))
    xs = [
        (scale * np.maximum(base @ rng.standard_normal((30, d)) + rng.standard_normal((128, d)), 0) + offset).astype(
            "f4"
        )
        for d in (100, 5000, 20_000)
    ]
    in_float64 = [x.astype(np.float64) for x in xs]
    assert cka_matrix(xs) == pytest.approx(cka_matrix(in_float64), abs=1e-5)
    assert cka_matrix(xs, debiased=True) == pytest.approx(cka_matrix(in_float64, debiased=True), abs=1e-5)


def test_a_large_constant_feature_among_others_does_no_harm(rng):
    x, y = (z.astype(np.float32) for z in related(rng, 64, 30, 30))
    with_constant = np.concatenate([x, np.full((64, 1), 1.1e6, np.float32)], axis=1)
    assert cka(with_constant, y) == pytest.approx(cka(x, y), abs=1e-6)
    assert cka(with_constant, y, debiased=True) == pytest.approx(cka(x, y, debiased=True), abs=1e-6)


@pytest.mark.parametrize(("n", "d_x", "d_y"), [(32, 1000, 1000), (128, 3136, 100), (500, 64, 64)])
def test_biased_cka_of_independent_features_is_large_as_predicted_and_debiased_is_none(rng, n, d_x, d_y):
    x, y = rng.standard_normal((n, d_x)), rng.standard_normal((n, d_y))
    assert cka(x, y) == pytest.approx(1 / np.sqrt((1 + n / d_x) * (1 + n / d_y)), abs=0.02)
    # its standard deviation is about sqrt(2) / n
    assert abs(cka(x, y, debiased=True)) < 4 * np.sqrt(2) / n


def test_debiased_cka_of_independent_features_is_zero_on_average_and_not_clamped(rng):
    values = np.array([cka(*rng.standard_normal((2, 12, 200)), debiased=True) for _ in range(300)])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(300)
    assert 0.3 < (values < 0).mean() < 0.7


def test_debiased_cka_of_very_wide_independent_features_does_not_drown_in_rounding(rng):
    x, y = (rng.standard_normal((128, 20_000), dtype=np.float32) + 3 for _ in range(2))
    assert cka(x, y) == pytest.approx(0.994, abs=0.001)
    value = cka(x, y, debiased=True)
    assert value == pytest.approx(cka(x.astype(np.float64), y.astype(np.float64), debiased=True), abs=1e-6)
    assert abs(value) < 0.05


@pytest.mark.parametrize("debiased", [False, True])
def test_the_matrix_holds_xs_in_rows_and_ys_in_columns(rng, debiased):
    base = rng.standard_normal((30, 10))
    xs = [base + noise * rng.standard_normal((30, 10)) for noise in (0.1, 1, 3)]
    ys = [base @ rng.standard_normal((10, d)) for d in (5, 40)]
    expected = [[cka(x, y, debiased) for y in ys] for x in xs]
    assert cka_matrix(xs, ys, debiased) == pytest.approx(np.array(expected), abs=1e-12)
    assert cka_matrix(ys, xs, debiased) == pytest.approx(np.array(expected).T, abs=1e-12)
    assert cka_matrix(xs, debiased=debiased) == pytest.approx(cka_matrix(xs, xs, debiased), abs=1e-12)


@pytest.mark.parametrize("debiased", [False, True])
def test_the_order_of_examples_matters_only_between_the_two_sides(rng, debiased):
    x, y = related(rng, 50, 10, 10, noise=0.2)
    order = rng.permutation(50)
    assert cka(x[order], y[order], debiased) == pytest.approx(cka(x, y, debiased), abs=1e-12)
    assert cka(x[order], y, debiased) < cka(x, y, debiased) - 0.3


def test_axes_after_the_first_are_flattened(rng):
    x, y = rng.standard_normal((20, 3, 4, 5)), rng.standard_normal((20, 6))
    assert cka(x, y) == cka(x.reshape(20, 60), y)


def test_integers_booleans_and_half_precision_count_as_numbers(rng):
    x, y = rng.integers(0, 255, (30, 12)).astype(np.uint8), rng.standard_normal((30, 5)) > 0
    assert cka(x, y) == pytest.approx(cross_covariance_cka(x, y), abs=1e-12)
    half = rng.standard_normal((30, 12)).astype(np.float16)
    assert cka(half, y) == pytest.approx(cross_covariance_cka(half, y), abs=1e-6)


def test_a_generator_is_consumed_one_layer_at_a_time(rng):
    alive = []

    def layers():
        for _ in range(4):
            assert not any(reference() is not None for reference in alive)
            features = rng.standard_normal((20, 5))
            alive.append(weakref.ref(features))
            yield features
            del features

    assert cka_matrix(layers()).shape == (4, 4)


def test_a_centred_gram_matrix_is_symmetric_centred_and_keeps_its_dtype(rng):
    for dtype, tolerance in ((np.float32, 1e-5), (np.float64, 1e-13)):
        x = (rng.standard_normal((40, 18_000)) + 1).astype(dtype)
        gram = centred_gram(x)
        centred = x - x.mean(axis=0, dtype=np.float64)
        assert gram.dtype == dtype
        assert (gram == gram.T).all()
        assert gram == pytest.approx(centred @ centred.T, abs=tolerance * 18_000)
        assert gram.sum(axis=0) == pytest.approx(np.zeros(40), abs=tolerance * 18_000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.0, 0.1, -1000.1, 1e8])
def test_a_constant_layer_has_a_gram_matrix_of_zeros_and_is_refused_by_name(rng, dtype, value):
    constant = np.full((37, 11), value, dtype)
    assert not centred_gram(constant).any()
    with pytest.raises(InputError, match=r"1 of 3 layers have no variance over 37 examples.*: xs\[1\];"):
        cka_matrix([rng.standard_normal((37, 4)), constant, rng.standard_normal((37, 4))])
    with pytest.raises(InputError, match=r"no variance.*: y;"):
        cka(rng.standard_normal((37, 4)), constant, debiased=True)


def test_debiased_cka_is_refused_where_all_examples_are_equally_far_apart():
    simplex = np.eye(12)
    with pytest.raises(InputError, match=r"no two examples with anything in common.*: ys\[0\]"):
        cka_matrix([np.arange(12.0)[:, None]], [simplex], debiased=True)
    with pytest.raises(InputError, match="anything in common"):
        cka(simplex.astype(np.float32), simplex.astype(np.float32), debiased=True)


@pytest.mark.parametrize(
    ("xs", "message"),
    [
        ([], "xs: expected at least one layer"),
        ([np.zeros(5)], r"xs\[0\]: expected features of shape \(n, d\).*found \(5,\)"),
        ([np.zeros((1, 5))], r"n >= 2 examples.*found \(1, 5\)"),
        ([np.zeros((5, 0))], r"d >= 1 features.*found \(5, 0\)"),
        ([np.full((5, 2), "a")], "real numbers"),
        ([np.ones((5, 2), complex)], "real numbers, found dtype complex128"),
        ([np.eye(5), np.eye(6)], r"xs\[1\] has 6 examples, xs\[0\] has 5"),
        ([np.eye(5), np.where(np.eye(5) == 1, np.nan, 0)], r"xs\[1\]: 5 of 5 examples .* not finite.*example 0"),
        ([np.where(np.arange(10).reshape(5, 2) == 7, np.inf, 0)], r"xs\[0\]: 1 of 5 examples.*example 3"),
        ([1e30 * np.eye(5, dtype=np.float32)], r"xs\[0\]: features as large as 1e\+30 overflow float32"),
    ],
)
def test_bad_features_are_named(xs, message):
    with pytest.raises(InputError, match=message):
        cka_matrix(xs)


def test_too_few_or_different_examples_are_refused(rng):
    x = rng.standard_normal((3, 5))
    assert 0 < cka(x, rng.standard_normal((3, 5))) <= 1
    with pytest.raises(InputError, match="debiased CKA needs 4 examples, found 3"):
        cka(x, x, debiased=True)
    with pytest.raises(InputError, match="same examples, found 3 and 4"):
        cka(x, rng.standard_normal((4, 5)))


def test_stored_gram_matrices_give_the_same_as_features(rng):
    xs, x = layers_and_grams(rng)
    ys, y = layers_and_grams(rng)
    estimates = cka_estimates(x, y)
    assert estimates["biased"] == pytest.approx(cka_matrix(xs, ys), abs=1e-12)
    assert estimates["debiased"] == pytest.approx(cka_matrix(xs, ys, debiased=True), abs=1e-12)
    assert (estimates["minibatch"] == minibatch_cka(x, y, 32)).all()


def test_layers_that_share_a_matrix_have_equal_rows_and_columns(rng):
    xs, _ = layers_and_grams(rng)
    matrices = np.stack([centred_gram(x) for x in xs])
    content = [0, 1, 1, 2, 0]
    shared = cka_estimates(Grams.of_matrices(matrices, content, list("abcde")))
    assert shared["debiased"] == pytest.approx(cka_matrix([xs[u] for u in content], debiased=True), abs=1e-12)


def test_stored_matrices_stay_as_they_are_unless_they_may_be_overwritten(rng):
    matrices = np.stack([centred_gram(rng.standard_normal((10, 4)))])
    before = matrices.copy()
    Grams.of_matrices(matrices)
    assert (matrices == before).all()
    assert Grams.of_matrices(matrices, overwrite=True).off_diagonal is matrices


@pytest.mark.parametrize(
    ("matrices", "content", "message"),
    [
        (np.ones((2, 5, 4)), None, r"expected \(U, n, n\)"),
        (np.ones((2, 5, 5), np.int64), None, "int64"),
        (np.stack([np.eye(5)] * 2), [0, 2], "one of 2 matrices"),
        (np.stack([np.eye(5)] * 2), [0, 0], "none to be left over"),
        (np.stack([np.eye(5), np.zeros((5, 5))]), [0, 1, 1], "2 of 3 layers have no variance.*: layer 1, layer 2;"),
        (np.stack([np.eye(5), np.full((5, 5), np.nan)]), None, "not finite.*: layer 1"),
        (np.where(np.eye(5) == 1, 1, np.inf)[None], None, "not finite.*: layer 0"),
    ],
)
def test_bad_gram_matrices_are_named(matrices, content, message):
    with pytest.raises(InputError, match=message):
        Grams.of_matrices(matrices, content)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize(("n", "sizes"), [(64, [32, 32]), (70, [32, 32, 6]), (33, [32, 1]), (67, [32, 32, 3])])
def test_minibatch_cka_is_the_ratio_of_hsic_averaged_over_batches(rng, debiased, n, sizes):
    xs, x = layers_and_grams(rng, n)
    ys, y = layers_and_grams(rng, n)

    def hsic(a, b):
        if debiased:
            k, m = a @ a.T, b @ b.T
            np.fill_diagonal(k, 0)
            np.fill_diagonal(m, 0)
            one, size = np.ones(len(a)), len(a)
            cross = 2 / (size - 2) * one @ k @ m @ one
            return (np.trace(k @ m) + one @ k @ one * (one @ m @ one) / (size - 1) / (size - 2) - cross) / (
                size * (size - 3)
            )
        return np.linalg.norm((a - a.mean(0)).T @ (b - b.mean(0))) ** 2 / (len(a) - 1) ** 2

    ends = np.cumsum(sizes)
    batches = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True) if size >= (4 if debiased else 2)]

    def mean_hsic(a, b):
        return np.mean([hsic(a[batch], b[batch]) for batch in batches])

    expected = [[mean_hsic(a, b) / np.sqrt(mean_hsic(a, a) * mean_hsic(b, b)) for b in ys] for a in xs]
    assert minibatch_cka(x, y, 32, debiased) == pytest.approx(np.array(expected), abs=1e-12)


def test_one_batch_of_all_examples_is_the_full_sample(rng):
    xs, x = layers_and_grams(rng)
    assert minibatch_cka(x, batch=70) == pytest.approx(cka_matrix(xs), abs=1e-12)
    assert minibatch_cka(x, batch=1000, debiased=True) == pytest.approx(cka_matrix(xs, debiased=True), abs=1e-12)


def test_minibatch_cka_is_another_number_than_full_sample_cka(rng):
    x = Grams.of_features([*rng.standard_normal((2, 256, 100))])
    estimates = cka_estimates(x)
    assert estimates["minibatch"][0, 1] > estimates["biased"][0, 1] + 0.3


def test_a_layer_that_is_constant_in_one_batch_but_not_in_all_is_defined(rng):
    sparse = np.zeros((64, 3))
    sparse[40] = 1
    x = Grams.of_features([sparse, rng.standard_normal((64, 3))])
    assert np.isfinite(minibatch_cka(x)).all()


@pytest.mark.parametrize(("batch", "debiased", "fewest"), [(1, False, 2), (3, True, 4)])
def test_batches_that_are_too_small_are_refused(rng, batch, debiased, fewest):
    _, x = layers_and_grams(rng)
    with pytest.raises(InputError, match=f"at least {fewest} examples, found {batch}"):
        minibatch_cka(x, batch=batch, debiased=debiased)
