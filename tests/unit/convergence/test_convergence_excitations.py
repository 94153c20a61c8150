"""Patches of the images that excite a unit, cut by hand, and the files that hold where they are."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from transferscope.convergence import excitations
from transferscope.convergence.excitations import Excitations
from transferscope.errors import InputError


def three_by_three(positions):
    """Units of a 3x3 convolution with padding over images of 4x4, each with two images."""
    fields = [
        [max(row - 1, 0), min(row + 2, 4), max(column - 1, 0), min(column + 2, 4)]
        for row in range(4)
        for column in range(4)
    ]
    values = np.array([[2, 1]] * len(positions), np.float32)
    return Excitations(values, np.zeros((len(positions), 2), np.int64), np.array(positions), np.array(fields), 4)


def numbered(count=2, size=4):
    """Images whose pixels say where they are: 1 to 16, and 101 to 116."""
    image = np.arange(1, size**2 + 1, dtype=np.uint8).reshape(size, size, 1)
    return np.stack([image + 100 * number for number in range(count)]).astype(np.uint8)


def test_patches_are_what_a_unit_sees_with_zeros_beyond_the_edge():
    found = three_by_three([[5, 10], [0, 15], [3, 8]])
    middle, corners, sides = (found.patches(unit, numbered())[..., 0].tolist() for unit in (0, 1, 2))
    assert middle == [[[1, 2, 3], [5, 6, 7], [9, 10, 11]], [[106, 107, 108], [110, 111, 112], [114, 115, 116]]]
    assert corners == [[[0, 0, 0], [0, 1, 2], [0, 5, 6]], [[111, 112, 0], [115, 116, 0], [0, 0, 0]]]
    assert sides == [[[0, 0, 0], [3, 4, 0], [7, 8, 0]], [[0, 105, 106], [0, 109, 110], [0, 113, 114]]]


def test_patches_of_larger_images_are_cut_in_proportion():
    large = numbered().repeat(3, axis=1).repeat(3, axis=2)
    found = three_by_three([[5, 0]])
    expected = found.patches(0, numbered()).repeat(3, axis=1).repeat(3, axis=2)
    assert (found.patches(0, large) == expected).all()
    wide = numbered().repeat(2, axis=1).repeat(3, axis=2)
    assert (found.patches(0, wide) == found.patches(0, numbered()).repeat(2, axis=1).repeat(3, axis=2)).all()
    # half a pixel that is seen is a whole pixel of the patch
    assert found.patches(0, numbered()[:, :2, :2]).shape == (2, 2, 2, 1)


@pytest.mark.parametrize("padding", [0, 4])
def test_black_is_beyond_the_edge_alone_whatever_pixels_are_cut_from(padding):
    # 11 pixels every 4, as of the first layer of CaffeNet, of an input of 227 pixels that was made of 256
    first = np.arange(-padding, 227 + padding - 10, 4)
    ends = np.column_stack([first.clip(0), (first + 11).clip(max=227)])
    fields = np.hstack([ends, ends[::-1]])
    count = len(fields)
    excited = Excitations(np.ones((1, count)), np.arange(count)[None], np.arange(count)[None], fields, 227)
    # pixels say in which row and column they are, from 1
    images = np.broadcast_to(np.stack(np.indices((256, 256), np.uint16) + 1, axis=-1), (count, 256, 256, 2))
    found = excited.patches(0, images)
    assert found.shape == (count, 14, 14, 2)
    for patch, field in zip(found, fields, strict=True):
        for axis, (start, end) in enumerate(field.reshape(2, 2)):
            pixels = patch[..., axis].max(axis=1 - axis)
            assert np.count_nonzero(pixels == 0) == np.floor((11 - (end - start)) * 256 / 227)
            inside = pixels[pixels > 0]
            assert (np.diff(inside) == 1).all()
            assert inside[0] <= 1 + start * 256 / 227 and inside[-1] >= end * 256 / 227


def test_a_dense_unit_sees_the_whole_image():
    dense = replace(three_by_three([[0, 0]]), fields=np.array([[0, 4, 0, 4]]))
    assert (dense.patches(0, numbered()) == numbered()).all()


def test_as_many_images_as_there_are_places_for_are_expected():
    with pytest.raises(ValueError):
        three_by_three([[5, 10]]).patches(0, numbered(3))


def test_a_file_gives_back_what_was_written(tmp_path):
    layers = {"conv1": three_by_three([[5, 10], [0, 15]]), "conv2": three_by_three([[1, 2]])}
    excitations.write(tmp_path / "excitations.h5", layers, {"network": "seed0"})
    found, facts = excitations.read(tmp_path / "excitations.h5")
    assert facts == {"network": "seed0"}
    assert list(found) == ["conv1", "conv2"]
    for name, layer in layers.items():
        for field in ("values", "images", "positions", "fields", "image_size"):
            np.testing.assert_array_equal(getattr(found[name], field), getattr(layer, field))
        assert found[name].values.dtype == np.float32
    with h5py.File(tmp_path / "excitations.h5", "a") as file:
        file["arrays/0/images"][0, 0] = 7
    with pytest.raises(InputError, match=r"excitations.h5 is damaged \(layer conv1"):
        excitations.read(tmp_path / "excitations.h5", layers=["conv1"])
