"""Published datasets and users' own that come as folders of image files, read through torchvision's datasets."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transferscope.data.collection import Collection, Part, decoding

if TYPE_CHECKING:
    from torchvision.datasets import VisionDataset

# what pictures of datasets are; of the others that Pillow knows, some are programs for an interpreter (EPS)
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
STANFORD_CARS_REMEDY = (
    "Stanford Cars cannot be fetched automatically, its original address is gone. From a copy of the dataset (its own "
    "archives cars_train.tgz, cars_test.tgz, car_devkit.tgz and the file cars_test_annos_withlabels.mat) make "
    "stanford_cars/cars_train/*.jpg, stanford_cars/cars_test/*.jpg, stanford_cars/devkit/cars_meta.mat, "
    "stanford_cars/devkit/cars_train_annos.mat and stanford_cars/cars_test_annos_withlabels.mat there"
)
IMAGENET_REMEDY = (
    "ImageNet cannot be fetched automatically, its terms ask each user to register at image-net.org. From there take "
    "the archives ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar and unpack them, one folder a class, into "
    "train/<WordNet id>/*.JPEG and val/<WordNet id>/*.JPEG (the validation images come unsorted: sort them with the "
    "devkit's ground truth)"
)
IMAGE_FOLDER_REMEDY = (
    "an ImageFolder is read from where it lies ('root' in the config): <class>/<image> without official splits, or "
    "train/<class>/<image> beside test/<class>/<image> and, if there is one, val/<class>/<image>"
)


def read_picture(path: str, size: int | None) -> np.ndarray:
    """An image file as RGB, uint8 (H, W, 3).

    size: the shorter side is resized to it (bilinear, antialiased) and the centre cropped to size x size; None: as is.
    Raises ValueError, naming the file, if it cannot be decoded.
    """
    from PIL import Image, ImageOps

    with decoding(path), Image.open(path, formats=FORMATS) as file:
        image = file.convert("RGB")
    if size is not None:
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _part(split: str, dataset: "VisionDataset") -> Part:
    def read(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        images, labels = zip(*(dataset[row] for row in range(start, stop)), strict=True)
        return np.stack(images), np.array(labels, np.int64)

    return Part(split, len(dataset), read)


def eurosat(folder: Path) -> Collection:
    """EuroSAT, RGB (Helber et al. 2019): 27,000 images of 64 x 64, no official split, from eurosat/2750/<class>/."""
    from torchvision.datasets import EuroSAT

    with decoding(folder / "eurosat"):
        dataset = EuroSAT(folder, loader=partial(read_picture, size=None))
    return Collection(dataset.classes, [_part("all", dataset)], "EuroSAT, RGB (Helber et al. 2019; MIT licence)")


def dtd(folder: Path, size: int = 256) -> Collection:
    """Describable Textures (Cimpoi et al. 2014), partition 1: train and val as "train" (3,760), test (1,880)."""
    from torchvision.datasets import DTD

    load = partial(read_picture, size=size)
    with decoding(folder / "dtd"):
        parts = {name: DTD(folder, name, partition=1, loader=load) for name in ("train", "val", "test")}
    return Collection(
        parts["train"].classes,
        [_part("train", parts["train"]), _part("train", parts["val"]), _part("test", parts["test"])],
        "Describable Textures, partition 1 (Cimpoi et al. 2014)",
    )


def stanford_cars(folder: Path, size: int = 256) -> Collection:
    """Stanford Cars (Krause et al. 2013): 8,144 + 8,041 images of 196 models, from stanford_cars/."""
    from torchvision.datasets import StanfordCars

    load = partial(read_picture, size=size)
    with decoding(folder / "stanford_cars"):
        splits = {name: StanfordCars(folder, name, loader=load) for name in ("train", "test")}
    parts = [_part(name, dataset) for name, dataset in splits.items()]
    return Collection(splits["train"].classes, parts, "Stanford Cars (Krause et al. 2013)")


def imagenet(folder: Path, size: int = 256) -> Collection:
    """ImageNet-1k (Russakovsky et al. 2015), classes named by WordNet ids: train/ as "train", val/ as "test".

    The class folders are read as they are: torchvision's own ImageNet would need a pickled index.
    """
    return _class_folders(folder, {"train": "train", "test": "val"}, size, "ImageNet-1k (Russakovsky et al. 2015)")


def image_folder(folder: Path, size: int = 256) -> Collection:
    """A user's own images: {train,val,test}/<class>/<image> with these splits, else <class>/<image> as split "all"."""
    splits = {name: name for name in ("train", "val", "test") if (folder / name).is_dir()}
    if "train" not in splits:
        splits = {"all": "."}
    return _class_folders(folder, splits, size, f"image folder {folder}")


def _class_folders(folder: Path, splits: dict[str, str], size: int, source: str) -> Collection:
    """Splits, each a folder of class folders; all must have the same classes."""
    from torchvision.datasets import ImageFolder

    load = partial(read_picture, size=size)
    with decoding(folder):
        found = {split: ImageFolder(folder / name, loader=load) for split, name in splits.items()}
    classes = next(iter(found.values())).classes
    for split, dataset in found.items():
        if dataset.classes != classes:
            unequal = sorted(set(dataset.classes) ^ set(classes))
            raise ValueError(f"the splits {list(found)} must have the same classes; '{split}' differs in {unequal}")
    return Collection(classes, [_part(split, dataset) for split, dataset in found.items()], source)
