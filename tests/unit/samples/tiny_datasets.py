"""Published datasets as tiny copies in their own on-disk formats, and what becomes of them.

In all of them the images are of the class and split that their place says.
"""

import gzip
import hashlib
import struct
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from PIL import Image

from transferscope import store
from transferscope.data import datasets, listed


def prepared(spec: dict, folder: Path, path: Path) -> dict:
    """What `prepare` wrote, and that it hangs together."""
    datasets.prepare(spec, folder, path, {"made": "by a test"})
    with store.open_hdf5(path, "dataset") as file:
        assert store.read_facts(file) == {"made": "by a test"}
        content = {name: file[name][:] for name in ("images", "labels", "splits")} | dict(file.attrs)
    assert content["images"].dtype == np.uint8 and content["labels"].dtype == np.int64
    assert content["splits"].dtype == np.int8
    bytes_in_order = b"".join(content[name].tobytes() for name in ("images", "labels", "splits"))
    assert content["checksum"] == hashlib.sha256(bytes_in_order).hexdigest()
    return content


def split_of(content: dict, name: str) -> tuple[np.ndarray, list[int]]:
    rows = content["splits"] == list(content["split_names"]).index(name)
    return content["images"][rows], content["labels"][rows].tolist()


def write_idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


def write_flat_picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, quality=95)


def write_fashion_mnist(folder: Path, rng: np.random.Generator) -> dict[str, np.ndarray]:
    written = {}
    for split, prefix, count in (("train", "train", 20), ("test", "t10k", 10)):
        written[split] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        write_idx(folder / f"FashionMNIST/raw/{prefix}-images-idx3-ubyte.gz", written[split])
        write_idx(folder / f"FashionMNIST/raw/{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return written


def cifar_record(labels: list[int], image: np.ndarray) -> bytes:
    """Label bytes, then all red, all green, all blue values of an image (32, 32, 3), row by row."""
    return bytes(labels) + b"".join(image[:, :, channel].tobytes() for channel in range(3))


def write_cifar10(folder: Path, rng: np.random.Generator) -> np.ndarray:
    batches = folder / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    images = rng.integers(0, 256, (6, 32, 32, 3), np.uint8)
    for number, image in enumerate(images):
        name = "test_batch.bin" if number == 5 else f"data_batch_{number + 1}.bin"
        (batches / name).write_bytes(cifar_record([number], image) + cifar_record([9 - number], 255 - image))
    (batches / "batches.meta.txt").write_text("\n".join(f"class{index}" for index in range(10)) + "\n\n")
    return images


def write_cifar100(folder: Path, rng: np.random.Generator) -> np.ndarray:
    binary = folder / "cifar-100-binary"
    binary.mkdir(parents=True)
    images = rng.integers(0, 256, (2, 32, 32, 3), np.uint8)
    (binary / "train.bin").write_bytes(cifar_record([3, 77], images[0]))
    (binary / "test.bin").write_bytes(cifar_record([19, 99], images[1]))
    (binary / "fine_label_names.txt").write_text("".join(f"fine{index}\n" for index in range(100)))
    return images


def write_svhn(folder: Path, rng: np.random.Generator) -> np.ndarray:
    folder.mkdir(parents=True, exist_ok=True)
    images = rng.integers(0, 256, (32, 32, 3, 4), np.uint8)
    for split in ("train", "test"):
        scipy.io.savemat(folder / f"{split}_32x32.mat", {"X": images, "y": np.array([[10], [1], [2], [9]], np.uint8)})
    return images


def write_pcam(folder: Path, rng: np.random.Generator) -> np.ndarray:
    (folder / "pcam").mkdir(parents=True)
    images = rng.integers(0, 256, (3, 96, 96, 3), np.uint8)
    for split in ("train", "valid", "test"):
        for axis, values in (("x", images), ("y", np.array([1, 0, 1], np.uint8).reshape(3, 1, 1, 1))):
            with h5py.File(folder / f"pcam/camelyonpatch_level_2_split_{split}_{axis}.h5", "w") as file:
                file[axis] = values
    return images


COLOURS = {"AnnualCrop": (200, 30, 30), "Forest": (20, 180, 40), "SeaLake": (10, 60, 220)}


def write_eurosat(folder: Path, _rng: np.random.Generator) -> None:
    for name, colour in COLOURS.items():
        for number in (1, 2):
            write_flat_picture(folder / f"eurosat/2750/{name}/{name}_{number}.jpg", colour)


def write_dtd(folder: Path, _rng: np.random.Generator) -> None:
    data = folder / "dtd/dtd"
    (data / "labels").mkdir(parents=True)
    for split, number in (("train", 1), ("val", 2), ("test", 3)):
        lines = []
        for texture, colour in (("banded", (250, 0, 0)), ("woven", (0, 0, 250))):
            write_flat_picture(data / f"images/{texture}/{texture}_{number}.jpg", colour, (90 + number, 60))
            lines.append(f"{texture}/{texture}_{number}.jpg\n")
        (data / f"labels/{split}1.txt").write_text("".join(lines))


def write_stanford_cars(folder: Path, _rng: np.random.Generator) -> None:
    cars = folder / "stanford_cars"
    (cars / "devkit").mkdir(parents=True)
    scipy.io.savemat(cars / "devkit/cars_meta.mat", {"class_names": np.array(["Audi", "BMW"], object)})
    fields = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]
    for split, annotations in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        table = np.empty((1, 2), [(field, object) for field in fields])
        for row, (car, colour) in enumerate(((2, (0, 200, 0)), (1, (200, 0, 0)))):
            table[0, row] = (1, 1, 9, 9, car, f"{row:05}.jpg")
            write_flat_picture(cars / f"cars_{split}/{row:05}.jpg", colour, (80, 50 + row))
        scipy.io.savemat(cars / annotations, {"annotations": table})


