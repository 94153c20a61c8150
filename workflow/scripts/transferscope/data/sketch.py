"""Photographs as line drawings: a domain of the same things in another medium, as DomainNet's sketches are."""

import numpy as np


def edges(images: np.ndarray) -> np.ndarray:
    """Outlines, white on black: the magnitude of Sobel's gradient in each channel (Sobel & Feldman 1968).

    images: uint8 (n, H, W, C). A straight step from black to white becomes white (255), one of half that contrast half
    as bright, whatever else the image shows; what would be brighter, as corners may, is white, too. The image goes on
    beyond its border as it is there: a border is no edge.
    Returns uint8 (n, H, W, C).
    """
    padded = np.pad(images.astype(np.float32), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    smooth_rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth_columns = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    across = smooth_rows[:, :, 2:] - smooth_rows[:, :, :-2]
    down = smooth_columns[:, 2:] - smooth_columns[:, :-2]
    # the kernels' weights on either side of an edge sum to 4
    return np.rint(np.minimum(np.hypot(across, down) / 4, 255)).astype(np.uint8)
