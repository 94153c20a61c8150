"""Which images a task takes and what becomes of images and labels: order, parts, transforms, reading on demand."""

import hashlib

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from transferscope import store
from transferscope.data import tasks
from transferscope.data.shuffle import shuffled_blocks, shuffled_pixels
from transferscope.data.sketch import edges
from transferscope.errors import InputError
from transferscope.randomness import numpy_generator


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
        content = b"".join(array.tobytes() for array in (images, labels.astype("<i8"), splits))
        file.attrs["checksum"] = hashlib.sha256(content).hexdigest()
    return path, images, labels, splits


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


def test_a_part_cut_to_a_size_is_its_balanced_beginning(dataset):
    task = {"dataset": "colours", "train": {"rows": [3, 33], "size": 12}}
    cut, whole = (
        tasks.load(dataset[0], task, "train"),
        tasks.load(dataset[0], task | {"train": {"rows": [3, 33]}}, "train"),
    )
    np.testing.assert_array_equal(cut.rows, whole.rows[:12])
    assert np.ptp(np.bincount(cut.labels)) <= 1
    # what is cut off is free for testing
    assert len(tasks.load(dataset[0], task | {"test": {"split": "train", "rows": [15, 33]}}, "test")) == 18


# ---- labels ----


@pytest.mark.parametrize("randomness", [1, 4, 9])
def test_partially_random_labels_are_shifted_by_0_to_d_equally_often(randomness):
    labels = np.arange(100_000) % 10
    found = tasks.partially_random(labels, 10, randomness, np.random.default_rng(1))
    assert found.dtype == np.int64 and found.min() >= 0 and found.max() <= 9
    for label in range(10):
        counts = np.bincount((found - labels)[labels == label] % 10, minlength=10)
        assert (counts[randomness + 1 :] == 0).all()
        assert chisquare(counts[: randomness + 1]).pvalue > 1e-4


def test_a_randomness_of_0_leaves_labels_as_they_are_and_of_d_minus_1_tells_nothing_of_them():
    labels = np.repeat(np.arange(5), 20_000)
    np.testing.assert_array_equal(tasks.partially_random(labels, 5, 0, np.random.default_rng(1)), labels)
    random = tasks.partially_random(labels, 5, 4, np.random.default_rng(1))
    assert chi2_contingency(np.histogram2d(labels, random, 5)[0]).pvalue > 1e-4


def test_random_labels_have_one_draw_an_image_whatever_the_number_of_images_and_the_degree():
    labels = np.arange(1000) % 10
    by_degree = [tasks.partially_random(labels, 10, degree, np.random.default_rng(7)) for degree in range(10)]
    beginning = tasks.partially_random(labels[:100], 10, 9, np.random.default_rng(7))
    np.testing.assert_array_equal(beginning, by_degree[9][:100])
    offsets = (np.array(by_degree) - labels) % 10
    assert (np.diff(offsets, axis=0) >= 0).all()


def test_shifted_labels_are_those_of_the_next_classes():
    assert tasks.shifted(np.array([0, 1, 2, 3]), 4, 1).tolist() == [1, 2, 3, 0]
    assert tasks.shifted(np.array([0, 1, 2, 3]), 4, 3).tolist() == [3, 0, 1, 2]


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_task_changes_the_labels_of_both_parts_and_nothing_else(dataset, part):
    plain = tasks.load(dataset[0], {"dataset": "colours"}, part)
    for labels, expected in (
        ({"randomness": 2}, tasks.partially_random(plain.labels, 3, 2, numpy_generator(5, "labels", part))),
        ({"shift": 2}, tasks.shifted(plain.labels, 3, 2)),
        ({"permuted": True}, tasks.permuted(plain.labels, numpy_generator(5, "permuted", part))),
    ):
        changed = tasks.load(dataset[0], {"dataset": "colours", "labels": labels}, part, seed=5)
        np.testing.assert_array_equal(changed.labels, expected)
        assert (changed.labels != plain.labels).any()
        np.testing.assert_array_equal(changed.rows, plain.rows)


