"""The data that needs no download: Fashion-MNIST's test file and scikit-learn's digits."""

import gzip
import struct

import numpy as np
import pytest
import sklearn.datasets

from transferscope.data import datasets, embedded
from transferscope.errors import InputError


def test_the_embedded_sample_is_the_official_test_file_with_a_thousand_images_a_class():
    collection = embedded.fashion_mnist_sample()
    (part,) = collection.parts
    images, labels = part.read(0, part.count)
    assert part.split == "test"
    assert images.shape == (10_000, 28, 28, 1) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [1000] * 10
    # the first images of the published file
    first = ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]
    assert [collection.class_names[label] for label in labels[:5]] == first
    unzipped = gzip.decompress((embedded.RESOURCES / "t10k-images-idx3-ubyte.gz").read_bytes())
    assert struct.unpack(">4I", unzipped[:16]) == (0x00000803, 10_000, 28, 28)
    assert images.tobytes() == unzipped[16:]


def test_an_embedded_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    changed = bytearray(gzip.decompress((embedded.RESOURCES / "t10k-images-idx3-ubyte.gz").read_bytes()))
    changed[5000] ^= 1
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(changed, compresslevel=1))
    monkeypatch.setattr(embedded, "RESOURCES", tmp_path)
    with pytest.raises(InputError, match=r"fashion_mnist_sample.*SHA-256.*expected 5b4141f0.*restore"):
        datasets.prepare({"loader": "fashion_mnist_sample"}, tmp_path, tmp_path / "fashion.h5", {})
    assert not (tmp_path / "fashion.h5").exists()


def test_enlarged_digits_are_scikit_learns_digits():
    (part,) = embedded.digits().parts
    images, labels = part.read(0, part.count)
    original, true_labels = sklearn.datasets.load_digits(return_X_y=True)
    assert part.split == "all"
    assert images.shape == (1797, 28, 28, 1) and images.dtype == np.uint8
    assert labels.tolist() == true_labels.tolist()
    assert images.min() == 0 and images.max() > 240
    # the enlarged image at the centres of the original's pixels: 8 x 8 on 28 x 28
    centres = np.rint((np.arange(8) + 0.5) * 3.5 - 0.5).astype(int)
    sampled = images[:, centres[:, None], centres, 0]
    assert np.corrcoef(sampled.ravel(), original.ravel())[0, 1] > 0.98
