"""Tasks: which images of a dataset a model is trained and tested on, in what guise and under which labels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from transferscope import store
from transferscope.data.checksum import verified_checksum
from transferscope.data.contrast import equalised
from transferscope.data.shuffle import shuffled_blocks, shuffled_pixels
from transferscope.data.sketch import edges
from transferscope.errors import InputError
from transferscope.randomness import numpy_generator

if TYPE_CHECKING:
    import h5py

# one order for all runs: a run's seed must not decide which images are held out
ORDER_SEED = 0
MEMORY_BYTES = 2 * 2**30
IMAGES_AT_ONCE = 1024
# so many bytes that nobody asked for are read sooner than a file is asked a second time
GAP_BYTES = 2**14

# images (n, H, W, C), uint8, and their rows in the dataset file (n,) -> what becomes of these images
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


def rotate_90(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C) turned by 90 degrees, counter-clockwise: (N, W, H, C)."""
    return np.rot90(images, axes=(1, 2))


def invert(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C), uint8, with bright and dark exchanged."""
    return 255 - images


TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "rotate_90": rotate_90,
    "invert": invert,
    "edges": edges,
    "equalise": equalised,
}


def partially_random(labels: np.ndarray, classes: int, randomness: int, generator: np.random.Generator) -> np.ndarray:
    """Labels that say less of the image, the higher the degree of randomness; drawn once and then fixed.

    y_d = (y + Y) mod D with Y uniform on {0, ..., d}  (Goerttler & Obermayer 2022); d = 0 leaves the labels as they
    are, d = D - 1 makes them uniform, whatever the image.

    labels: int (N,), 0 to D - 1. classes: D. randomness: d.
    generator: gives one draw a label, in their order and whatever the degree: the labels of the first n of N images
               are the first n of their labels, and of two degrees the higher one never shifts a label by less.
    Returns int64 (N,). Raises InputError if the degree is not 0 to D - 1.
    """
    if not 0 <= randomness < classes:
        raise InputError(
            f"labels.randomness is {randomness}, expected 0 to {classes - 1}, as there are {classes} classes"
        )
    offsets = (generator.random(len(labels)) * (randomness + 1)).astype(np.int64)
    return (labels + offsets) % classes


def shifted(labels: np.ndarray, classes: int, shift: int) -> np.ndarray:
    """Labels that say as much of the image as before, but each the name of another class.

    y_s = (y + s) mod D  (Goerttler & Obermayer 2022).

    labels: int (N,), 0 to D - 1. classes: D. shift: s.
    Returns int64 (N,). Raises InputError if the shift is not 1 to D - 1.
    """
    if not 1 <= shift < classes:
        raise InputError(f"labels.shift is {shift}, expected 1 to {classes - 1}, as there are {classes} classes")
    return (labels + shift) % classes


def permuted(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same labels, (N,), each as often as before, but in random order: they say nothing of the image.

    What differs from random labels is that every class keeps exactly its share of the examples.
    """
    return generator.permutation(labels)


