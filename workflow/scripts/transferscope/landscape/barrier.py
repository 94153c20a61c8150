"""How high the barrier is between two networks, from what is seen along the straight line between them."""

import numpy as np


def barriers(t: np.ndarray, accuracy: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
    """How far accuracy falls, and loss rises, between two networks, beyond the worse of the two.

    min(accuracy at t = 0 and 1) - min over t in [0, 1] of accuracy(t), and
    max over t in [0, 1] of loss(t) - max(loss at t = 0 and 1).

    t: (n,) positions as in `path.along_path`, in any order, 0 and 1 among them; those beyond do not count.
    accuracy: (n,) fractions; of a network for two classes it may be AUC. loss: (n,).
    Returns both, >= 0: 0 if no point between is worse than the worse end, as within one basin (Neyshabur et al. 2020
    call it a performance barrier, and show curves alone). Raises ValueError if an end is missing.
    """
    t, accuracy, loss = (np.asarray(values, float) for values in (t, accuracy, loss))
    ends, within = (t == 0) | (t == 1), (t >= 0) & (t <= 1)
    if np.unique(t[ends]).size < 2:
        raise ValueError(f"a barrier needs both ends, t = 0 and t = 1, found {np.unique(t).tolist()}")
    return float(accuracy[ends].min() - accuracy[within].min()), float(loss[within].max() - loss[ends].max())
