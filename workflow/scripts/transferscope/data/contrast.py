"""The contrast of images, as radiographs are prepared (Neyshabur et al. 2020 after CheXpert's own baseline)."""

import numpy as np


def equalised(images: np.ndarray) -> np.ndarray:
    """Histogram equalisation: grey values are spread so that each range of them is about equally frequent.

    Value v becomes 255 (c(v) - c_min) / (N - c_min), rounded, where c(v) of an image's N pixels are at most v and c_min
    have its lowest value: OpenCV's `equalizeHist`. Each channel of each image by itself; one of a single value stays.
    images: uint8 (n, H, W, C). Returns the same shape and type.
    """
    values = np.moveaxis(images, -1, 1).reshape(-1, images.shape[1] * images.shape[2])
    found = np.empty_like(values)
    for row, channel in enumerate(values):
        below = np.cumsum(np.bincount(channel, minlength=256))
        lowest = below[channel.min()]
        spread = 255 * (below - lowest) / max(len(channel) - lowest, 1)
        found[row] = np.rint(spread.clip(0))[channel] if lowest < len(channel) else channel
    shape = (len(images), images.shape[3], *images.shape[1:3])
    return np.moveaxis(found.reshape(shape), 1, -1)
