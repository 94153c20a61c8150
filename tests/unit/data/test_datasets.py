"""Every loader of published data on a tiny copy in its own on-disk format; the dataset file; bad input."""

import contextlib
import fcntl
import hashlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_datasets import (
    COLOURS,
    WRITERS,
    prepared,
    split_of,
    write_cifar10,
    write_cifar100,
    write_dtd,
    write_eurosat,
    write_fashion_mnist,
    write_flat_picture,
    write_image_folder,
    write_imagenet,
    write_pcam,
    write_stanford_cars,
    write_svhn,
)

from transferscope.data import datasets
from transferscope.errors import InputError

# what an entry must say beside its loader
OPTIONS = {"DomainNet": {"domain": "clipart"}}
EMBEDDED = ("fashion_mnist_sample", "digits", "textures")
PUBLISHED = tuple(name for name in datasets.LOADERS if name not in EMBEDDED)


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


def test_pcam_is_read_whoever_holds_locks_on_its_files(tmp_path, rng):
    write_pcam(tmp_path, rng)
    with contextlib.ExitStack() as stack:
        for path in (tmp_path / "pcam").iterdir():
            fcntl.flock(stack.enter_context(open(path, "rb+")), fcntl.LOCK_EX)
        prepared({"loader": "PCAM"}, tmp_path, tmp_path / "out.h5")


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
        datasets.prepare({"loader": name} | OPTIONS.get(name, {}), folder, tmp_path / "out.h5", {})
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_that_is_truncated_or_of_another_kind_is_refused_and_nothing_is_written(name, tmp_path, rng):
    folder = tmp_path / "data"
    WRITERS[name](folder, rng)
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    whole = largest.read_bytes()
    for content in (whole[: len(whole) // 3], b"<html>404 not found</html>" * 40):
        largest.write_bytes(content)
        with pytest.raises(InputError, match=rf"dataset {name} cannot be read from {folder}: .* What to do: "):
            datasets.prepare({"loader": name} | OPTIONS.get(name, {}), folder, tmp_path / "out.h5", {})
        assert [path.name for path in tmp_path.iterdir()] == ["data"]


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


@pytest.mark.parametrize("name", ["StanfordCars", "ImageNet", "DomainNet", "CheXpert"])
def test_what_cannot_be_fetched_is_asked_for_and_accepted_when_it_is_there(name, tmp_path, rng):
    spec = {"loader": name, "size": 32} | OPTIONS.get(name, {})
    asked = r"(is not|cannot be) fetched automatically.*train"
    with pytest.raises(InputError, match=rf"dataset {name} .*{asked}"):
        datasets.download(spec, tmp_path)
    WRITERS[name](tmp_path, rng)
    assert datasets.download(spec, tmp_path) == {}


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
