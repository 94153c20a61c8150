"""What is done to labels, and which classes are named, must suit the classes that there are."""

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown
from transferscope.data.known import classes_of


def check(settings: Settings) -> None:
    """What is done to a task's labels must suit its classes."""
    for task in settings.names("tasks"):
        for key in ("randomness", "shift"):
            check_number(settings, ("tasks", task, "labels", key), classes_of_task(settings, task))
        check_numbers(settings, ("tasks", task, "labels", "classes"), classes_of_task(settings, task))


def classes_of_task(settings: Settings, task: str | None) -> int | None:
    """Number of classes of a task, where it is known before the data is there."""
    dataset = settings.at("datasets", settings.at("tasks", task, "dataset"))
    return None if dataset is None else classes_of(dataset)


def check_number(settings: Settings, path: KeyPath, classes: int | None) -> None:
    """A class, a degree of randomness and a shift are lower than the number of classes."""
    _check_number(settings, path, settings.at(*path), classes)


def check_numbers(settings: Settings, path: KeyPath, classes: int | None) -> None:
    """So is each in a list of them."""
    for position, number in enumerate(settings.at(*path) or ()):
        _check_number(settings, (*path, position), number, classes)


def _check_number(settings: Settings, path: KeyPath, number: int | None, classes: int | None) -> None:
    if number is not None and classes is not None and number >= classes:
        settings.reject(path, f"at most {classes - 1}, as there are {classes} classes", shown(number))