def test_random_labels_depend_on_the_seed_and_stay_with_their_images(dataset):
    task = {"dataset": "colours", "labels": {"randomness": 2}}
    first, again, other = (tasks.load(dataset[0], task, "train", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.labels != other.labels).any()
    cut = tasks.load(dataset[0], task | {"train": {"size": 15}}, "train", seed=0)
    np.testing.assert_array_equal(cut.labels, first.labels[:15])


def test_permuted_labels_are_as_many_of_each_class_and_tell_nothing_of_the_image():
    labels = np.repeat(np.arange(5), [9000, 5000, 3000, 2000, 1000])
    permuted = tasks.permuted(labels, np.random.default_rng(1))
    assert permuted.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(permuted), np.bincount(labels))
    assert chi2_contingency(np.histogram2d(labels, permuted, 5)[0]).pvalue > 1e-4


def test_labels_of_some_classes_can_be_permuted_too(dataset):
    half = {"half": "A"}
    plain, permuted = (
        tasks.load(dataset[0], {"dataset": "plain", "labels": labels}, "train", 3)
        for labels in (half, half | {"permuted": True})
    )
    np.testing.assert_array_equal(plain.rows, permuted.rows)
    assert plain.class_names == permuted.class_names
    np.testing.assert_array_equal(np.bincount(plain.labels), np.bincount(permuted.labels))
    assert (plain.labels != permuted.labels).any()


@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_are_permuted_within_a_part_by_the_runs_seed(dataset, part):
    # 29 and 13 images: classes are not equally frequent, nor alike in both parts
    task = {"dataset": "colours", "train": {"rows": [0, 29]}, "test": {"rows": [0, 13]}}
    plain = tasks.load(dataset[0], task, part)
    first, again, other = (
        tasks.load(dataset[0], task | {"labels": {"permuted": True}}, part, seed) for seed in (0, 0, 1)
    )
    for permuted in (first, other):
        np.testing.assert_array_equal(np.bincount(permuted.labels), np.bincount(plain.labels))
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.labels != other.labels).any()


@pytest.mark.parametrize(
    "labels",
    [
        lambda labels: tasks.partially_random(labels, 3, 3, np.random.default_rng(0)),
        lambda labels: tasks.partially_random(labels, 3, -1, np.random.default_rng(0)),
        lambda labels: tasks.shifted(labels, 3, 0),
        lambda labels: tasks.shifted(labels, 3, 3),
    ],
    ids=["randomness too high", "randomness too low", "shift too low", "shift too high"],
)
def test_labels_cannot_go_round_the_classes_more_than_once(labels):
    with pytest.raises(InputError, match=r"labels\.\w+ is -?\d, expected [01] to 2, as there are 3 classes"):
        labels(np.array([0, 1, 2]))


# ---- classes ----


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_task_of_some_classes_has_their_images_with_labels_in_the_order_of_the_list(dataset, part):
    path, images, labels, _ = dataset
    whole = tasks.load(path, {"dataset": "colours"}, part)
    some = tasks.load(path, {"dataset": "colours", "labels": {"classes": [2, 0]}}, part)
    assert some.class_names == ["blue", "red"]
    assert some.labels.dtype == np.int64 and some.rows.dtype == np.int64
    np.testing.assert_array_equal(some.rows, whole.rows[whole.labels != 1])
    np.testing.assert_array_equal(np.array([2, 0])[some.labels], labels[some.rows])
    np.testing.assert_array_equal(some.images(np.arange(len(some))), images[some.rows])


def test_rows_and_sizes_are_counted_before_classes_are_left_out(dataset):
    task = {"dataset": "colours", "train": {"rows": [3, 33], "size": 24}}
    cut = tasks.load(dataset[0], task, "train")
    some = tasks.load(dataset[0], task | {"labels": {"classes": [0, 1]}}, "train")
    np.testing.assert_array_equal(some.rows, cut.rows[cut.labels != 2])


@pytest.mark.parametrize("classes", [2, 9, 10, 1000])
def test_random_halves_share_no_class_miss_none_and_are_as_equal_as_possible(classes):
    first, second = tasks.random_halves(classes, seed=4)
    assert sorted(first + second) == list(range(classes))
    assert 0 <= len(first) - len(second) <= 1
    assert first == sorted(first) and second == sorted(second)


def test_random_halves_are_those_of_the_seed_and_favour_no_class():
    assert tasks.random_halves(10, seed=3) == tasks.random_halves(10, seed=3)
    counts = np.zeros((10, 10))
    for seed in range(2000):
        first, _ = tasks.random_halves(10, seed)
        counts[np.ix_(first, first)] += 1
    # a class is in A half the time; two classes are together in A with probability 1/2 * 4/9
    assert np.abs(np.diag(counts) / 2000 - 1 / 2).max() < 0.06
    assert np.abs(counts[~np.eye(10, dtype=bool)] / 2000 - 2 / 9).max() < 0.06


