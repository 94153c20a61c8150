"""What one key of the config asks of another: names that must exist, rows that must not overlap, numbers that must fit.

Each check passes over what is missing, and over what is wrong in itself: that is noted already.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from transferscope.configuration.images import SPLITS, Part, classes_of, images_in, part_of
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, advice, dotted, shown
from transferscope.training.recipe import Recipe

PAPERS = ("tas", "similarity", "anb")
PRETRAINING = ("similarity", "pretraining", "task")
FINETUNING = ("similarity", "finetuning", "task")
CROSS = ("similarity", "finetuning", "cross")

Parts = dict[tuple[str, str], Part]


def check(settings: Settings) -> None:
    """Note each value that does not go with another key's."""
    _check_papers(settings)
    _check_names(settings)
    _check_sources(settings)
    _check_memorise(settings)
    _check_labels(settings)
    _check_heads(settings)
    _check_degrees(settings)
    parts = dict(_parts(settings))
    _check_held_out(settings, parts)
    _check_probes(settings, parts)
    _check_sizes(settings, parts)
    _check_steps(settings, parts)
    _check_splits(settings)
    _check_last_epochs(settings)


def _check_papers(settings: Settings) -> None:
    """A config without a paper asks for nothing."""
    if not settings.values.keys() & set(PAPERS):
        settings.reject_key((PAPERS[0],), "missing", f"expected at least one paper: {' or '.join(PAPERS)}")


def _check_names(settings: Settings) -> None:
    """What is named must exist."""
    tasks = [("tasks", task, "dataset") for task in settings.names("tasks")]
    splits = [("anb", "splits", split, "task") for split in settings.names("anb", "splits")]
    sources = [("models", model, "source", "task") for model in settings.names("models")]
    named: list[tuple[KeyPath, object, tuple[str, ...]]] = [
        *((path, settings.at(*path), ("datasets",)) for path in tasks),
        *((path, settings.at(*path), ("tasks",)) for path in (*sources, PRETRAINING, FINETUNING, CROSS, *splits)),
        *(
            (("tas", "models", index), name, ("models",))
            for index, name in enumerate(settings.at("tas", "models") or ())
        ),
        *((("tas", "targets", target), target, ("tasks",)) for target in settings.names("tas", "targets")),
        (("tas", "table_target"), settings.at("tas", "table_target"), ("tas", "targets")),
        *(((paper, "model"), settings.at(paper, "model"), ("models",)) for paper in ("similarity", "anb")),
    ]
    for path, name, section in named:
        valid = settings.names(*section)
        if name is not None and valid and name not in valid:
            settings.reject(path, f"a name under {dotted(section)}", f"{shown(name)}: {advice(name, valid, 'names')}")


def _check_sources(settings: Settings) -> None:
    """What is fine-tuned for its TAs must come from somewhere, and a checkpoint must be there before anything runs."""
    for model in settings.names("tas", "models"):
        entry = settings.at("models", model)
        if entry is not None and "source" not in entry:
            advice = "expected the weights that it is fine-tuned from, as tas.models names it"
            settings.reject_key(("models", model, "source"), "missing", advice)
    for model in settings.names("models"):
        path = ("models", model, "source", "checkpoint")
        file = settings.at(*path)
        if file is not None and not Path(file).is_file():
            settings.reject(path, "an existing file", f"{shown(file)} (looked for in {Path.cwd()})")


def _check_memorise(settings: Settings) -> None:
    """A run that goes on until it has memorised cannot end earlier than one that does not."""
    for phase in ("pretraining", "finetuning"):
        recipe = ("similarity", phase, "recipe")
        epochs, most = settings.at(*recipe, "epochs"), settings.at(*recipe, "memorise", "epochs")
        if epochs is not None and most is not None and most < epochs:
            settings.reject((*recipe, "memorise", "epochs"), f"at least {epochs}, the recipe's epochs", shown(most))


def _classes(settings: Settings, task: str | None) -> int | None:
    """Number of classes of a task, where it is known before the data is there."""
    dataset = settings.at("datasets", settings.at("tasks", task, "dataset"))
    return None if dataset is None else classes_of(dataset)


def _check_label_number(settings: Settings, path: KeyPath, number: int | None, classes: int | None) -> None:
    """A class, a degree of randomness and a shift are lower than the number of classes."""
    if number is not None and classes is not None and number >= classes:
        settings.reject(path, f"at most {classes - 1}, as there are {classes} classes", shown(number))


def _check_class_numbers(settings: Settings, path: KeyPath, classes: int | None) -> None:
    """A list of classes names none that does not exist."""
    for position, number in enumerate(settings.at(*path) or ()):
        _check_label_number(settings, (*path, position), number, classes)


def _check_labels(settings: Settings) -> None:
    """What is done to a task's labels must suit its classes."""
    for task in settings.names("tasks"):
        for key in ("randomness", "shift"):
            path = ("tasks", task, "labels", key)
            _check_label_number(settings, path, settings.at(*path), _classes(settings, task))
        _check_class_numbers(settings, ("tasks", task, "labels", "classes"), _classes(settings, task))


