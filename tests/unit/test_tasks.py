"""Which images a task takes: balanced order, parts, transforms, images held in memory or read on demand."""

import numpy as np
import pytest

from transferscope import store
from transferscope.data import tasks
from transferscope.errors import InputError


@pytest.fixture
def dataset(tmp_path, rng):
    """A dataset of 60 images of 4 x 5, three classes; 40 in split "train", 20 in split "test"."""
    images = rng.integers(0, 256, (60, 4, 5, 3), np.uint8)
    labels = np.arange(60) % 3
    # interleaved, and with all classes in both
    splits = (7 * np.arange(60) % 60 >= 40).astype(np.int8)
    path = tmp_path / "colours.h5"
    with store.write_hdf5(path, "dataset", {}) as file:
        file["images"], file["labels"], file["splits"] = images, labels, splits
        file.attrs["class_names"] = ["red", "green", "blue"]
        file.attrs["split_names"] = ["train", "test"]
    return path, images, labels, splits


# ---- balanced order ----


def test_every_prefix_holds_equally_frequent_classes_equally_often(rng):
    labels = rng.permutation(np.repeat(np.arange(7), 30))
    order = tasks.balanced_order(labels, seed=3)
    assert sorted(order) == list(range(210))
    counts = np.cumsum(labels[order][:, None] == np.arange(7), axis=0)
    assert (counts.max(axis=1) - counts.min(axis=1)).max() == 1


def test_a_cut_of_unequal_classes_is_a_stratified_split(rng):
    sizes = np.array([200, 300, 250, 40, 5])
    labels = rng.permutation(np.repeat(np.arange(5), sizes))
    order = tasks.balanced_order(labels, seed=0)
    for fraction in (0.1, 0.5, 0.8):
        counts = np.bincount(labels[order[: round(fraction * len(labels))]], minlength=5)
        assert np.abs(counts - fraction * sizes).max() <= 1.5


