"""Shuffled images: every block moves, nothing is lost, and the seed alone decides where to."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from transferscope.data import shuffle
from transferscope.errors import InputError

ROWS = np.array([5, 9])


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (2, 12, 8, 3), np.uint8)


# ---- derangements ----


@pytest.mark.parametrize("count", [2, 3, 4, 784])
def test_a_derangement_is_an_order_that_leaves_nothing_in_its_place(count, rng):
    for _ in range(20):
        order = shuffle.derangement(count, rng)
        assert sorted(order) == list(range(count))
        assert (order != np.arange(count)).all()


def test_all_derangements_are_equally_likely(rng):
    # of the 24 orders of four things nine leave none in its place
    possible = [order for order in itertools.permutations(range(4)) if all(order[k] != k for k in range(4))]
    assert len(possible) == 9
    drawn = [possible.index(tuple(shuffle.derangement(4, rng).tolist())) for _ in range(9_000)]
    assert chisquare(np.bincount(drawn, minlength=9)).pvalue > 1e-4


def test_one_block_has_nowhere_to_go(rng):
    with pytest.raises(ValueError, match="1 block cannot change places"):
        shuffle.derangement(1, rng)


# ---- blocks ----


def test_blocks_are_counted_row_by_row_and_each_becomes_what_its_order_says():
    image = np.array([[1, 2, 5, 6], [3, 4, 7, 8]], np.uint8)[None, :, :, None]
    moved = shuffle.rearranged(image, 1, np.array([1, 0, 3, 2, 5, 4, 7, 6]))
    assert moved[0, :, :, 0].tolist() == [[2, 1, 6, 5], [4, 3, 8, 7]]
    moved = shuffle.rearranged(image, 2, np.array([1, 0]))
    assert moved[0, :, :, 0].tolist() == [[5, 6, 1, 2], [7, 8, 3, 4]]


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("per_image", [False, True])
def test_the_inverse_order_restores_the_image(size, per_image, images, rng):
    blocks = 12 * 8 // size**2
    orders = np.stack([shuffle.derangement(blocks, rng) for _ in images]) if per_image else rng.permutation(blocks)
    moved = shuffle.rearranged(images, size, orders)
    assert moved.dtype == np.uint8 and (moved != images).any()
    np.testing.assert_array_equal(shuffle.rearranged(moved, size, np.argsort(orders)), images)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("per_image", [False, True])
def test_no_block_stays_and_none_is_torn(size, per_image):
    # each pixel knows its block and its place in it
    rows, columns = np.mgrid[:12, :8]
    block, inside = (8 // size) * (rows // size) + columns // size, size * (rows % size) + columns % size
    image = np.stack([block, inside], axis=-1)
    moved = shuffle.shuffled_blocks(image.shape, 3, size, per_image)(np.stack([image, image]), ROWS)
    for found in moved:
        assert (found[..., 0] != block).all()
        np.testing.assert_array_equal(found[..., 1], inside)
        assert sorted(found[::size, ::size, 0].ravel()) == list(range(96 // size**2))


def test_all_images_are_shuffled_alike_and_so_they_are_whatever_else_is_in_the_batch(images):
    same = np.stack([images[0], images[0]])
    change = shuffle.shuffled_blocks(images.shape[1:], 3, 2)
    first, second = change(same, ROWS)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(change(images[1:], ROWS[1:])[0], change(images, ROWS)[1])


def test_per_image_the_row_in_the_dataset_decides_and_not_the_batch(images):
    same = np.stack([images[0], images[0]])
    change = shuffle.shuffled_blocks(images.shape[1:], 3, 2, per_image=True)
    first, second = change(same, ROWS)
    assert (first != second).any()
    np.testing.assert_array_equal(change(same[:1], ROWS[1:])[0], second)
    np.testing.assert_array_equal(change(same, ROWS[::-1])[1], first)


@pytest.mark.parametrize("per_image", [False, True])
def test_the_order_is_that_of_the_seed(per_image, images):
    first, again, other = (
        shuffle.shuffled_blocks(images.shape[1:], seed, 2, per_image)(images, ROWS) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("size", [0, 3, 5, 8, 12, 24])
def test_blocks_that_do_not_fit_are_refused_with_those_that_do(size, images):
    expected = rf"shuffle_blocks.size is {size}, expected one of 1, 2, 4: .* 12 x 8 pixels"
    with pytest.raises(InputError, match=expected):
        shuffle.shuffled_blocks(images.shape[1:], 0, size)


# ---- pixels ----


def test_shuffled_pixels_move_across_channels_in_one_order():
    values = np.stack([np.arange(12 * 8 * 3).reshape(12, 8, 3)] * 2)
    first, second = shuffle.shuffled_pixels((12, 8, 3), 3)(values, ROWS)
    np.testing.assert_array_equal(first, second)
    assert (first != values[0]).all()
    assert sorted(first.ravel()) == list(range(288))
    assert (first % 3 != values[0] % 3).any()
    assert (shuffle.shuffled_pixels((12, 8, 3), 4)(values, ROWS)[0] != first).any()
