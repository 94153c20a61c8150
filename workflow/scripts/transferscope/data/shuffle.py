"""Images cut into square blocks that change places (Neyshabur et al. 2020, figure 3): what is left is what is local.

Where the paper's own code draws any permutation of the blocks, some may stay in place; of the four blocks of half an
image's side, all four did under one of its seeds. Here every block moves.
"""

from collections.abc import Callable, Sequence

import numpy as np

from transferscope.errors import InputError
from transferscope.randomness import numpy_generator


def derangement(count: int, generator: np.random.Generator) -> np.ndarray:
    """A random order of 0 to count - 1 that leaves none in its place, each such order being equally likely.

    Returns int64 (count,). Of all orders, about one in e is such: they are drawn until one is.
    Raises ValueError if count is below 2: there is no such order.
    """
    if count < 2:
        raise ValueError(f"{count} block cannot change places")
    while True:
        order = generator.permutation(count)
        if (order != np.arange(count)).all():
            return order


def rearranged(images: np.ndarray, size: int, orders: np.ndarray) -> np.ndarray:
    """Images whose blocks stand in another order.

    images: (n, H, W, C). size: side of a block in pixels; divides H and W.
    orders: int (B,) for all images alike, or (n, B), a row an image; block i, counted row by row from the top left,
        becomes what block orders[i] was, so that np.argsort(orders) is the way back.
    Returns (n, H, W, C) of the same type.
    """
    count, height, width, channels = images.shape
    down, across = height // size, width // size
    blocks = images.reshape(count, down, size, across, size, channels).swapaxes(2, 3)
    blocks = blocks.reshape(count, down * across, size, size, channels)
    moved = blocks[np.arange(count)[:, None], np.broadcast_to(orders, (count, down * across))]
    return moved.reshape(count, down, across, size, size, channels).swapaxes(2, 3).reshape(images.shape)


def shuffled_blocks(
    shape: Sequence[int], seed: int, size: int, per_image: bool = False
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """How a run shuffles the blocks of its images: images (n, H, W, C) and their rows (n,) -> images (n, H, W, C).

    shape: (H, W, C) of every image. seed: the run's; training and test images of one seed are shuffled alike.
    size: side of a block in pixels, less than the image's: there must be blocks to change places.
    per_image: give each image an order of its own, drawn from its row in the dataset, in place of one for all. The
        paper's is one for all; with one for each, where a block stands says nothing at all.
    Raises InputError if the blocks do not fit the image.
    """
    height, width = shape[:2]
    valid = [side for side in range(1, max(height, width)) if height % side == width % side == 0]
    if size not in valid:
        raise InputError(
            f"shuffle_blocks.size is {size}, expected one of {', '.join(map(str, valid))}: the blocks of images of "
            f"{height} x {width} pixels must be whole, and two or more (leave shuffle_blocks out for none)"
        )
    blocks = (height // size) * (width // size)

    def drawn(*purpose: int) -> np.ndarray:
        return derangement(blocks, numpy_generator(seed, "shuffle blocks", *purpose))

    if not per_image:
        order = drawn()
        return lambda images, rows: rearranged(images, size, order)
    return lambda images, rows: rearranged(images, size, np.stack([drawn(row) for row in rows.tolist()]))


def shuffled_pixels(shape: Sequence[int], seed: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """How a run shuffles all values of its images, across pixels and channels, as `shuffled_blocks` does blocks.

    One order for all images: the paper's "channel-wise pixel shuffling". For grey images it is what blocks of one pixel
    are.
    """
    order = derangement(int(np.prod(shape)), numpy_generator(seed, "shuffle pixels"))
    return lambda images, rows: images.reshape(len(images), -1)[:, order].reshape(images.shape)
