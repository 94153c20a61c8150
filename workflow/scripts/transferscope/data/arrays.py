"""Published datasets that come as arrays of equal-sized images: IDX, CIFAR's binary records, MATLAB and HDF5 files.

The readers follow torchvision's folder layout, save for CIFAR: its Python version is pickled, so its binary version
is read. All raise ValueError if a file is missing, damaged or of another format.
"""

import gzip
import hashlib
import math
from pathlib import Path

import numpy as np

from transferscope.data.collection import Collection, Part, decoding

FASHION_CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]
CIFAR_SHAPE = (3, 32, 32)


def read_idx(path: Path, sha256: str = "") -> np.ndarray:
    """The array of a gzipped IDX file of unsigned bytes.

    sha256: digest that the unzipped bytes must have, where it is known.
    Raises ValueError if the content is another, no IDX file of unsigned bytes, or truncated.
    """
    with decoding(path), gzip.open(path, "rb") as stream:
        content = stream.read()
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise ValueError(f"{path}: the unzipped bytes have the SHA-256 {found}, expected {sha256}")
    if content[:3] != b"\x00\x00\x08":
        raise ValueError(f"{path} begins with {content[:4].hex()}, expected 000008 (IDX of unsigned bytes)")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4).tolist()
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions)
    if values.size != math.prod(shape):
        raise ValueError(f"{path} holds {values.size:,} values, expected {math.prod(shape):,} (shape {shape})")
    return values.reshape(shape)


def fashion_mnist(folder: Path) -> Collection:
    """Fashion-MNIST (Xiao et al. 2017): 60,000 + 10,000 grey images of 28 x 28, from FashionMNIST/raw/*.gz."""
    raw = folder / "FashionMNIST" / "raw"
    parts = [
        Part.held(
            split,
            read_idx(raw / f"{prefix}-images-idx3-ubyte.gz")[..., None],
            read_idx(raw / f"{prefix}-labels-idx1-ubyte.gz"),
        )
        for split, prefix in (("train", "train"), ("test", "t10k"))
    ]
    return Collection(FASHION_CLASSES, parts, "Fashion-MNIST (Xiao et al. 2017; MIT licence)")


def cifar10(folder: Path) -> Collection:
    """CIFAR-10, binary version: 50,000 + 10,000 images of 32 x 32 x 3, from cifar-10-batches-bin/*.bin."""
    batches = folder / "cifar-10-batches-bin"
    names = [f"data_batch_{number}.bin" for number in range(1, 6)]
    parts = [_cifar_part("train", batches / name, label_bytes=1) for name in names]
    parts.append(_cifar_part("test", batches / "test_batch.bin", label_bytes=1))
    return Collection(_lines(batches / "batches.meta.txt"), parts, "CIFAR-10 (Krizhevsky 2009), binary version")


def cifar100(folder: Path) -> Collection:
    """CIFAR-100, binary version, fine labels: 50,000 + 10,000 images of 32 x 32 x 3, from cifar-100-binary/*.bin."""
    binary = folder / "cifar-100-binary"
    parts = [_cifar_part(split, binary / f"{split}.bin", label_bytes=2) for split in ("train", "test")]
    return Collection(_lines(binary / "fine_label_names.txt"), parts, "CIFAR-100 (Krizhevsky 2009), binary version")


def _cifar_part(split: str, path: Path, label_bytes: int) -> Part:
    """Records of `label_bytes` labels (from coarse to fine) and one image, channel by channel."""
    record_bytes = label_bytes + math.prod(CIFAR_SHAPE)
    with decoding(path):
        content = np.fromfile(path, np.uint8)
    if content.size == 0 or content.size % record_bytes:
        raise ValueError(f"{path} holds {content.size:,} bytes, expected a multiple of {record_bytes:,}")
    records = content.reshape(-1, record_bytes)
    images = records[:, label_bytes:].reshape(-1, *CIFAR_SHAPE).transpose(0, 2, 3, 1)
    return Part.held(split, images, records[:, label_bytes - 1])


def _lines(path: Path) -> list[str]:
    with decoding(path):
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]


def svhn(folder: Path) -> Collection:
    """SVHN (Netzer et al. 2011), cropped digits: 73,257 + 26,032 images of 32 x 32 x 3, from {split}_32x32.mat."""
    parts = [_svhn_part(split, folder / f"{split}_32x32.mat") for split in ("train", "test")]
    return Collection([str(digit) for digit in range(10)], parts, "SVHN, cropped digits (Netzer et al. 2011)")


def _svhn_part(split: str, path: Path) -> Part:
    from scipy.io import loadmat

    with decoding(path):
        content = loadmat(path, variable_names=["X", "y"])
        images, labels = content["X"].transpose(3, 0, 1, 2), content["y"].ravel()
    # the files label the digit 0 as 10
    return Part.held(split, images, labels % 10)


def pcam(folder: Path) -> Collection:
    """PatchCamelyon (Veeling et al. 2018): 262,144 + 32,768 + 32,768 images of 96 x 96 x 3, from pcam/*.h5."""
    names = {"train": "train", "val": "valid", "test": "test"}
    parts = [_pcam_part(split, folder / "pcam", name) for split, name in names.items()]
    return Collection(["no tumour", "tumour"], parts, "PatchCamelyon (Veeling et al. 2018; CC0)")


def _pcam_part(split: str, folder: Path, name: str) -> Part:
    import h5py

    image_file, label_file = (folder / f"camelyonpatch_level_2_split_{name}_{axis}.h5" for axis in "xy")

    def read(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        with decoding(image_file), h5py.File(image_file, "r", locking=False) as images:
            block = images["x"][start:stop]
        return block, labels[start:stop]

    with decoding(label_file), h5py.File(label_file, "r", locking=False) as file:
        labels = file["y"][:].reshape(-1).astype(np.int64)
    with decoding(image_file), h5py.File(image_file, "r", locking=False) as file:
        count = len(file["x"])
    if count != len(labels):
        raise ValueError(f"{image_file} has {count:,} images and {label_file} {len(labels):,} labels")
    return Part(split, count, read)