def _check_heads(settings: Settings) -> None:
    """Fine-tuning under `similarity` keeps the head, on labels that `similarity` sets itself."""
    classes = _classes(settings, settings.at(*PRETRAINING))
    for path in (PRETRAINING, FINETUNING, CROSS):
        task = settings.at(*path)
        own = _classes(settings, task)
        if settings.at("tasks", task, "labels") is not None:
            settings.reject(path, "a task without labels (similarity sets them)", shown(task))
        elif None not in (own, classes) and own != classes:
            expected = f"a task of {classes} classes, as {dotted(PRETRAINING)} is (the head is kept)"
            settings.reject(path, expected, f"{shown(task)}, which has {own}")


def _check_degrees(settings: Settings) -> None:
    """The highest degree of randomness stands for labels that say nothing of the image."""
    classes = _classes(settings, settings.at(*PRETRAINING))
    path = ("similarity", "randomness")
    degrees = settings.at(*path) or ()
    for position, degree in enumerate(degrees):
        _check_label_number(settings, (*path, position), degree, classes)
    if degrees and classes is not None and max(degrees) < classes - 1:
        expected = f"{classes - 1} (fully random labels of {classes} classes) among them"
        settings.reject(path, expected, shown(degrees))
    shift = ("similarity", "shift")
    _check_label_number(settings, shift, settings.at(*shift), classes)


def _parts(settings: Settings) -> Iterator[tuple[tuple[str, str], Part]]:
    """Every task's parts that make sense, by (task, "train" or "test"); those that do not are noted."""
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


def _check_held_out(settings: Settings, parts: Parts) -> None:
    """What a task is tested on, neither it nor a model that is adapted to it may have been trained on."""
    pairs = [(task, task) for task in settings.names("tasks")]
    for model in settings.names("tas", "models"):
        source = settings.at("models", model, "source", "task")
        pairs += [(source, target) for target in settings.names("tas", "targets")]
    pairs += [(settings.at(*PRETRAINING), settings.at(*path)) for path in (FINETUNING, CROSS)]
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


def _check_probes(settings: Settings, parts: Parts) -> None:
    """A probe must fit into the test images of each task that it is drawn from, and a minibatch into the probe."""
    probed = {
        "tas": settings.names("tas", "targets"),
        "similarity": [settings.at(*path) for path in (FINETUNING, CROSS)],
    }
    for paper, tasks in probed.items():
        examples = settings.at(paper, "examples")
        for task in tasks:
            test = parts.get((task, "test"))
            if test and examples is not None and test.images < examples:
                expected = f"at most {test.images}, the test images of task '{task}'"
                settings.reject((paper, "examples"), expected, shown(examples))
    examples, minibatch = settings.at("tas", "examples"), settings.at("tas", "minibatch")
    if None not in (examples, minibatch) and minibatch > examples:
        settings.reject(("tas", "minibatch"), f"at most {examples}, the number of tas.examples", shown(minibatch))


def _check_sizes(settings: Settings, parts: Parts) -> None:
    """Part of a training set cannot be more than the whole."""
    task = settings.at(*PRETRAINING)
    train = parts.get((task, "train"))
    for position, size in enumerate(settings.at("similarity", "sizes") or ()):
        if train and size > train.images:
            expected = f"at most {train.images}, the training images of task '{task}'"
            settings.reject(("similarity", "sizes", position), expected, shown(size))


def _check_steps(settings: Settings, parts: Parts) -> None:
    """A checkpoint after so many steps asks for a run of that many steps."""
    for section, tasks in (
        (("tas",), settings.names("tas", "targets")),
        (("similarity", "pretraining"), [settings.at(*PRETRAINING)]),
    ):
        recipe, steps = settings.at(*section, "recipe"), settings.at(*section, "checkpoints", "steps")
        if recipe is None or steps is None:
            continue
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


def _check_splits(settings: Settings) -> None:
    """Halves are of one task's own classes, two or more each, and share none; the similar split has every treatment."""
    path = ("anb", "splits", "similar", "treatments")
    treatments = settings.at(*path)
    if isinstance(treatments, list) and len(treatments) < 5:
        settings.reject(path, "all five (figures compare them)", shown(treatments))
    for split in settings.names("anb", "splits"):
        path = ("anb", "splits", split)
        task, halves = settings.at(*path, "task"), settings.at(*path, "classes")
        classes = _classes(settings, task)
        if settings.at("tasks", task, "labels") is not None:
            settings.reject((*path, "task"), "a task without labels (anb sets them)", shown(task))
        if halves == "random" and classes is not None and classes < 4:
            settings.reject((*path, "task"), "a task of 4 classes or more", f"{shown(task)}, which has {classes}")
        elif isinstance(halves, dict):
            for half in halves:
                _check_class_numbers(settings, (*path, "classes", half), classes)
            shared = sorted(set(halves["A"]) & set(halves["B"]))
            if shared:
                settings.reject((*path, "classes", "B"), f"no class that is in A ({halves['A']})", shown(shared))


def _check_last_epochs(settings: Settings) -> None:
    """An accuracy over the last epochs asks for a run of that many."""
    epochs, last = settings.at("anb", "recipe", "epochs"), settings.at("anb", "last_epochs")
    if epochs is not None and last is not None and last > epochs:
        settings.reject(("anb", "last_epochs"), f"at most {epochs}, the epochs of anb.recipe", shown(last))
