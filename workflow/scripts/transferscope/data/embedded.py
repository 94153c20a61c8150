"""Datasets that need no download: Fashion-MNIST's test file, carried by the project, and scikit-learn's digits."""

from pathlib import Path

import numpy as np

from transferscope.data.arrays import FASHION_CLASSES, read_idx
from transferscope.data.collection import Collection, Part

RESOURCES = Path(__file__).parents[3] / "resources"
FASHION_IMAGES_SHA256 = "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
FASHION_LABELS_SHA256 = "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
DIGITS_SIZE = 28
FASHION_REMEDY = f"restore {RESOURCES} from the repository"
DIGITS_REMEDY = "install scikit-learn again"


def fashion_mnist_sample() -> Collection:
    """Fashion-MNIST's official test split: 10,000 grey images of 28 x 28, 1,000 of each class, as split "test".

    Raises ValueError if the file is not the published one.
    """
    images = read_idx(RESOURCES / "t10k-images-idx3-ubyte.gz", FASHION_IMAGES_SHA256)
    labels = read_idx(RESOURCES / "t10k-labels-idx1-ubyte.gz", FASHION_LABELS_SHA256)
    return Collection(
        FASHION_CLASSES,
        [Part.held("test", images[..., None], labels)],
        "Fashion-MNIST, official test file (Xiao et al. 2017; MIT licence)",
    )


def digits() -> Collection:
    """scikit-learn's handwritten digits: 1,797 grey images of 8 x 8, enlarged to 28 x 28 (bilinear), split "all"."""
    from PIL import Image
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    small = np.rint(small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    enlarged = [
        np.asarray(Image.fromarray(image).resize((DIGITS_SIZE, DIGITS_SIZE), Image.Resampling.BILINEAR))
        for image in small
    ]
    return Collection(
        [str(digit) for digit in range(10)],
        [Part.held("all", np.stack(enlarged)[..., None], labels)],
        "UCI optical digits, as shipped with scikit-learn (Alpaydin & Kaynak 1998; CC BY 4.0)",
    )