def write_imagenet(folder: Path, _rng: np.random.Generator) -> None:
    for split, count in (("train", 2), ("val", 1)):
        for wordnet_id, colour in (("n01440764", (9, 200, 9)), ("n15075141", (200, 9, 9))):
            for number in range(count):
                write_flat_picture(
                    folder / f"{split}/{wordnet_id}/{wordnet_id}_{number}.JPEG", colour, (70, 40 + number)
                )


def write_domainnet(folder: Path, _rng: np.random.Generator) -> None:
    # the numbers of classes are not their order in the lists, nor do all classes have to be in both
    listed = {"train": (("zebra", 1), ("axe", 0), ("axe", 0)), "test": (("zebra", 1), ("mug", 2))}
    for split, classes in listed.items():
        lines = []
        for number, (name, label) in enumerate(classes):
            path = f"clipart/{name}/clipart_{split}_{number}.jpg"
            write_flat_picture(folder / path, (80 * label, 250 - 80 * label, 9), (70 + number, 50))
            lines.append(f"{path} {label}\n")
        (folder / f"clipart_{split}.txt").write_text("".join(lines))


def write_chexpert(folder: Path, _rng: np.random.Generator) -> None:
    columns = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *sorted(listed.FINDINGS)]
    findings = {"train": ["1.0", "", "-1.0", "0.0"], "valid": ["0.0", "1.0"]}
    for name, values in findings.items():
        lines = [",".join(columns)]
        for number, value in enumerate(values):
            path = f"CheXpert-v1.0-small/{name}/patient{number:05}/study1/view1_frontal.jpg"
            (folder / path).parent.mkdir(parents=True)
            Image.new("L", (39, 32), 40 * number).save(folder / path)
            cells = {"Path": path, "Pleural Effusion": value, "Edema": "1.0"}
            lines.append(",".join(cells.get(column, "") for column in columns))
        (folder / f"CheXpert-v1.0-small/{name}.csv").write_text("\n".join(lines) + "\n")


def write_image_folder(folder: Path, _rng: np.random.Generator) -> None:
    for split in ("train", "test"):
        write_flat_picture(folder / split / "cat" / "a.png", (1, 2, 3), (30, 20))
        write_flat_picture(folder / split / "dog" / "b.png", (4, 5, 6), (20, 30))


WRITERS = {
    "FashionMNIST": write_fashion_mnist,
    "CIFAR10": write_cifar10,
    "CIFAR100": write_cifar100,
    "SVHN": write_svhn,
    "PCAM": write_pcam,
    "EuroSAT": write_eurosat,
    "DTD": write_dtd,
    "StanfordCars": write_stanford_cars,
    "ImageNet": write_imagenet,
    "DomainNet": write_domainnet,
    "CheXpert": write_chexpert,
    "ImageFolder": write_image_folder,
}
