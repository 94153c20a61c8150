"""Corresponding layers, compared by every measure: what the matrices of all pairs have on their diagonals."""

import numpy as np
import pytest

from transferscope.errors import InputError
from transferscope.similarity import MEASURES, Grams, centred_gram, cka_estimates, layerwise, rsa_matrix


def two_states(rng, content_x=(0, 1, 2), content_y=(0, 1, 2), dtype=np.float64):
    """The same layers of a network before and after a change that grows from layer to layer."""
    before = [np.maximum(rng.standard_normal((40, d)), 0) for d in (3, 30, 3000)]
    after = [x + noise * rng.standard_normal(x.shape) for x, noise in zip(before, (0.1, 0.5, 2), strict=True)]
    return [
        Grams.of_matrices(
            np.stack([centred_gram(layer.astype(dtype)) for layer in state]),
            content,
            [f"layer{number}" for number in range(len(content))],
        )
        for state, content in ((before, content_x), (after, content_y))
    ]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize(
    ("content_x", "content_y"),
    [([0, 1, 2], [0, 1, 2]), ([0, 1, 1, 2, 0], [0, 1, 1, 2, 0]), ([0, 1, 2, 2], [1, 0, 2, 0])],
)
def test_every_measure_is_the_diagonal_of_its_matrix(rng, content_x, content_y, dtype, tolerance):
    x, y = two_states(rng, content_x, content_y, dtype)
    matrices = cka_estimates(x, y)
    expected = {"cka": matrices["biased"], "cka_debiased": matrices["debiased"], "rsa": rsa_matrix(x, y)}
    found = layerwise(x, y)
    assert tuple(found) == MEASURES
    for measure, values in found.items():
        assert values == pytest.approx(np.diagonal(expected[measure]), abs=tolerance), measure


def test_a_layer_is_like_itself_and_less_so_the_more_it_has_changed(rng):
    layer, change = rng.standard_normal((2, 40, 5))
    x = Grams.of_features([layer] * 4)
    for measure, values in layerwise(x, x).items():
        assert values == pytest.approx(np.ones(4), abs=1e-12), measure
    y = Grams.of_features(layer + amount * change for amount in (0, 0.2, 0.5, 2))
    for measure, values in layerwise(x, y).items():
        assert (np.diff(values) < -0.01).all(), measure


def test_what_has_no_counterpart_or_no_similarity_is_refused(rng):
    x, y = two_states(rng)
    other = Grams.of_matrices(y.off_diagonal + np.eye(40), layers=["layer0", "layer1", "head"])
    with pytest.raises(InputError, match=r"same layers on both sides, found layer0, layer1, layer2 and .*, head: "):
        layerwise(x, other)
    with pytest.raises(InputError, match="same examples, found 40 and 20"):
        layerwise(x, y.on(np.arange(20)))
    with pytest.raises(InputError, match="debiased CKA needs 4 examples, found 3"):
        layerwise(x.on(np.arange(3)), y.on(np.arange(3)))
    simplex = Grams.of_matrices(np.eye(40)[None] - 1 / 40, layers=["simplex"])
    with pytest.raises(InputError, match=r"no two examples with anything in common.*: simplex;"):
        layerwise(simplex, simplex)
