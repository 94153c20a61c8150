"""Linear centred kernel alignment (CKA) between layers: biased, debiased and minibatch, all pairs in one product.

Kornblith, Norouzi, Lee & Hinton 2019, "Similarity of neural network representations revisited"; the unbiased HSIC is
that of Song, Smola, Gretton, Bedo & Borgwardt 2012, the ratio of minibatch averages that of Nguyen, Raghu & Kornblith
2021 (equation 2; they average the unbiased HSIC).
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from transferscope.errors import InputError
from transferscope.gram import centred_gram
from transferscope.similarity.grams import Grams
from transferscope.similarity.products import Product, all_pairs, chosen_pairs, corresponding

ESTIMATORS = ("biased", "debiased", "minibatch")
FEWEST_EXAMPLES = {"biased": 2, "debiased": 4}
UNDEFINED = {"biased": "no variance", "debiased": "no two examples with anything in common"}
# what `_hsic` returns
HSIC = ("inner product", "biased", "debiased")
# a layer's HSIC with itself counts as zero below so many roundings of the inner product that it is the rest of
ROUNDINGS = 8


def cka(x: np.ndarray, y: np.ndarray, debiased: bool = False) -> float:
    """Linear CKA between two sets of features of the same examples: HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)).

    x, y: (n, d_x) and (n, d_y), or (n, ...), flattened.
    debiased: with the unbiased estimator of HSIC. It is about 0 for independent features, and may be slightly
        negative; the biased one lies in [0, 1] and tends to 1 as d / n grows, whatever the features.
    Raises InputError as `cka_matrix` does.
    """
    estimator = "debiased" if debiased else "biased"
    grams = [
        Grams.of_matrices(centred_gram(features, name)[None], layers=[name], overwrite=True)
        for name, features in (("x", x), ("y", y))
    ]
    return float(_cka(*grams, [estimator])[estimator][0, 0])


def cka_matrix(xs: Iterable[np.ndarray], ys: Iterable[np.ndarray] | None = None, debiased: bool = False) -> np.ndarray:
    """Linear CKA between all layers of one network, or between those of two.

    xs, ys: sequences, or generators, of the layers' features of the same examples in the same order: (n, d_i) each, or
        (n, ...), flattened; see `centred_gram` for dtypes. Without ys, xs is compared with itself.
    debiased: as in `cka`.
    Returns (len(xs), len(ys)) float64.
    Raises InputError if the numbers of examples differ or are below 2 (debiased: 4), if a value is not finite, if a
    layer has no similarity: a constant one, or, debiased, one whose examples are all equally far apart.
    """
    estimator = "debiased" if debiased else "biased"
    x = Grams.of_features(xs, "xs")
    y = x if ys is None else Grams.of_features(ys, "ys")
    return _cka(x, y, [estimator])[estimator]


def minibatch_cka(x: Grams, y: Grams | None = None, batch: int = 32, debiased: bool = False) -> np.ndarray:
    """CKA from HSIC averaged over batches of consecutive examples: another number than that of the full sample.

    batch: examples in a batch. A shorter last batch weighs as much as any other; one that is too short for the
        estimator (1 example; debiased, fewer than 4) is left out.
    Returns (N_x, N_y) float64. Raises InputError as `cka_matrix` does.
    """
    estimator = "debiased" if debiased else "biased"
    y = x if y is None else y
    fewest = FEWEST_EXAMPLES[estimator]
    if batch < fewest:
        raise InputError(f"batch: {estimator} CKA needs batches of at least {fewest} examples, found {batch}")
    starts = range(0, x.examples - fewest + 1, batch)
    return _cka(x, y, [estimator], [np.arange(start, min(start + batch, x.examples)) for start in starts])[estimator]


def cka_estimates(x: Grams, y: Grams | None = None, batch: int = 32) -> dict[str, np.ndarray]:
    """All estimators of CKA between all layers of x and y, or of x alone, keyed as in ESTIMATORS.

    biased and debiased are of the full sample, from one pass; minibatch is biased, over batches of `batch` examples.
    Returns (N_x, N_y) float64 each. Raises InputError as `cka_matrix` does.
    """
    y = x if y is None else y
    return _cka(x, y, ["biased", "debiased"]) | {"minibatch": minibatch_cka(x, y, batch)}


def layerwise_cka(x: Grams, y: Grams) -> dict[str, np.ndarray]:
    """Biased and debiased CKA between corresponding layers of x and y: the diagonals of `cka_estimates`, (N,) each."""
    estimators = ("biased", "debiased")
    _require_enough_examples(x, y, estimators)
    pairs = _hsic(x, y, chosen_pairs(x.content, y.content))
    of_x, of_y = _hsic(x, x, corresponding), _hsic(y, y, corresponding)
    _refuse_undefined(x, of_x, estimators)
    _refuse_undefined(y, of_y, estimators)
    rows = [HSIC.index(estimator) for estimator in estimators]
    similarity = pairs[rows] / np.sqrt(of_x[rows][:, x.content] * of_y[rows][:, y.content])
    return dict(zip(estimators, similarity, strict=True))


def _cka(
    x: Grams, y: Grams, estimators: Sequence[str], batches: Iterable[np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """CKA of all pairs of layers by each estimator, from HSIC over all examples, or summed over batches of them."""
    _require_enough_examples(x, y, estimators)
    pairs = of_x = of_y = 0
    for part_x, part_y in [(x, y)] if batches is None else _parts(x, y, batches):
        both = _hsic(part_x, part_y, all_pairs)
        pairs = pairs + both
        # taken from the same product where there is one, so that a layer's similarity with itself is 1 exactly
        of_x = of_x + (np.diagonal(both, axis1=1, axis2=2) if y is x else _hsic(part_x, part_x, corresponding))
        of_y = of_x if y is x else of_y + _hsic(part_y, part_y, corresponding)
    _refuse_undefined(x, of_x, estimators)
    _refuse_undefined(y, of_y, estimators)
    layers = np.ix_(x.content, y.content)
    return {
        estimator: (pairs[row] / np.sqrt(np.outer(of_x[row], of_y[row])))[layers]
        for estimator, row in ((estimator, HSIC.index(estimator)) for estimator in estimators)
    }


def _require_enough_examples(x: Grams, y: Grams, estimators: Sequence[str]) -> None:
    x.require_same_examples(y)
    for estimator in estimators:
        if x.examples < FEWEST_EXAMPLES[estimator]:
            raise InputError(f"{estimator} CKA needs {FEWEST_EXAMPLES[estimator]} examples, found {x.examples}")


def _refuse_undefined(grams: Grams, own: np.ndarray, estimators: Sequence[str]) -> None:
    """Refuse layers whose HSIC with themselves, as `_hsic` returns it, is zero but for rounding."""
    rounding = ROUNDINGS * np.finfo(grams.off_diagonal.dtype).eps * own[HSIC.index("inner product")]
    for estimator in estimators:
        grams.refuse(own[HSIC.index(estimator)] <= rounding, UNDEFINED[estimator])


def _parts(x: Grams, y: Grams, batches: Iterable[np.ndarray]) -> Iterator[tuple[Grams, Grams]]:
    for examples in batches:
        part = x.on(examples)
        yield part, part if y is x else y.on(examples)


def _hsic(x: Grams, y: Grams, inner: Product) -> np.ndarray:
    """Inner product, biased HSIC and unbiased HSIC, stacked, of the pairs of matrices that `inner` multiplies.

    The inner product, <K, L> / n^2, is of the matrices as they are; HSIC is what remains of it after centring.
    With K~ for a Gram matrix K without its diagonal, k for the diagonal and p = K~ 1 for the row sums (L~, l, q of L),

    (n - 1)^2 HSIC = <HKH, HLH> = <K~, L~> + k.l - 2/n (p + k).(q + l) + sum(p + k) sum(q + l) / n^2
    n (n - 3) HSIC_1            = <K~, L~> - 2/(n - 2) p.q + sum(p) sum(q) / ((n - 1) (n - 2))

    so that one large product, <K~, L~>, serves both. Neither asks that K and L be centred over just these n examples;
    centred over more of them, as they are, they lose no digits either.
    """
    n = x.examples
    sums_x, sums_y = x.row_sums + x.diagonal, y.row_sums + y.diagonal
    off_diagonal = inner(x.entries, y.entries)
    whole = off_diagonal + inner(x.diagonal, y.diagonal)
    totals = inner(sums_x.sum(axis=1, keepdims=True), sums_y.sum(axis=1, keepdims=True))
    biased = (whole - 2 / n * inner(sums_x, sums_y) + totals / n**2) / (n - 1) ** 2
    if n < FEWEST_EXAMPLES["debiased"]:
        return np.stack([whole / n**2, biased, np.full_like(biased, np.nan)])
    totals = inner(x.row_sums.sum(axis=1, keepdims=True), y.row_sums.sum(axis=1, keepdims=True))
    unbiased = off_diagonal - 2 / (n - 2) * inner(x.row_sums, y.row_sums) + totals / ((n - 1) * (n - 2))
    return np.stack([whole / n**2, biased, unbiased / (n * (n - 3))])
