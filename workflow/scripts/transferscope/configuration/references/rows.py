"""Rows must make sense, be held out from training where they are tested on, and be as many as are asked for."""

import math
from collections.abc import Iterable, Iterator

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, advice, shown
from transferscope.data.known import SPLITS, Part, images_in, part_of
from transferscope.training.recipe import Recipe

Parts = dict[tuple[str, str], Part]


def find_parts(settings: Settings) -> Parts:
    """Every task's parts that make sense, by (task, "train" or "test"); those that do not are noted."""
    return dict(_parts(settings))


def _parts(settings: Settings) -> Iterator[tuple[tuple[str, str], Part]]:
    for task in settings.names("tasks"):
        dataset = settings.at("datasets", settings.at("tasks", task, "dataset"))
        for name in ("train", "test"):
            path = ("tasks", task, name)
            split, rows = settings.at(*path, "split"), settings.at(*path, "rows")
            if dataset is None or split is None:
                continue
            valid = SPLITS[dataset["loader"]]
            if split not in valid:
                found = f"{shown(split)}: {advice(split, valid, 'splits')}"
                settings.reject((*path, "split"), f"an official split of {dataset['loader']}", found)
            elif rows is not None and _make_sense(settings, (*path, "rows"), rows, images_in(dataset, split)):
                yield (task, name), part_of(settings.values, task, name)


def _make_sense(settings: Settings, path: KeyPath, rows: list, count: int | None) -> bool:
    """Whether a split of `count` images (None: not known) can have these rows; it is noted if not."""
    first, end = rows
    if any(isinstance(bound, float) for bound in rows):
        if not 0 <= first < end <= 1:
            settings.reject(path, "two whole numbers, or two fractions with 0 <= first < end <= 1", shown(rows))
            return False
    elif not 0 <= first < end:
        settings.reject(path, "0 <= first < end", shown(rows))
        return False
    elif count is not None and end > count:
        settings.reject(path, f"an end of at most {count}, the images of the split", shown(rows))
        return False
    return True


def check_held_out(settings: Settings, parts: Parts, pairs: Iterable[tuple[str, str]]) -> None:
    """Where a model of the first task of a pair is adapted to the second, it was not trained on what this is tested on.

    A task is a pair with itself.
    """
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


def check_probe(settings: Settings, paper: str, tasks: Iterable[str], parts: Parts) -> None:
    """A paper's probe must fit into the test images of each task that it is drawn from."""
    examples = settings.at(paper, "examples")
    for task in tasks:
        test = parts.get((task, "test"))
        if test and examples is not None and test.images < examples:
            expected = f"at most {test.images}, the test images of task '{task}'"
            settings.reject((paper, "examples"), expected, shown(examples))


def check_steps(settings: Settings, section: KeyPath, tasks: Iterable[str], parts: Parts) -> None:
    """A checkpoint after so many steps asks for a run of that many steps."""
    recipe, steps = settings.at(*section, "recipe"), settings.at(*section, "checkpoints", "steps")
    if recipe is None or steps is None:
        return
    recipe = Recipe(**recipe)
    for task in tasks:
        train = parts.get((task, "train"))
        if train is None or train.images == math.inf:
            continue
        most = recipe.epochs * recipe.steps_per_epoch(train.images)
        for position, step in enumerate(steps):
            if step > most:
                expected = f"at most {most}, the steps of {recipe.epochs} epochs on task '{task}'"
                settings.reject((*section, "checkpoints", "steps", position), expected, shown(step))
