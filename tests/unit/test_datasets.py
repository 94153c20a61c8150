"""Every loader of published data on a tiny copy in its own on-disk format; the dataset file; bad input."""

import gzip
import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from PIL import Image

from transferscope import store
from transferscope.data import datasets
from transferscope.errors import InputError

EMBEDDED = ("fashion_mnist_sample", "digits", "textures")
PUBLISHED = tuple(name for name in datasets.LOADERS if name not in EMBEDDED)


def prepared(spec: dict, folder: Path, path: Path) -> dict:
    """What `prepare` wrote, and that it hangs together."""
    datasets.prepare(spec, folder, path, {"made": "by a test"})
    with store.open_hdf5(path, "dataset") as file:
        assert store.read_facts(file) == {"made": "by a test"}
        content = {name: file[name][:] for name in ("images", "labels", "splits")} | dict(file.attrs)
    assert content["images"].dtype == np.uint8 and content["labels"].dtype == np.int64
    assert content["splits"].dtype == np.int8
    bytes_in_order = content["images"].tobytes() + content["labels"].tobytes()
    assert content["checksum"] == hashlib.sha256(bytes_in_order).hexdigest()
    return content


def split_of(content: dict, name: str) -> tuple[np.ndarray, list[int]]:
    rows = content["splits"] == list(content["split_names"]).index(name)
    return content["images"][rows], content["labels"][rows].tolist()


# ---- tiny datasets, each in its own format: all have `images` of the class and split that their place says ----


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
    "ImageFolder": write_image_folder,
}


# ---- published datasets, in their own formats ----


def test_fashion_mnist(tmp_path, rng):
    written = write_fashion_mnist(tmp_path, rng)
    content = prepared({"loader": "FashionMNIST"}, tmp_path, tmp_path / "out.h5")
    for split, images in written.items():
        found, labels = split_of(content, split)
        np.testing.assert_array_equal(found[..., 0], images)
        assert labels == [index % 10 for index in range(len(images))]


def test_cifar10_is_read_from_its_binary_version(tmp_path, rng):
    images = write_cifar10(tmp_path, rng)
    content = prepared({"loader": "CIFAR10"}, tmp_path, tmp_path / "out.h5")
    train, labels = split_of(content, "train")
    np.testing.assert_array_equal(train[0::2], images[:5])
    np.testing.assert_array_equal(train[1::2], 255 - images[:5])
    assert labels == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    test, labels = split_of(content, "test")
    np.testing.assert_array_equal(test[0], images[5])
    assert labels == [5, 4]
    assert list(content["class_names"]) == [f"class{index}" for index in range(10)]


def test_cifar100_has_the_fine_labels(tmp_path, rng):
    images = write_cifar100(tmp_path, rng)
    content = prepared({"loader": "CIFAR100"}, tmp_path, tmp_path / "out.h5")
    np.testing.assert_array_equal(content["images"], images)
    assert content["labels"].tolist() == [77, 99]
    assert content["class_names"][77] == "fine77"


def test_svhn_calls_the_digit_zero_zero(tmp_path, rng):
    images = write_svhn(tmp_path, rng)
    content = prepared({"loader": "SVHN"}, tmp_path, tmp_path / "out.h5")
    for split in ("train", "test"):
        found, labels = split_of(content, split)
        np.testing.assert_array_equal(found[2], images[:, :, :, 2])
        assert labels == [0, 1, 2, 9]


def test_pcam_has_three_splits(tmp_path, rng):
    images = write_pcam(tmp_path, rng)
    content = prepared({"loader": "PCAM"}, tmp_path, tmp_path / "out.h5")
    for split in ("train", "val", "test"):
        found, labels = split_of(content, split)
        np.testing.assert_array_equal(found, images)
        assert labels == [1, 0, 1]


def test_eurosat_is_one_split_at_its_own_size(tmp_path, rng):
    write_eurosat(tmp_path, rng)
    content = prepared({"loader": "EuroSAT"}, tmp_path, tmp_path / "out.h5")
    assert content["images"].shape == (6, 64, 64, 3)
    assert list(content["split_names"]) == ["all"]
    for image, label in zip(content["images"], content["labels"], strict=True):
        assert image.mean(axis=(0, 1)) == pytest.approx(COLOURS[content["class_names"][label]], abs=3)


