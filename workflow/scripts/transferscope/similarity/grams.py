"""The Gram matrices of a network's layers, scaled and checked, and what is asked of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from transferscope.errors import InputError
from transferscope.gram import centred_gram

# a distance counts as zero, and distances as equal, below so many roundings of the numbers that they are left of
ROUNDINGS = 16


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