def test_a_half_is_one_of_the_runs_random_halves(dataset):
    for seed in range(4):
        halves = tasks.random_halves(3, seed)
        for name, classes in zip("AB", halves, strict=True):
            half, listed = (
                tasks.load(dataset[0], {"dataset": "colours", "labels": labels}, "train", seed)
                for labels in ({"half": name}, {"classes": classes})
            )
            assert half.class_names == listed.class_names
            np.testing.assert_array_equal(half.rows, listed.rows)
            np.testing.assert_array_equal(half.labels, listed.labels)


# ---- images ----


def test_images_read_on_demand_are_those_held_in_memory(dataset, monkeypatch):
    task = {"dataset": "colours", "train": {"rows": [3, 33]}, "images": ["rotate_90"]}
    held = tasks.load(dataset[0], task, "train")
    monkeypatch.setattr(tasks, "MEMORY_BYTES", 100)
    on_demand = tasks.load(dataset[0], task, "train")
    np.testing.assert_array_equal(on_demand.labels, held.labels)
    for rows in ([7, 0, 29, 7], [4], list(range(30))):
        np.testing.assert_array_equal(on_demand.images(np.array(rows)), held.images(np.array(rows)))


@pytest.mark.parametrize("gap", [0, 1, 10_000])
def test_it_makes_no_difference_how_far_apart_images_are_that_are_read_together(dataset, monkeypatch, gap):
    path = dataset[0]
    with store.open_hdf5(path, "dataset") as file:
        images = file["images"][:]
    # in bytes: of images between two that are asked for
    monkeypatch.setattr(tasks, "GAP_BYTES", gap * images[0].nbytes)
    monkeypatch.setattr(tasks, "MEMORY_BYTES", 100)
    some = tasks.load(path, {"dataset": "colours"}, "train")
    for rows in ([0], [20, 3, 3, 17, 4, 0], [29, 1], list(range(30))):
        np.testing.assert_array_equal(some.images(np.array(rows)), images[some.rows[rows]])


def test_images_beyond_the_limit_are_not_held(dataset, monkeypatch):
    monkeypatch.setattr(tasks, "MEMORY_BYTES", 100)
    path, images, *_ = dataset
    examples = tasks.load(path, {"dataset": "colours"}, "train")
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


@pytest.mark.parametrize("per_image", [False, True])
def test_blocks_of_training_and_test_images_are_shuffled_by_the_seed_in_memory_and_on_demand(
    dataset, per_image, monkeypatch
):
    path, images, *_ = dataset
    task = {"dataset": "colours", "images": ["invert", {"shuffle_blocks": {"size": 1, "per_image": per_image}}]}
    change = shuffled_blocks((4, 5, 3), 7, 1, per_image)
    for part in ("train", "test"):
        held = tasks.load(path, task, part, seed=7)
        with monkeypatch.context() as limited:
            limited.setattr(tasks, "MEMORY_BYTES", 100)
            on_demand = tasks.load(path, task, part, seed=7)
        rows = np.array([3, 0, 11])
        expected = change(255 - images[held.rows[rows]], held.rows[rows])
        np.testing.assert_array_equal(held.images(rows), expected)
        np.testing.assert_array_equal(on_demand.images(rows), expected)
        assert (tasks.load(path, task, part, seed=8).images(rows) != expected).any()


def test_shuffled_pixels_and_edges_are_changes_like_any_other(dataset):
    path, images, *_ = dataset
    examples = tasks.load(path, {"dataset": "colours", "images": ["edges", "shuffle_pixels"]}, "train", seed=2)
    rows = np.array([1, 4])
    expected = shuffled_pixels((4, 5, 3), 2)(edges(images[examples.rows[rows]]), rows)
    np.testing.assert_array_equal(examples.images(rows), expected)


def test_changes_are_made_a_few_images_at_a_time_with_the_same_result(dataset, monkeypatch):
    task = {"dataset": "colours", "images": ["rotate_90", {"shuffle_blocks": {"size": 1, "per_image": True}}]}
    whole = tasks.load(dataset[0], task, "train", seed=0).images(np.arange(40))
    monkeypatch.setattr(tasks, "IMAGES_AT_ONCE", 7)
    np.testing.assert_array_equal(tasks.load(dataset[0], task, "train", seed=0).images(np.arange(40)), whole)


