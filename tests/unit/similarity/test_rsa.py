"""RSA against SciPy on the features themselves, invariances, ties, and layers that have no similarity."""

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import pdist

from transferscope.errors import InputError
from transferscope.similarity import Grams, centred_gram, rsa, rsa_matrix


def of_features(x, y) -> float:
    """RSA by its definition, which knows no Gram matrix."""
    return scipy.stats.spearmanr(pdist(x.astype(np.float64)), pdist(y.astype(np.float64))).statistic


def of_grams(x, y) -> float:
    return rsa(centred_gram(x), centred_gram(y))


def related(rng, n=40, d_x=10, d_y=60):
    """Two sets of features that share part of what they say."""
    x = rng.standard_normal((n, d_x))
    return x, x @ rng.standard_normal((d_x, d_y)) + 2 * rng.standard_normal((n, d_y))


@pytest.mark.parametrize(("n", "d_x", "d_y"), [(3, 2, 2), (8, 30, 50), (40, 10, 60), (50, 3, 1)])
def test_rsa_is_the_rank_correlation_of_the_distances_between_examples(rng, n, d_x, d_y):
    x, y = related(rng, n, d_x, d_y)
    assert of_grams(x, y) == pytest.approx(of_features(x, y), abs=1e-12)


def test_float32_is_enough_whatever_the_scale_and_the_offset(rng):
    x, y = (z.astype(np.float32) for z in related(rng, 60, 300, 20_000))
    expected = of_features(x, y)
    for scale, offset in ((1, 0), (1e-12, 0), (1e15, 0), (1, 100)):
        moved = np.float32(scale) * y + np.float32(offset)
        assert of_grams(x, moved) == pytest.approx(expected, abs=1e-3 if offset else 1e-4)


def test_by_hand():
    # at 0, 1 and 3 on a line, distances 1, 3, 2; at 0, 3 and 1, distances 3, 1, 2: ranks 1 3 2 against 3 1 2
    one, other = np.array([[0.0], [1], [3]]), np.array([[0.0], [3], [1]])
    assert of_grams(one, other) == pytest.approx(-1.0, abs=1e-14)
    # at 0, 2 and 1, distances 2, 1, 1: ranks 3, 1.5, 1.5 against 1 3 2
    assert of_grams(one, np.array([[0.0], [2], [1]])) == pytest.approx(-1.5 / np.sqrt(2 * 1.5), abs=1e-14)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_rotation_scale_and_translation_change_nothing(rng, scale):
    x, y = related(rng)
    moved = scale * x @ scipy.stats.ortho_group.rvs(10, random_state=rng) + 1000
    assert of_grams(moved, x) == pytest.approx(1.0, abs=1e-12)
    assert of_grams(moved, y) == pytest.approx(of_grams(x, y), abs=1e-12)


def test_whether_gram_matrices_are_centred_does_not_matter(rng):
    x, y = related(rng)
    assert rsa(x @ x.T, (y + 1) @ (y + 1).T) == pytest.approx(of_grams(x, y), abs=1e-12)


def test_the_order_of_examples_matters_only_between_the_two_sides(rng):
    x, y = related(rng)
    order = rng.permutation(40)
    assert of_grams(x[order], y[order]) == pytest.approx(of_grams(x, y), abs=1e-12)
    assert of_grams(x[order], y) < of_grams(x, y) - 0.3


def test_independent_features_have_no_rsa_on_average(rng):
    values = np.array([of_grams(*rng.standard_normal((2, 12, 50))) for _ in range(200)])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_examples_that_coincide_are_tied_at_distance_zero(rng, dtype):
    # rectified units that are silent for half of the examples: so many that a Gram matrix rounds some pairs otherwise
    x = np.maximum(rng.standard_normal((333, 100)), 0).astype(dtype)
    x[rng.permutation(333)[:166]] = 0
    y = (x[:, :10] + rng.standard_normal((333, 10))).astype(dtype)
    for moved in (x, 100 * x + 3):
        assert of_grams(moved, y) == pytest.approx(of_features(moved, y), abs=1e-4)


def test_the_matrix_holds_x_in_rows_and_y_in_columns_and_layers_may_share_a_gram_matrix(rng):
    base = rng.standard_normal((30, 10))
    xs = [base @ rng.standard_normal((10, d)) + rng.standard_normal((30, d)) for d in (3, 20, 200)]
    ys = [base @ rng.standard_normal((10, d)) for d in (5, 40)]
    content = [0, 1, 1, 2, 0]
    x = Grams.of_matrices(np.stack([centred_gram(features) for features in xs]), content)
    y = Grams.of_features(ys)
    expected = np.array([[of_features(xs[number], features) for features in ys] for number in content])
    assert rsa_matrix(x, y) == pytest.approx(expected, abs=1e-12)
    assert rsa_matrix(y, x) == pytest.approx(expected.T, abs=1e-12)
    alone = rsa_matrix(x)
    assert alone == pytest.approx(rsa_matrix(x, Grams.of_features(xs[number] for number in content)), abs=1e-12)
    assert np.diagonal(alone) == pytest.approx(np.ones(5), abs=1e-12)


def test_gram_matrices_stay_as_they_are(rng):
    gram = centred_gram(rng.standard_normal((10, 4)))
    before = gram.copy()
    rsa(gram, gram)
    assert (gram == before).all()


def test_a_constant_layer_is_refused_by_name(rng):
    constant, x = np.full((12, 5), 0.1), rng.standard_normal((12, 5))
    with pytest.raises(InputError, match=r"1 of 1 layers have no variance over 12 examples.*: y_gram;"):
        of_grams(x, constant)
    # before it is centred, its Gram matrix is not zero
    with pytest.raises(InputError, match=r"all examples equally far apart over 12 examples.*: x_gram;"):
        rsa(constant @ constant.T, centred_gram(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_that_holds_all_examples_equally_far_apart_is_refused_by_name(rng, dtype):
    rotation = scipy.stats.ortho_group.rvs(12, random_state=rng)
    simplex = (0.1 * rotation).astype(dtype)
    x = Grams.of_features([rng.standard_normal((12, 5)).astype(dtype), simplex])
    with pytest.raises(InputError, match=r"1 of 2 layers have all examples equally far apart.*: xs\[1\];"):
        rsa_matrix(x)


def test_too_few_or_different_examples_are_refused(rng):
    x, y = (centred_gram(rng.standard_normal((n, 5))) for n in (2, 3))
    with pytest.raises(InputError, match="same examples, found 2 and 3"):
        rsa(x, y)
    with pytest.raises(InputError, match="ranks of distances need 3 examples, found 2"):
        rsa(x, x)
