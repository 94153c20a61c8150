"""What is known of images before they are there: how many, in which splits, of how many classes and what size."""

import math
from collections.abc import Mapping
from typing import NamedTuple

# images in each official split, by loader; None: known only when the data is there
SPLITS = {
    "fashion_mnist_sample": {"test": 10_000},
    "digits": {"all": 1_797},
    "textures": {"all": None},
    "FashionMNIST": {"train": 60_000, "test": 10_000},
    "CIFAR10": {"train": 50_000, "test": 10_000},
    "CIFAR100": {"train": 50_000, "test": 10_000},
    "SVHN": {"train": 73_257, "test": 26_032},
    "PCAM": {"train": 262_144, "val": 32_768, "test": 32_768},
    "EuroSAT": {"all": 27_000},
    "DTD": {"train": 3_760, "test": 1_880},
    "StanfordCars": {"train": 8_144, "test": 8_041},
    "ImageNet": {"train": 1_281_167, "test": 50_000},
    "DomainNet": {"train": None, "test": None},
    "CheXpert": {"train": 223_414, "val": 234},
    "ImageFolder": {"train": None, "val": None, "test": None, "all": None},
}
# the same for classes
CLASSES = {
    "fashion_mnist_sample": 10,
    "digits": 10,
    "textures": None,
    "FashionMNIST": 10,
    "CIFAR10": 10,
    "CIFAR100": 100,
    "SVHN": 10,
    "PCAM": 2,
    "EuroSAT": 10,
    "DTD": 47,
    "StanfordCars": 196,
    "ImageNet": 1_000,
    "DomainNet": 345,
    "CheXpert": 2,
    "ImageFolder": None,
}
# height and width of the images, by loader; of the other loaders it is the dataset's option `size`
SIZES = {
    "fashion_mnist_sample": 28,
    "digits": 28,
    "FashionMNIST": 28,
    "CIFAR10": 32,
    "CIFAR100": 32,
    "SVHN": 32,
    "PCAM": 96,
    "EuroSAT": 64,
}


class Part(NamedTuple):
    """The images that a task trains or tests on: [first, end) in the fixed order of an official split.

    The bounds are row numbers, or fractions where the config gives fractions of a split whose size is not known yet.
    """

    dataset: str
    split: str
    first: int | float
    end: int | float

    @property
    def images(self) -> int | float:
        """Number of images; where it is not known, more than anyone can ask for."""
        return self.end - self.first if isinstance(self.end, int) else math.inf

    def overlaps(self, other: "Part") -> bool:
        """Whether an image may be in both; where rows are to be compared with fractions, that cannot be excluded."""
        if (self.dataset, self.split) != (other.dataset, other.split):
            return False
        return type(self.end) is not type(other.end) or (self.first < other.end and other.first < self.end)


def images_in(dataset: Mapping, split: str) -> int | None:
    """Images in an official split of a dataset, an entry under `datasets`; None: known only when the data is there."""
    known = SPLITS[dataset["loader"]][split]
    return dataset.get("images") if known is None else known


def classes_of(dataset: Mapping) -> int | None:
    """Classes of a dataset, an entry under `datasets`; None: known only when the data is there."""
    known = CLASSES[dataset["loader"]]
    return dataset.get("classes") if known is None else known


def size_of(dataset: Mapping) -> int:
    """Height and width in pixels of the images of a dataset, an entry under `datasets` with its defaults."""
    return SIZES.get(dataset["loader"]) or dataset["size"]


def part_of(config: Mapping, task: str, name: str) -> Part:
    """The train or test part of a task, `name`, in a config whose rows make sense."""
    dataset, part = config["tasks"][task]["dataset"], config["tasks"][task][name]
    first, end = part["rows"]
    if isinstance(first, float) or isinstance(end, float):
        count = images_in(config["datasets"][dataset], part["split"])
        first, end = (float(first), float(end)) if count is None else (round(first * count), round(end * count))
    return Part(dataset, part["split"], first, end)