# ---- bad input ----


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"train": {"split": "all"}}, r"'colours', train: .*no split 'all', only \['train', 'test'\]"),
        ({"train": {"rows": [0, 41]}}, r"'colours', train: rows is \[0, 41\], but split 'train' has 40 images"),
        ({"train": {"rows": [30, 30]}}, r"rows is \[30, 30\].*expected 0 <= first < end <= 40"),
        ({"train": {"rows": [0.5, 1.5]}}, r"rows is \[0.5, 1.5\], expected fractions"),
        ({"train": {"rows": [0.5, 0.501]}}, r"rows is \[0.5, 0.501\], but split 'train' has 40 images"),
        (
            {"images": ["rotate_45"]},
            "unknown change of images 'rotate_45': choose from rotate_90, invert, edges, equalise, shuffle_pixels and",
        ),
        *(
            ({"images": [change]}, r"train: unknown change of images \{.*\}: choose from")
            for change in (
                {"shuffle": {"size": 1}},
                {"shuffle_blocks": {}},
                {"shuffle_blocks": {"size": 1, "seed": 1}},
                {"shuffle_blocks": {"size": 1}, "invert": {}},
            )
        ),
        ({"images": [{"shuffle_blocks": {"size": 1}}]}, "train: shuffled blocks depend on a run's seed: load the task"),
        ({"images": ["shuffle_pixels"]}, "train: shuffled pixels depend on a run's seed: load the task with one"),
        ({"train": {"rows": [5, 9], "size": 5}}, "train: size is 5, expected 1 to 4, the number of its rows"),
        ({"labels": {"randomness": 1}}, "train: random labels depend on a run's seed: load the task with one"),
        ({"labels": {"permuted": True}}, "train: permuted labels depend on a run's seed: load the task with one"),
        ({"labels": {"permuted": False}}, r"train: labels is \{'permuted': False\}, expected .* \{'permuted': True\}"),
        ({"labels": {"shift": 3}}, "labels.shift is 3, expected 1 to 2, as there are 3 classes"),
        ({"labels": {"noise": 1}}, r"train: labels is \{'noise': 1\}, expected \{'randomness': d\}, \{'shift': s\}"),
        ({"labels": {"half": "A"}}, "train: random halves depend on a run's seed: load the task with one"),
        ({"labels": {"half": "C"}}, r"train: labels is \{'half': 'C'\}, expected .* or \{'half': 'A' or 'B'\}"),
        ({"labels": {"classes": [0, 1], "shift": 1}}, "train: labels is .*, expected"),
        ({"labels": {"classes": [0, 3]}}, r"train: labels.classes is \[0, 3\], expected different numbers from 0 to 2"),
        ({"labels": {"classes": [1, 1]}}, r"train: labels.classes is \[1, 1\], expected different numbers"),
        ({"labels": {"classes": []}}, r"train: labels.classes is \[\], expected different numbers"),
        ({"labels": {"randomness": 1, "shift": 1}}, "train: labels is .*, expected"),
        (
            {"train": {"rows": [0, 30]}, "test": {"split": "train", "rows": [0.5, 1.0]}},
            "train: 10 of its images of split 'train' are in test, too",
        ),
    ],
)
def test_a_task_that_cannot_be_had_is_refused(dataset, task, message):
    with pytest.raises(InputError, match=message):
        tasks.load(dataset[0], {"dataset": "colours", **task}, "train")


def test_rows_without_an_image_of_the_classes_are_refused(dataset):
    first = tasks.load(dataset[0], {"dataset": "colours"}, "train").labels[0]
    others = [label for label in range(3) if label != first]
    task = {"dataset": "colours", "train": {"rows": [0, 1]}, "labels": {"classes": others}}
    with pytest.raises(InputError, match=r"train: its rows hold no image of class \w+ or \w+"):
        tasks.load(dataset[0], task, "train")


def test_a_file_of_another_kind_is_refused(tmp_path):
    with store.write_hdf5(tmp_path / "other.h5", "similarity", {}):
        pass
    with pytest.raises(InputError, match="expected an HDF5 file of kind 'dataset'"):
        tasks.load(tmp_path / "other.h5", {"dataset": "other"}, "train")
