"""Centred Gram matrices: all that CKA and RSA need to know of a layer, whatever its number of features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from transferscope.errors import InputError

# features that are centred and multiplied at a time: enough for BLAS to be fast, few enough that no second copy of a
# layer with a million features is ever made
FEATURES_AT_A_TIME = 8192
# a distance counts as zero, and distances as equal, below so many roundings of the numbers that they are left of
ROUNDINGS = 16


def centred_gram(x: np.ndarray, name: str = "x") -> np.ndarray:
    """Gram matrix of a layer's features after centring: K = H X X^T H with H = I - 1 1^T / n.

    x: (n, d) features of n examples, or (n, ...), of which all axes but the first are flattened. float32 features are
    multiplied in float32, float64 in float64; float16 counts as float32, integers as float64. An offset far larger
    than the spread does no harm: features are centred before they are multiplied, and the product once more.
    name: what x is called in messages.
    Returns the (n, n) symmetric matrix, float32 or float64; all zeros, exactly, if no feature differs between examples.
    Raises InputError if x has no two examples, no features, no numbers, or values that are not finite.
    """
    features = _features(x, name)
    examples = len(features)
    gram = np.zeros((examples, examples))
    squared_mean = 0.0
    # a value that is not finite, or too large to be squared, shows in the trace and is reported below
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, features.shape[1], FEATURES_AT_A_TIME):
            block = features[:, start : start + FEATURES_AT_A_TIME]
            mean = _mean(block)
            centred = block - mean.astype(block.dtype)
            # NumPy hands a product with its own transpose to BLAS as a symmetric one: half the work
            gram += centred @ centred.T
            squared_mean += mean @ mean
        # what the rounding of the means left behind goes here
        row_mean = gram.mean(axis=0)
        half = row_mean - row_mean.mean() / 2
        gram -= half[:, None] + half
        trace = np.trace(gram)
        result = gram.astype(features.dtype)
    if not np.isfinite(trace) or not np.isfinite(result.diagonal()).all():
        raise InputError(_why_not_finite(features, name))
    # a mean of n equal numbers may be off by n roundings: variation below that is none
    if trace <= examples * squared_mean * (examples * np.finfo(np.float64).eps) ** 2:
        result[:] = 0
    return result


def _mean(block: np.ndarray) -> np.ndarray:
    """Means of the columns, (d,) float64, at the speed of the features' own precision; those of constants are exact.

    One half of the rows is added to the other as often as it goes: that rounds little, and a doubled number not at all.
    """
    rows = block
    while len(rows) % 2 == 0:
        half = len(rows) // 2
        rows = rows[:half] + rows[half:]
    return rows.sum(axis=0, dtype=np.float64) / len(block)


def _features(x: np.ndarray, name: str) -> np.ndarray:
    """x as (n, d) floats; no copy of float32 or float64 arrays."""
    features = np.asarray(x)
    if features.dtype.kind not in "fiub":
        raise InputError(f"{name}: expected an array of real numbers, found dtype {features.dtype}")
    if features.ndim < 2 or len(features) < 2 or features.size == 0:
        raise InputError(
            f"{name}: expected features of shape (n, d), n >= 2 examples and d >= 1 features, found {features.shape}"
        )
    if features.dtype not in (np.float32, np.float64):
        features = features.astype(np.float32 if features.dtype == np.float16 else np.float64)
    return features.reshape(len(features), -1)


def _why_not_finite(features: np.ndarray, name: str) -> str:
    examples = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if examples.size:
        return (
            f"{name}: {examples.size} of {len(features)} examples have features that are not finite, the first is "
            f"example {examples[0]}: did the network overflow?"
        )
    largest = np.abs(features).max()
    return f"{name}: features as large as {largest:.3g} overflow {features.dtype} when squared: scale them down"


@dataclass(frozen=True, eq=False)
class Grams:
    """Centred Gram matrices of a network's layers on the same n examples, the diagonal apart from the rest.

    The unbiased estimator of HSIC leaves the diagonal out. In wide layers the diagonal outweighs all the rest, and to
    subtract its share later would cancel most digits.

    off_diagonal: (U, n, n) float32 or float64, each matrix scaled to a trace in [1/2, 1), with zeros on the diagonal.
        CKA knows no scale, but squares of unscaled entries could overflow.
    diagonal: (U, n) float64, scaled alike.
    content: (N,) which of the U matrices each of the N layers has: layers that hand on the same tensor share one.
    layers: the N layers' names.
    """

    off_diagonal: np.ndarray
    diagonal: np.ndarray
    content: np.ndarray
    layers: tuple[str, ...]

    @classmethod
    def of_features(cls, xs: Iterable[np.ndarray], name: str = "xs") -> "Grams":
        """Gram matrices of a sequence or a generator of (n, d_i) features; of a generator, one layer is held at a time.

        name: what the argument is called in messages; layer i is `name[i]`.
        Raises InputError as `centred_gram` does, if the layers differ in n, or if a layer is constant.
        """
        grams = []
        for x in xs:
            layer = f"{name}[{len(grams)}]"
            grams.append(centred_gram(x, layer))
            if len(grams[-1]) != len(grams[0]):
                raise InputError(
                    f"{layer} has {len(grams[-1])} examples, {name}[0] has {len(grams[0])}: "
                    "expected the same examples in every layer"
                )
            # before a generator makes the next layer
            del x
        if not grams:
            raise InputError(f"{name}: expected at least one layer, found none")
        stack = np.empty((len(grams), *grams[0].shape), np.result_type(*grams))
        # from the last to the first, letting go of each: the matrices are never in memory twice
        for number in reversed(range(len(stack))):
            stack[number] = grams.pop()
        return cls.of_matrices(stack, layers=[f"{name}[{number}]" for number in range(len(stack))], overwrite=True)

    @classmethod
    def of_matrices(
        cls,
        grams: np.ndarray,
        content: Sequence[int] | np.ndarray | None = None,
        layers: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> "Grams":
        """Gram matrices that were computed before, (U, n, n) float32 or float64, as `centred_gram` makes them.

        content, layers: as in the class; by default each matrix is a layer, named by its number.
        overwrite: scale `grams` and clear its diagonals in place, in order to save a copy of it.
        Raises InputError if shapes do not fit, an entry is not finite, or a layer is constant (it has no similarity).
        """
        if grams.ndim != 3 or grams.shape[1] != grams.shape[2] or grams.dtype not in (np.float32, np.float64):
            raise InputError(f"grams: expected (U, n, n) float32 or float64, found {grams.shape} {grams.dtype}")
        content = np.arange(len(grams)) if content is None else np.asarray(content)
        layers = tuple(f"layer {number}" for number in range(len(content))) if layers is None else tuple(layers)
        if len(layers) != len(content) or set(content.tolist()) != set(range(len(grams))):
            raise InputError(
                f"content: expected each of {len(layers)} layers to have one of {len(grams)} matrices and none to be "
                f"left over, found {content.tolist()}"
            )
        diagonal = np.diagonal(grams, axis1=1, axis2=2).astype(np.float64)
        trace = diagonal.sum(axis=1)
        unscaled = cls(grams, diagonal, content, layers)
        unscaled.refuse(~np.isfinite(trace), "entries that are not finite")
        unscaled.refuse(trace < np.finfo(grams.dtype).tiny, "no variance")
        # by a power of two: nothing is rounded
        scale = np.ldexp(1.0, -np.frexp(trace)[1])
        off_diagonal = np.multiply(grams, scale.astype(grams.dtype)[:, None, None], out=grams if overwrite else None)
        each = np.arange(grams.shape[1])
        off_diagonal[:, each, each] = 0
        scaled = cls(off_diagonal, diagonal * scale[:, None], content, layers)
        scaled.refuse(~np.isfinite(scaled.row_sums).all(axis=1), "entries that are not finite")
        return scaled

    @property
    def examples(self) -> int:
        """n."""
        return self.off_diagonal.shape[1]

    @property
    def entries(self) -> np.ndarray:
        """(U, n^2): the matrices off the diagonal, as vectors."""
        return self.off_diagonal.reshape(len(self.off_diagonal), -1)

    @cached_property
    def row_sums(self) -> np.ndarray:
        """(U, n) float64: row sums off the diagonal; minus the diagonal itself where the matrices are centred."""
        return self.off_diagonal.sum(axis=2, dtype=np.float64)

    @cached_property
    def distance_ranks(self) -> np.ndarray:
        """(U, n (n - 1) / 2) float64: ranks of the distances between all pairs of examples, centred, of length 1.

        Ties share their mean rank. The correlation of two layers' ranks is then an inner product. Kept, because ranking
        costs more than all else: as much memory as float32 matrices take.
        Raises InputError if there are fewer than 3 examples, or if all distances in a layer are equal.
        """
        if self.examples < 3:
            raise InputError(f"ranks of distances need 3 examples, found {self.examples}")
        pairs = np.triu_indices(self.examples, k=1)
        ranks = np.empty((len(self.diagonal), len(pairs[0])))
        for number, row in enumerate(ranks):
            distances = self._squared_distances(number, pairs)
            _, place, count = np.unique(distances, return_inverse=True, return_counts=True)
            row[:] = (np.cumsum(count) - (count - 1) / 2)[place]
        ranks -= (ranks.shape[1] + 1) / 2
        length = np.linalg.norm(ranks, axis=1)
        self.refuse(length == 0, "all examples equally far apart")
        ranks /= length[:, None]
        return ranks

    def on(self, examples: np.ndarray) -> "Grams":
        """The Gram matrices of some of the examples, given by their positions.

        They are as they were, centred over all examples: HSIC centres them anew.
        """
        off_diagonal = self.off_diagonal.take(examples, axis=1).take(examples, axis=2)
        return Grams(off_diagonal, self.diagonal[:, examples], self.content, self.layers)

    def require_same_examples(self, other: "Grams") -> None:
        """Raise InputError if the other side has another number of examples."""
        if self.examples != other.examples:
            raise InputError(
                f"expected both sides to have the same examples, found {self.examples} and {other.examples}"
            )

    def refuse(self, faulty: np.ndarray, fault: str) -> None:
        """Raise InputError that names the layers of the faulty matrices, (U,) bool, if there are any."""
        names = [layer for layer, content in zip(self.layers, self.content, strict=True) if faulty[content]]
        if names:
            listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
            raise InputError(
                f"{len(names)} of {len(self.layers)} layers have {fault} over {self.examples} examples, so that their "
                f"similarity is undefined: {listed}; leave them out, or take more or other examples"
            )

    def _squared_distances(self, number: int, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """d_ij^2 = K_ii + K_jj - 2 K_ij in one matrix, for pairs of examples i, j; their ranks are those of d_ij.

        Where examples coincide, or all are equally far apart, it is exactly so, whatever rounding has made of it.
        """
        first, second = pairs
        sizes = self.diagonal[number][first] + self.diagonal[number][second]
        squared = sizes - 2 * self.off_diagonal[number][first, second]
        rounding = ROUNDINGS * np.finfo(self.off_diagonal.dtype).eps
        squared[squared <= rounding * sizes] = 0
        if np.ptp(squared) <= rounding * squared.max():
            squared[:] = squared.max()
        return squared