def among(labels: np.ndarray, classes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which examples are of some classes, and what their labels are among these.

    labels:  int (N,). classes: different numbers; the first becomes label 0, the second 1, and so on.
    Returns their positions, int64 (K,), ascending, and their new labels, int64 (K,).
    """
    kept = np.flatnonzero(np.isin(labels, classes))
    order = np.argsort(classes)
    return kept, order[np.searchsorted(classes, labels[kept], sorter=order)]


def random_halves(classes: int, seed: int) -> tuple[list[int], list[int]]:
    """Two random halves A and B of the classes 0 to D - 1, as Yosinski et al. 2014 split those of ImageNet.

    classes: D; where it is odd, A has one more. seed: the run's; all runs of a seed have the same halves.
    Returns the classes of each half, ascending.
    """
    order = numpy_generator(seed, "halves").permutation(classes).tolist()
    middle = (classes + 1) // 2
    return sorted(order[:middle]), sorted(order[middle:])


class Pixels:
    """Images of a dataset file that are read when they are asked for, and transformed.

    Indexed by an integer array, as an array of images would be: `pixels[rows]` is uint8 (len(rows), H, W, C).
    """

    def __init__(self, path: str | Path, rows: np.ndarray, changes: Sequence[Change]):
        self._path, self._rows, self._changes = path, rows, changes

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        rows = self._rows[rows]
        with store.open_hdf5(self._path, "dataset") as file:
            images = _read_rows(file["images"], rows)
        if not self._changes:
            return images
        # a few at a time, as changes may take several times the room of the images
        starts = range(0, max(len(rows), 1), IMAGES_AT_ONCE)
        parts = [slice(start, start + IMAGES_AT_ONCE) for start in starts]
        return np.concatenate([self._changed(images[part], rows[part]) for part in parts])

    def _changed(self, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
        for change in self._changes:
            images = change(images, rows)
        return images


class Examples:
    """Images and labels of one part of a task.

    pixels:      indexed by an integer array, gives images uint8 (n, H, W, channels): an array, or `Pixels`.
    labels:      int64 (N,).
    class_names: name of class 0, of class 1, ...: all classes of the task, also those without an example here.
    channels:    1 (grey) or 3 (RGB).
    rows:        int64 (N,), row of each example in the dataset file.
    """

    def __init__(
        self,
        pixels: "np.ndarray | Pixels",
        labels: np.ndarray,
        class_names: Sequence[str],
        channels: int,
        rows: np.ndarray,
    ):
        self._pixels = pixels
        self.labels = labels
        self.class_names = list(class_names)
        self.channels = channels
        self.rows = rows

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Images at the positions `rows`, int (n,), of this part, in that order: uint8 (n, H, W, channels)."""
        return self._pixels[rows]


def load(path: str | Path, task: Mapping, part: str, seed: int | None = None) -> Examples:
    """The examples of one part of a task, in balanced order: the first n of them are a fair sample of all.

    Images that take more than MEMORY_BYTES are not held in memory, but read from the file when they are asked for.
    This is the only way to a dataset's images, and so the place where the file is checked (`verified_checksum`).

    path: file of the dataset, as `datasets.prepare` writes it.
    task: the task's entry in the config: `train` and `test`, each with `split` (the dataset's official split; default:
          the part's name), `rows` ([first, end) in a fixed, class-balanced order of that split, as whole numbers or,
          if one of the two is a float, as fractions of the split; default: all) and `size` (only so many of these
          rows, from the first; default: all); `images`, the changes to make, in order, each a name of TRANSFORMS,
          "shuffle_pixels" or {shuffle_blocks: {size: side, per_image: whether}}; and `labels`,
          {randomness: d} or {shift: s}, what is done to the labels of each part, or {classes: [c, ...]} or
          {half: "A" or "B"} (of `random_halves`), which classes the task has: images of others are left out, after
          rows and size have been counted, and the classes are numbered anew, in the order of the list; `permuted:
          True`, alone or beside one of these, permutes what then are the labels of each part.
    part: "train" or "test".
    seed: the run's seed, which random and permuted labels, random halves and shuffled images depend on; it decides
          nothing else.
    Raises InputError if the file is unreadable or damaged, it has no such split, the split has too few images, the two
    parts have images in common, or the labels or images cannot be made.
    """
    verified_checksum(path)
    with store.open_hdf5(path, "dataset") as file:
        rows = _rows_of(file, task, part)
        class_names = list(file.attrs["class_names"])
        labels = file["labels"][:][rows]
        classes = _classes(task, part, class_names, seed)
        if classes is None:
            labels = _relabelled(labels, len(class_names), task, part, seed)
        else:
            kept, labels = among(labels, classes)
            rows, class_names = rows[kept], [class_names[label] for label in classes]
        if (task.get("labels") or {}).get("permuted") is True:
            labels = permuted(
                labels, numpy_generator(_seed(seed, task, part, "permuted labels depend"), "permuted", part)
            )
        if len(rows) == 0:
            raise InputError(f"{_named(task, part)}: its rows hold no image of class {' or '.join(class_names)}")
        image_shape = file["images"].shape[1:]
    pixels = Pixels(path, rows, [_change(entry, image_shape, task, part, seed) for entry in task.get("images", ())])
    if len(rows) * np.prod(image_shape) <= MEMORY_BYTES:
        pixels = pixels[np.arange(len(rows))]
    return Examples(pixels, labels, class_names, image_shape[-1], rows)


def balanced_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Positions 0 to N - 1 in a random order of which every prefix holds each class at its share of the whole.

    labels: int (N,). If all classes are equally frequent, every prefix is balanced to within one example a class; in
    general, a prefix that ends with a class's k-th of n examples holds about k/n of every class, so that a cut at any
    fraction is a stratified split. Returns int64 (N,); the same for the same labels and seed.
    """
    generator = np.random.default_rng([*b"balanced order", seed])
    shuffled = generator.permutation(len(labels))
    # class by class, in random order within each
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.unique(labels, return_counts=True)[1]
    place = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    # classes that are equally far on take turns in random order
    return by_class[np.lexsort((generator.random(len(labels)), place))]


def _named(task: Mapping, part: str) -> str:
    return f"task on dataset '{task['dataset']}', {part}"


def _change(entry: str | Mapping, shape: Sequence[int], task: Mapping, part: str, seed: int | None) -> Change:
    """What an entry of a task's `images` does to images of a shape (H, W, C)."""
    match entry:
        case str() if entry in TRANSFORMS:
            return lambda images, rows: TRANSFORMS[entry](images)
        case "shuffle_pixels":
            return shuffled_pixels(shape, _seed(seed, task, part, "shuffled pixels depend"))
        case {"shuffle_blocks": {"size": size, **options}, **others} if not others and options.keys() <= {"per_image"}:
            return shuffled_blocks(shape, _seed(seed, task, part, "shuffled blocks depend"), size, **options)
    names = ", ".join([*TRANSFORMS, "shuffle_pixels"])
    raise InputError(
        f"{_named(task, part)}: unknown change of images {entry!r}: choose from {names} and "
        "{'shuffle_blocks': {'size': side, 'per_image': whether}}"
    )


def _classes(task: Mapping, part: str, class_names: Sequence[str], seed: int | None) -> Sequence[int] | None:
    """The classes that a task is restricted to, in the order of their new labels; None: it is not."""
    match _unpermuted(task):
        case {"half": "A" | "B" as half, **others} if not others:
            halves = random_halves(len(class_names), _seed(seed, task, part, "random halves depend"))
            return halves["AB".index(half)]
        case {"classes": classes, **others} if not others:
            if not classes or len(set(classes)) < len(classes) or set(classes) - set(range(len(class_names))):
                raise InputError(
                    f"{_named(task, part)}: labels.classes is {classes}, expected different numbers from 0 to "
                    f"{len(class_names) - 1}, as there are {len(class_names)} classes"
                )
            return classes
    return None


def _relabelled(labels: np.ndarray, classes: int, task: Mapping, part: str, seed: int | None) -> np.ndarray:
    """Labels of one part of a task, (N,), after what the task does to them."""
    match _unpermuted(task):
        case None:
            return labels
        case {"shift": shift, **others} if not others:
            return shifted(labels, classes, shift)
        case {"randomness": randomness, **others} if not others:
            generator = numpy_generator(_seed(seed, task, part, "random labels depend"), "labels", part)
            return partially_random(labels, classes, randomness, generator)
    raise InputError(
        f"{_named(task, part)}: labels is {task['labels']}, expected {{'randomness': d}}, {{'shift': s}}, "
        "{'permuted': True}, {'classes': [...]} or {'half': 'A' or 'B'}"
    )


def _unpermuted(task: Mapping) -> dict | None:
    """What a task does to its labels before it permutes them; None: nothing."""
    return {
        key: value for key, value in (task.get("labels") or {}).items() if (key, value) != ("permuted", True)
    } or None


def _seed(seed: int | None, task: Mapping, part: str, what_depends: str) -> int:
    if seed is None:
        raise InputError(f"{_named(task, part)}: {what_depends} on a run's seed: load the task with one")
    return seed


def _split(task: Mapping, part: str) -> str:
    return task.get(part, {}).get("split", part)


def _rows_of(file: "h5py.File", task: Mapping, part: str) -> np.ndarray:
    """Rows in the dataset of one part of a task, int64 (N,), in balanced order."""
    split, split_names = _split(task, part), list(file.attrs["split_names"])
    if split not in split_names:
        raise InputError(
            f"{_named(task, part)}: {file.filename} has no split '{split}', only {split_names}: "
            f"choose one with '{part}: {{split: ...}}'"
        )
    members = np.flatnonzero(file["splits"][:] == split_names.index(split))
    first, end = _positions(task, part, len(members))
    (other,) = {"train", "test"} - {part}
    if _split(task, other) == split:
        other_first, other_end = _positions(task, other, len(members))
        shared = min(end, other_end) - max(first, other_first)
        if shared > 0:
            raise InputError(
                f"{_named(task, part)}: {shared:,} of its images of split '{split}' are in {other}, too: "
                "give the two parts rows that do not overlap"
            )
    return members[balanced_order(file["labels"][:][members], ORDER_SEED)[first:end]]


def _positions(task: Mapping, part: str, available: int) -> tuple[int, int]:
    """The part's positions [first, end) in its split's order; `available` is the split's number of images."""
    bounds = list(task.get(part, {}).get("rows", (0.0, 1.0)))
    first, end = bounds
    if any(isinstance(bound, float) for bound in bounds):
        if not 0 <= first < end <= 1:
            raise InputError(
                f"{_named(task, part)}: rows is {bounds}, expected fractions 0 <= first < end <= 1 or whole numbers"
            )
        first, end = round(first * available), round(end * available)
    if not 0 <= first < end <= available:
        raise InputError(
            f"{_named(task, part)}: rows is {bounds}, but split '{_split(task, part)}' has {available:,} images: "
            f"expected 0 <= first < end <= {available}"
        )
    size = task.get(part, {}).get("size", end - first)
    if not 1 <= size <= end - first:
        raise InputError(f"{_named(task, part)}: size is {size}, expected 1 to {end - first}, the number of its rows")
    return first, first + size


def _read_rows(stored: "h5py.Dataset", rows: np.ndarray) -> np.ndarray:
    """Rows of a stored array in any order; those that lie close are read together, from the file's start to its end."""
    order = np.argsort(rows, kind="stable")
    found = np.empty((len(rows), *stored.shape[1:]), stored.dtype)
    between = (np.diff(rows[order]) - 1) * (found.nbytes // len(rows))
    for run in np.split(order, np.flatnonzero(between > GAP_BYTES) + 1):
        first, last = rows[run[0]], rows[run[-1]]
        found[run] = stored[first : last + 1][rows[run] - first]
    return found
