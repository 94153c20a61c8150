"""From a dataset's entry in the config to its file: fetched, read by the loader that it names, written as HDF5."""

import contextlib
import difflib
import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from transferscope import store
from transferscope.data import arrays, downloads, embedded, listed, pictures, textures
from transferscope.data.collection import Collection
from transferscope.errors import InputError

IMAGES_AT_ONCE = 256


@dataclass(frozen=True)
class Loader:
    """How a dataset is read.

    read:    (folder, **options) -> Collection; without `folder` where the data is embedded or generated. Its
             parameters are the options that the dataset's entry may have.
    remotes: what can be fetched.
    remedy:  what to do, in words, about missing or damaged files where nothing can be fetched.
    """

    read: Callable[..., Collection]
    remotes: tuple[downloads.Remote, ...] = ()
    remedy: str = ""

    @property
    def parameters(self) -> list[str]:
        return list(inspect.signature(self.read).parameters)


LOADERS = {
    "fashion_mnist_sample": Loader(embedded.fashion_mnist_sample, remedy=embedded.FASHION_REMEDY),
    "digits": Loader(embedded.digits, remedy=embedded.DIGITS_REMEDY),
    "textures": Loader(textures.textures),
    "FashionMNIST": Loader(arrays.fashion_mnist, downloads.REMOTES["FashionMNIST"]),
    "CIFAR10": Loader(arrays.cifar10, downloads.REMOTES["CIFAR10"]),
    "CIFAR100": Loader(arrays.cifar100, downloads.REMOTES["CIFAR100"]),
    "SVHN": Loader(arrays.svhn, downloads.REMOTES["SVHN"]),
    "PCAM": Loader(arrays.pcam, downloads.REMOTES["PCAM"]),
    "EuroSAT": Loader(pictures.eurosat, downloads.REMOTES["EuroSAT"]),
    "DTD": Loader(pictures.dtd, downloads.REMOTES["DTD"]),
    "StanfordCars": Loader(pictures.stanford_cars, remedy=pictures.STANFORD_CARS_REMEDY),
    "ImageNet": Loader(pictures.imagenet, remedy=pictures.IMAGENET_REMEDY),
    "DomainNet": Loader(listed.domainnet, remedy=listed.DOMAINNET_REMEDY),
    "CheXpert": Loader(listed.chexpert, remedy=listed.CHEXPERT_REMEDY),
    "ImageFolder": Loader(pictures.image_folder, remedy=pictures.IMAGE_FOLDER_REMEDY),
}


def download(spec: Mapping, folder: str | Path) -> dict[str, str]:
    """Fetch what a dataset needs into `folder`, the only step that needs the internet; what is there stays.

    spec: the dataset's entry in the config: `loader`, `root` (used by the caller) and the loader's options.
    Returns the SHA-256 of each fetched file by its path in `folder`; empty where there is nothing to fetch.
    Raises InputError without network, and where files must be placed by hand and are not there.
    """
    folder, loader = Path(folder), _loader(spec)
    if not loader.remotes:
        # what must lie there by hand is better missed now than in a job hours later
        _collection(spec, folder)
        return {}
    for remote in loader.remotes:
        downloads.fetch(remote, folder)
    return downloads.manifest(loader.remotes, folder)