def test_the_order_is_random_within_classes_but_the_same_for_the_same_seed():
    labels = np.zeros(50, np.int64)
    first, again, other = (tasks.balanced_order(labels, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and (first != np.arange(50)).any()


def test_class_numbers_may_have_gaps():
    assert sorted(tasks.balanced_order(np.array([9, 2, 9, 2, 5]), seed=0)) == [0, 1, 2, 3, 4]


# ---- parts ----


def test_by_default_the_parts_are_the_official_splits(dataset):
    path, images, labels, splits = dataset
    for part, code, count in (("train", 0, 40), ("test", 1, 20)):
        examples = tasks.load(path, {"dataset": "colours"}, part)
        assert len(examples) == count and examples.channels == 3
        assert examples.class_names == ["red", "green", "blue"]
        assert sorted(examples.rows) == np.flatnonzero(splits == code).tolist()
        np.testing.assert_array_equal(examples.labels, labels[examples.rows])
        np.testing.assert_array_equal(examples.images(np.arange(count)), images[examples.rows])


def test_rows_count_in_one_order_of_the_split_whichever_part_takes_them(dataset):
    path = dataset[0]
    task = {"dataset": "colours", "train": {"rows": [0, 25]}, "test": {"split": "train", "rows": [25, 40]}}
    train, test = (tasks.load(path, task, part) for part in ("train", "test"))
    whole = tasks.load(path, {"dataset": "colours"}, "train")
    assert train.rows.dtype == np.int64 and train.labels.dtype == np.int64
    np.testing.assert_array_equal(np.concatenate([train.rows, test.rows]), whole.rows)
    assert np.ptp(np.bincount(train.labels)) <= 1


@pytest.mark.parametrize("last", [1, 1.0])
def test_fractions_divide_a_split_without_gap_or_overlap(dataset, last):
    task = {"dataset": "colours", "train": {"rows": [0, 0.31]}, "test": {"split": "train", "rows": [0.31, last]}}
    train, test = (tasks.load(dataset[0], task, part) for part in ("train", "test"))
    assert (len(train), len(test)) == (12, 28)
    assert not set(train.rows) & set(test.rows)


def test_two_whole_numbers_are_rows_even_when_they_could_be_fractions(dataset):
    assert len(tasks.load(dataset[0], {"dataset": "colours", "train": {"rows": [0, 1]}}, "train")) == 1


# ---- images ----


def test_images_read_on_demand_are_those_held_in_memory(dataset):
    task = {"dataset": "colours", "train": {"rows": [3, 33]}, "images": ["rotate_90"]}
    held = tasks.load(dataset[0], task, "train")
    on_demand = tasks.load(dataset[0], task, "train", memory_bytes=100)
    np.testing.assert_array_equal(on_demand.labels, held.labels)
    for rows in ([7, 0, 29, 7], [4], list(range(30))):
        np.testing.assert_array_equal(on_demand.images(np.array(rows)), held.images(np.array(rows)))


def test_images_beyond_the_limit_are_not_held(dataset):
    path, images, *_ = dataset
    examples = tasks.load(path, {"dataset": "colours"}, "train", memory_bytes=100)
    path.rename(path.with_name("moved.h5"))
    with pytest.raises(InputError, match="no such file"):
        examples.images(np.array([0]))
    path.with_name("moved.h5").rename(path)
    np.testing.assert_array_equal(examples.images(np.array([5])), images[examples.rows[[5]]])


def test_a_rotated_image_is_turned_counter_clockwise():
    image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[None, :, :, None]
    assert tasks.rotate_90(image)[0, :, :, 0].tolist() == [[3, 6], [2, 5], [1, 4]]


def test_an_inverted_image_adds_up_to_white_with_its_original(rng):
    images = rng.integers(0, 256, (2, 3, 4, 3), np.uint8)
    inverted = tasks.invert(images)
    assert inverted.dtype == np.uint8
    assert (images.astype(int) + inverted == 255).all()


def test_transforms_apply_in_order_to_every_image(dataset):
    path, images, *_ = dataset
    examples = tasks.load(path, {"dataset": "colours", "images": ["rotate_90", "invert"]}, "test")
    expected = 255 - np.rot90(images[examples.rows[2]])
    np.testing.assert_array_equal(examples.images(np.array([2]))[0], expected)


# ---- bad input ----


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"train": {"split": "all"}}, r"'colours', train: .*no split 'all', only \['train', 'test'\]"),
        ({"train": {"rows": [0, 41]}}, r"'colours', train: rows is \[0, 41\], but split 'train' has 40 images"),
        ({"train": {"rows": [30, 30]}}, r"rows is \[30, 30\].*expected 0 <= first < end <= 40"),
        ({"train": {"rows": [0.5, 1.5]}}, r"rows is \[0.5, 1.5\], expected fractions"),
        ({"train": {"rows": [0.5, 0.501]}}, r"rows is \[0.5, 0.501\], but split 'train' has 40 images"),
        ({"images": ["rotate_45"]}, r"unknown image transforms \['rotate_45'\]: choose from \['invert', 'rotate_90'\]"),
        (
            {"train": {"rows": [0, 30]}, "test": {"split": "train", "rows": [0.5, 1.0]}},
            "train: 10 of its images of split 'train' are in test, too",
        ),
    ],
)
def test_a_task_that_cannot_be_had_is_refused(dataset, task, message):
    with pytest.raises(InputError, match=message):
        tasks.load(dataset[0], {"dataset": "colours", **task}, "train")


def test_a_file_of_another_kind_is_refused(tmp_path):
    with store.write_hdf5(tmp_path / "other.h5", "similarity", {}):
        pass
    with pytest.raises(InputError, match="expected an HDF5 file of kind 'dataset'"):
        tasks.load(tmp_path / "other.h5", {"dataset": "other"}, "train")