def test_dtd_joins_train_and_validation_of_its_first_partition(tmp_path, rng):
    write_dtd(tmp_path, rng)
    content = prepared({"loader": "DTD", "size": 32}, tmp_path, tmp_path / "out.h5")
    train, labels = split_of(content, "train")
    assert train.shape == (4, 32, 32, 3) and labels == [0, 1, 0, 1]
    test, labels = split_of(content, "test")
    assert labels == [0, 1]
    assert test[1].mean(axis=(0, 1)) == pytest.approx((0, 0, 250), abs=5)
    assert list(content["class_names"]) == ["banded", "woven"]


def test_stanford_cars_count_classes_from_zero(tmp_path, rng):
    write_stanford_cars(tmp_path, rng)
    content = prepared({"loader": "StanfordCars", "size": 24}, tmp_path, tmp_path / "out.h5")
    for split in ("train", "test"):
        images, labels = split_of(content, split)
        assert images.shape == (2, 24, 24, 3) and labels == [1, 0]
        assert images[1].mean(axis=(0, 1)) == pytest.approx((200, 0, 0), abs=5)
    assert list(content["class_names"]) == ["Audi", "BMW"]


def test_imagenet_is_read_from_its_class_folders_and_tests_on_val(tmp_path, rng):
    write_imagenet(tmp_path, rng)
    content = prepared({"loader": "ImageNet", "size": 32}, tmp_path, tmp_path / "out.h5")
    assert split_of(content, "train")[1] == [0, 0, 1, 1]
    images, labels = split_of(content, "test")
    assert labels == [0, 1]
    assert images[0].mean(axis=(0, 1)) == pytest.approx((9, 200, 9), abs=5)
    assert list(content["class_names"]) == ["n01440764", "n15075141"]


def test_an_image_folder_has_the_splits_of_its_folders_or_none(tmp_path, rng):
    write_image_folder(tmp_path, rng)
    content = prepared({"loader": "ImageFolder", "size": 16}, tmp_path, tmp_path / "out.h5")
    assert list(content["split_names"]) == ["train", "test"]
    assert content["images"][:, 0, 0].tolist() == [[1, 2, 3], [4, 5, 6]] * 2
    content = prepared({"loader": "ImageFolder", "size": 16}, tmp_path / "train", tmp_path / "all.h5")
    assert list(content["split_names"]) == ["all"]
    assert content["labels"].tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(20, 60), (60, 20), (40, 40)])
def test_pictures_are_resized_and_cropped_as_torchvision_does(shape, tmp_path, rng):
    from torchvision.transforms import CenterCrop, Resize

    picture = Image.fromarray(rng.integers(0, 256, (*shape, 3), np.uint8))
    (tmp_path / "images/only").mkdir(parents=True)
    picture.save(tmp_path / "images/only/picture.png")
    content = prepared({"loader": "ImageFolder", "size": 10}, tmp_path / "images", tmp_path / "out.h5")
    expected = np.asarray(CenterCrop(10)(Resize(10)(picture)))
    np.testing.assert_allclose(content["images"][0].astype(int), expected, atol=1)


def test_grey_and_transparent_pictures_become_rgb(tmp_path):
    for mode, colour in (("L", 7), ("RGBA", (1, 2, 3, 255)), ("P", 0)):
        (tmp_path / f"images/{mode}").mkdir(parents=True)
        Image.new(mode, (16, 16), colour).save(tmp_path / f"images/{mode}/picture.png")
    content = prepared({"loader": "ImageFolder", "size": 16}, tmp_path / "images", tmp_path / "out.h5")
    assert content["images"][:, 3, 3].tolist() == [[7, 7, 7], [0, 0, 0], [1, 2, 3]]


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_data_is_written_whole(name, tmp_path):
    content = prepared({"loader": name}, tmp_path, tmp_path / "out.h5")
    assert len(content["images"]) == {"fashion_mnist_sample": 10_000, "digits": 1797, "textures": 2000}[name]
    assert content["images"].shape[1:] == (28, 28, 1)
    assert np.unique(content["labels"]).tolist() == list(range(10)) and len(content["class_names"]) == 10


