"""What the section of Yosinski et al. 2014 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.references.labels import check_numbers, classes_of_task
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    yield ("anb", "model"), settings.at("anb", "model"), ("models",)
    for split in settings.names("anb", "splits"):
        path = ("anb", "splits", split, "task")
        yield path, settings.at(*path), ("tasks",)


def check(settings: Settings) -> None:
    """Halves are of one task's own classes, two or more each, and share none; the similar split has every treatment."""
    path = ("anb", "splits", "similar", "treatments")
    treatments = settings.at(*path)
    if isinstance(treatments, list) and len(treatments) < 5:
        settings.reject(path, "all five (figures compare them)", shown(treatments))
    for split in settings.names("anb", "splits"):
        path = ("anb", "splits", split)
        task, halves = settings.at(*path, "task"), settings.at(*path, "classes")
        classes = classes_of_task(settings, task)
        if settings.at("tasks", task, "labels") is not None:
            settings.reject((*path, "task"), "a task without labels (anb sets them)", shown(task))
        if halves == "random" and classes is not None and classes < 4:
            settings.reject((*path, "task"), "a task of 4 classes or more", f"{shown(task)}, which has {classes}")
        elif isinstance(halves, dict):
            for half in halves:
                check_numbers(settings, (*path, "classes", half), classes)
            shared = sorted(set(halves["A"]) & set(halves["B"]))
            if shared:
                settings.reject((*path, "classes", "B"), f"no class that is in A ({halves['A']})", shown(shared))
