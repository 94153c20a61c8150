"""What the section of Goerttler & Obermayer 2022 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.references.labels import check_number, check_numbers, classes_of_task
from transferscope.configuration.references.rows import Parts, check_probe, check_steps
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, dotted, shown

PRETRAINING = ("similarity", "pretraining", "task")
FINETUNING = ("similarity", "finetuning", "task")
CROSS = ("similarity", "finetuning", "cross")


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    yield ("similarity", "model"), settings.at("similarity", "model"), ("models",)
    for path in (PRETRAINING, FINETUNING, CROSS):
        yield path, settings.at(*path), ("tasks",)


def adapted(settings: Settings) -> Iterator[tuple[str, str]]:
    """The task that a model was trained on and the one that it is adapted to, for every such pair."""
    yield from ((settings.at(*PRETRAINING), settings.at(*path)) for path in (FINETUNING, CROSS))


def check(settings: Settings, parts: Parts) -> None:
    """Note each value that does not go with another key's."""
    _check_memorise(settings)
    _check_heads(settings)
    _check_degrees(settings)
    _check_sizes(settings, parts)
    check_probe(settings, "similarity", [settings.at(*path) for path in (FINETUNING, CROSS)], parts)
    check_steps(settings, ("similarity", "pretraining"), [settings.at(*PRETRAINING)], parts)


def _check_memorise(settings: Settings) -> None:
    """A run that goes on until it has memorised cannot end earlier than one that does not."""
    for phase in ("pretraining", "finetuning"):
        recipe = ("similarity", phase, "recipe")
        epochs, most = settings.at(*recipe, "epochs"), settings.at(*recipe, "memorise", "epochs")
        if epochs is not None and most is not None and most < epochs:
            settings.reject((*recipe, "memorise", "epochs"), f"at least {epochs}, the recipe's epochs", shown(most))


def _check_heads(settings: Settings) -> None:
    """Fine-tuning keeps the head, on labels that `similarity` sets itself."""
    classes = classes_of_task(settings, settings.at(*PRETRAINING))
    for path in (PRETRAINING, FINETUNING, CROSS):
        task = settings.at(*path)
        own = classes_of_task(settings, task)
        if settings.at("tasks", task, "labels") is not None:
            settings.reject(path, "a task without labels (similarity sets them)", shown(task))
        elif None not in (own, classes) and own != classes:
            expected = f"a task of {classes} classes, as {dotted(PRETRAINING)} is (the head is kept)"
            settings.reject(path, expected, f"{shown(task)}, which has {own}")


def _check_degrees(settings: Settings) -> None:
    """The highest degree of randomness stands for labels that say nothing of the image."""
    classes = classes_of_task(settings, settings.at(*PRETRAINING))
    path = ("similarity", "randomness")
    degrees = settings.at(*path) or ()
    check_numbers(settings, path, classes)
    if degrees and classes is not None and max(degrees) < classes - 1:
        expected = f"{classes - 1} (fully random labels of {classes} classes) among them"
        settings.reject(path, expected, shown(degrees))
    check_number(settings, ("similarity", "shift"), classes)


def _check_sizes(settings: Settings, parts: Parts) -> None:
    """Part of a training set cannot be more than the whole."""
    task = settings.at(*PRETRAINING)
    train = parts.get((task, "train"))
    for position, size in enumerate(settings.at("similarity", "sizes") or ()):
        if train and size > train.images:
            expected = f"at most {train.images}, the training images of task '{task}'"
            settings.reject(("similarity", "sizes", position), expected, shown(size))
