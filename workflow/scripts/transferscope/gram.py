"""The centred Gram matrix of a layer: all that CKA and RSA need to know of it, whatever its number of features."""

import numpy as np

from transferscope.errors import InputError

# features that are centred and multiplied at a time: enough for BLAS to be fast, few enough that no second copy of a
# layer with a million features is ever made
FEATURES_AT_A_TIME = 8192


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