def prepare(spec: Mapping, folder: str | Path, path: str | Path, facts: Mapping) -> None:
    """Write a whole dataset, all its official splits, as one HDF5 file of kind "dataset"; needs no network.

    The file holds `images`, uint8 (N, H, W, C), `labels`, int64 (N,), and `splits`, int8 (N,): the index of each
    image's official split in the attribute `split_names`; and the attributes `class_names`, `source` (in words) and
    `checksum` (SHA-256 of the bytes of `images`, then of `labels`, little-endian, and of `splits`; see
    `checksum.verified_checksum`). Images are read and written a few at a time and stored one after the other,
    uncompressed, so that a row is one short read.

    spec:   as in `download`.
    folder: where the dataset's files lie; of no use to embedded and generated data.
    Raises InputError if files are missing or damaged, or an option is unknown.
    """
    folder = Path(folder)
    collection = _collection(spec, folder)
    split_names = list(dict.fromkeys(part.split for part in collection.parts))
    total = sum(part.count for part in collection.parts)
    labels, splits = np.empty(total, "<i8"), np.empty(total, np.int8)
    content = hashlib.sha256()
    with store.write_hdf5(path, "dataset", facts) as file:
        for rows, split, images, block_labels in _blocks(spec, folder, collection):
            splits[rows] = split_names.index(split)
            labels[rows] = block_labels
            stored = file.require_dataset("images", (total, *images.shape[1:]), np.uint8)
            stored[rows] = images
            content.update(np.ascontiguousarray(images))
        content.update(labels)
        content.update(splits)
        file["labels"], file["splits"] = labels, splits
        file.attrs["class_names"] = collection.class_names
        file.attrs["split_names"] = split_names
        file.attrs["source"] = collection.source
        file.attrs["checksum"] = content.hexdigest()
    for index, name in enumerate(split_names):
        print(f"{spec['loader']}: {np.count_nonzero(splits == index):,} images in split '{name}'")


def _blocks(spec: Mapping, folder: Path, collection: Collection) -> Iterator[tuple[slice, str, np.ndarray, np.ndarray]]:
    """The examples of a collection, a few at a time: rows in the dataset, split, images, labels."""
    first_row, shape = 0, None
    for part in collection.parts:
        for start in range(0, part.count, IMAGES_AT_ONCE):
            stop = min(start + IMAGES_AT_ONCE, part.count)
            with _readable(spec, folder):
                images, labels = part.read(start, stop)
                shape = shape or images.shape[1:]
                _check(images, labels, shape, len(collection.class_names))
            yield slice(first_row + start, first_row + stop), part.split, images, labels
        first_row += part.count


def _check(images: np.ndarray, labels: np.ndarray, shape: tuple[int, ...], classes: int) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(f"images are {images.dtype} {images.shape[1:]}, expected uint8 {shape} (H, W, C) as the first")
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ValueError(f"a label is {wrong[0]}, expected 0 to {classes - 1}, as there are {classes} class names")


def _loader(spec: Mapping) -> Loader:
    name = spec["loader"]
    if name not in LOADERS:
        near = difflib.get_close_matches(name, LOADERS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"choose one of {', '.join(LOADERS)}"
        raise InputError(f"unknown loader '{name}' of a dataset: {hint}")
    return LOADERS[name]


def _collection(spec: Mapping, folder: Path) -> Collection:
    """What the loader finds in `folder`; raises InputError if an option is unknown or files are missing."""
    loader, name = _loader(spec), spec["loader"]
    options = {key: value for key, value in spec.items() if key not in ("loader", "root")}
    known = [parameter for parameter in loader.parameters if parameter != "folder"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(f"the dataset loader '{name}' has no option {unknown}: its options are {known}")
    missing = [remote.gives for remote in loader.remotes if not (folder / remote.gives).exists()]
    if missing:
        raise InputError(
            f"dataset {name}: {folder} lacks {', '.join(missing)}: run the download step where there is internet "
            "access, or set 'root' to the folder where the dataset lies"
        )
    with _readable(spec, folder):
        return loader.read(folder, **options) if "folder" in loader.parameters else loader.read(**options)


@contextlib.contextmanager
def _readable(spec: Mapping, folder: Path) -> Iterator[None]:
    """Turn a loader's ValueError into an InputError that names the dataset and its folder and says what to do."""
    try:
        yield
    except InputError:
        raise
    except ValueError as error:
        loader = _loader(spec)
        gives = ", ".join(remote.gives for remote in loader.remotes)
        remedy = loader.remedy or f"delete whichever of {gives} is damaged, as a whole, and download again"
        raise InputError(
            f"dataset {spec['loader']} cannot be read from {folder}: {error}. What to do: {remedy}"
        ) from error
