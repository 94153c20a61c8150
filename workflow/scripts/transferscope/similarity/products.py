"""Inner products of many long vectors: float64 in the large, the vectors' own precision in the small."""

from collections.abc import Callable

import numpy as np

# entries that are summed in float32 before float64 takes over: as fast as all at once, more exact
ENTRIES_AT_A_TIME = 2**14

Product = Callable[[np.ndarray, np.ndarray], np.ndarray]


def all_pairs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(U, V) inner products of all rows of a with all rows of b."""
    return _in_blocks(lambda left, right: left @ right.T, a, b)


def corresponding(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(U,) inner products of the rows of a with the same rows of b."""
    return _in_blocks(np.vecdot, a, b)


def chosen_pairs(rows_a: np.ndarray, rows_b: np.ndarray) -> Product:
    """The product that gives (N,) inner products, of row rows_a[i] of a with row rows_b[i] of b."""
    return lambda a, b: _in_blocks(lambda left, right: np.vecdot(left[rows_a], right[rows_b]), a, b)


def _in_blocks(product: Product, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A product along the last axis, block by block."""
    total = np.float64(0)
    for start in range(0, a.shape[1], ENTRIES_AT_A_TIME):
        block = slice(start, start + ENTRIES_AT_A_TIME)
        total = total + product(a[:, block], b[:, block])
    return total
