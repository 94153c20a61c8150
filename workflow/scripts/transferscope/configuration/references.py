"""What one key of the config asks of another: names that must exist, rows that must not overlap, numbers that must fit.

Each check passes over what is missing, and over what is wrong in itself: that is noted already.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, advice, dotted, shown
from transferscope.training.recipe import Recipe

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
    "ImageFolder": {"train": None, "val": None, "test": None, "all": None},
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


Parts = dict[tuple[str, str], Part]


def check(settings: Settings) -> None:
    """Note each value that does not go with another key's."""
    _check_names(settings)
    _check_checkpoints(settings)
    _check_roles(settings)
    parts = dict(_parts(settings))
    _check_held_out(settings, parts)
    _check_probe(settings, parts)
    _check_steps(settings, parts)


def _check_names(settings: Settings) -> None:
    """What is named must exist."""
    named: list[tuple[KeyPath, object, tuple[str, ...]]] = []
    for task in settings.names("tasks"):
        named.append((("tasks", task, "dataset"), settings.at("tasks", task, "dataset"), ("datasets",)))
    for model in settings.names("models"):
        path = ("models", model, "source", "task")
        named.append((path, settings.at(*path), ("tasks",)))
    for position, model in enumerate(settings.at("tas", "models") or ()):
        named.append((("tas", "models", position), model, ("models",)))
    for target in settings.names("tas", "targets"):
        named.append((("tas", "targets", target), target, ("tasks",)))
    named.append((("tas", "table_target"), settings.at("tas", "table_target"), ("tas", "targets")))
    for path, name, section in named:
        valid = settings.names(*section)
        if name is not None and valid and name not in valid:
            settings.reject(path, f"a name under {dotted(section)}", f"{shown(name)}: {advice(name, valid, 'names')}")


def _check_checkpoints(settings: Settings) -> None:
    """A checkpoint to start from must be there before anything runs."""
    for model in settings.names("models"):
        path = ("models", model, "source", "checkpoint")
        file = settings.at(*path)
        if file is not None and not Path(file).is_file():
            settings.reject(path, "an existing file", f"{shown(file)} (looked for in {Path.cwd()})")


def _check_roles(settings: Settings) -> None:
    """Only one of the compared models can stand for each of the paper's architectures."""
    holders: dict[str, str] = {}
    for model in settings.names("tas", "models"):
        role = settings.at("models", model, "stands_for")
        if role is not None and holders.setdefault(role, model) != model:
            expected = f"an architecture that no other model under tas.models stands for ('{holders[role]}' does)"
            settings.reject(("models", model, "stands_for"), expected, shown(role))


def _parts(settings: Settings) -> Iterator[tuple[tuple[str, str], Part]]:
    """Every task's parts that make sense, by (task, "train" or "test"); those that do not are noted."""
    for task in settings.names("tasks"):
        dataset = settings.at("tasks", task, "dataset")
        loader = settings.at("datasets", dataset, "loader")
        for name in ("train", "test"):
            path = ("tasks", task, name)
            split, rows = settings.at(*path, "split"), settings.at(*path, "rows")
            if loader is None or split is None:
                continue
            if split not in SPLITS[loader]:
                found = f"{shown(split)}: {advice(split, SPLITS[loader], 'splits')}"
                settings.reject((*path, "split"), f"an official split of {loader}", found)
            elif rows is not None:
                count = settings.at("datasets", dataset, "images") if loader == "textures" else SPLITS[loader][split]
                bounds = _bounds(settings, (*path, "rows"), rows, count)
                if bounds:
                    yield (task, name), Part(dataset, split, *bounds)


def _bounds(settings: Settings, path: KeyPath, rows: list, count: int | None) -> tuple | None:
    """The bounds of `rows` of a split of `count` images (None: not known), as a Part has them; None if senseless."""
    first, end = rows
    in_fractions = isinstance(first, float) or isinstance(end, float)
    if in_fractions and not 0 <= first < end <= 1:
        settings.reject(path, "two whole numbers, or two fractions with 0 <= first < end <= 1", shown(rows))
    elif not 0 <= first < end:
        settings.reject(path, "0 <= first < end", shown(rows))
    elif count is not None and end > count:
        settings.reject(path, f"an end of at most {count}, the images of the split", shown(rows))
    elif in_fractions:
        return (float(first), float(end)) if count is None else (round(first * count), round(end * count))
    else:
        return first, end
    return None


def _check_held_out(settings: Settings, parts: Parts) -> None:
    """What a task is tested on, neither it nor a source model that is adapted to it may have been trained on."""
    pairs = [(task, task) for task in settings.names("tasks")]
    for model in settings.names("tas", "models"):
        source = settings.at("models", model, "source", "task")
        pairs += [(source, target) for target in settings.names("tas", "targets")]
    for trained, tested in dict.fromkeys(pairs):
        train, test = parts.get((trained, "train")), parts.get((tested, "test"))
        if train and test and train.overlaps(test):
            taken = shown(settings.at("tasks", trained, "train", "rows"))
            alike = "" if type(train.end) is type(test.end) else ", both as whole numbers or both as fractions"
            settings.reject(
                ("tasks", tested, "test", "rows"),
                f"rows that task '{trained}' is not trained on ({taken} of the same split '{train.split}'){alike}",
                shown(settings.at("tasks", tested, "test", "rows")),
            )


def _check_probe(settings: Settings, parts: Parts) -> None:
    """The probe must fit into each target's test images, and a minibatch into the probe."""
    examples, minibatch = settings.at("tas", "examples"), settings.at("tas", "minibatch")
    if examples is None:
        return
    for target in settings.names("tas", "targets"):
        test = parts.get((target, "test"))
        if test and test.images < examples:
            expected = f"at most {test.images}, the test images of target '{target}'"
            settings.reject(("tas", "examples"), expected, shown(examples))
    if minibatch is not None and minibatch > examples:
        settings.reject(("tas", "minibatch"), f"at most {examples}, the number of tas.examples", shown(minibatch))


def _check_steps(settings: Settings, parts: Parts) -> None:
    """A checkpoint after so many steps asks for a fine-tuning of that many steps."""
    recipe, steps = settings.at("tas", "recipe"), settings.at("tas", "checkpoints", "steps")
    if recipe is None or steps is None:
        return
    recipe = Recipe(**recipe)
    for target in settings.names("tas", "targets"):
        train = parts.get((target, "train"))
        if train is None or train.images == math.inf:
            continue
        most = recipe.epochs * recipe.steps_per_epoch(train.images)
        for position, step in enumerate(steps):
            if step > most:
                expected = f"at most {most}, the steps of a fine-tuning on target '{target}'"
                settings.reject(("tas", "checkpoints", "steps", position), expected, shown(step))