def test_the_same_files_give_the_same_dataset(tmp_path, rng):
    write_eurosat(tmp_path, rng)
    first, second = (prepared({"loader": "EuroSAT"}, tmp_path, tmp_path / name) for name in ("a.h5", "b.h5"))
    assert first["checksum"] == second["checksum"]


# ---- bad input ----


@pytest.mark.parametrize("name", PUBLISHED)
def test_missing_files_are_named_and_nothing_is_written(name, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(InputError, match=rf"dataset {name}.*{folder}"):
        datasets.prepare({"loader": name}, folder, tmp_path / "out.h5", {})
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_truncated_file_is_refused_and_nothing_is_written(name, tmp_path, rng):
    folder = tmp_path / "data"
    WRITERS[name](folder, rng)
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 3])
    with pytest.raises(InputError, match=rf"dataset {name} cannot be read from {folder}: .* What to do: "):
        datasets.prepare({"loader": name}, folder, tmp_path / "out.h5", {})
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_of_another_kind_is_refused(name, tmp_path, rng):
    folder = tmp_path / "data"
    WRITERS[name](folder, rng)
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    largest.write_bytes(b"<html>404 not found</html>" * 40)
    with pytest.raises(InputError, match=f"dataset {name} cannot be read from"):
        datasets.prepare({"loader": name}, folder, tmp_path / "out.h5", {})


def test_labels_beyond_the_class_names_are_refused(tmp_path, rng):
    write_cifar10(tmp_path, rng)
    (tmp_path / "cifar-10-batches-bin/batches.meta.txt").write_text("airplane\nbird\n")
    with pytest.raises(InputError, match=r"CIFAR10.*a label is 9, expected 0 to 1"):
        datasets.prepare({"loader": "CIFAR10"}, tmp_path, tmp_path / "out.h5", {})


def test_splits_with_other_classes_are_refused(tmp_path, rng):
    write_image_folder(tmp_path, rng)
    write_flat_picture(tmp_path / "test/horse/c.png", (7, 8, 9))
    with pytest.raises(InputError, match=r"ImageFolder.*same classes.*'test' differs in \['horse'\]"):
        datasets.prepare({"loader": "ImageFolder"}, tmp_path, tmp_path / "out.h5", {})


def test_an_unknown_loader_or_option_is_refused_with_what_there_is(tmp_path):
    with pytest.raises(InputError, match=r"unknown loader 'CIFAR-10'.*did you mean 'CIFAR10'"):
        datasets.prepare({"loader": "CIFAR-10"}, tmp_path, tmp_path / "out.h5", {})
    with pytest.raises(InputError, match=r"'SVHN' has no option \['size'\]"):
        datasets.prepare({"loader": "SVHN", "size": 32}, tmp_path, tmp_path / "out.h5", {})


# ---- the download step ----


def test_what_is_there_already_is_not_fetched_but_listed(tmp_path, rng):
    write_svhn(tmp_path, rng)
    manifest = datasets.download({"loader": "SVHN", "root": str(tmp_path)}, tmp_path)
    assert sorted(manifest) == ["test_32x32.mat", "train_32x32.mat"]
    assert manifest["test_32x32.mat"] == hashlib.sha256((tmp_path / "test_32x32.mat").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["StanfordCars", "ImageNet"])
def test_what_cannot_be_fetched_is_asked_for_and_accepted_when_it_is_there(name, tmp_path, rng):
    with pytest.raises(InputError, match=rf"dataset {name} .*cannot be fetched automatically.*train.*jpg|JPEG"):
        datasets.download({"loader": name}, tmp_path)
    WRITERS[name](tmp_path, rng)
    assert datasets.download({"loader": name, "size": 32}, tmp_path) == {}


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_data_needs_no_download(name, tmp_path):
    assert datasets.download({"loader": name}, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_reading_the_config_of_a_dataset_costs_no_heavy_import():
    heavy = "torch", "torchvision", "pandas", "matplotlib", "scipy", "sklearn"
    code = f"""
import sys
sys.path = {sys.path!r}
from transferscope.data import datasets, tasks
print([name for name in {heavy!r} if name in sys.modules])
"""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
