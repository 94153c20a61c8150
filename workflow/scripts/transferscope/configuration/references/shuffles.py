"""What the config asks of shuffled images: blocks that fit the image, and a run's seed to shuffle by."""

from collections.abc import Iterable

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown
from transferscope.data.known import size_of


def check(settings: Settings, named: Iterable[tuple[KeyPath, object, KeyPath]]) -> None:
    """Note blocks that do not fit their images, and shuffled tasks where images are the same under every seed.

    named: what the papers of which that is true name: a key, the name that it gives, and the section that has it.
    """
    for task in settings.names("tasks"):
        _check_block_sizes(settings, task)
    for path, name, section in named:
        if section == ("tasks",):
            _refuse_shuffled(settings, path, name)


def _check_block_sizes(settings: Settings, task: str) -> None:
    """An image is cut into whole blocks, two or more on a side."""
    dataset = settings.at("datasets", settings.at("tasks", task, "dataset"))
    for position, change in enumerate(settings.at("tasks", task, "images") or ()):
        if dataset is None or not isinstance(change, dict):
            continue
        image, block = size_of(dataset), change["shuffle_blocks"]["size"]
        valid = [size for size in range(1, image) if image % size == 0]
        if block not in valid:
            path = ("tasks", task, "images", position, "shuffle_blocks", "size")
            expected = (
                f"one of {', '.join(map(str, valid))}, which cut images of {image} pixels into two blocks or more"
            )
            settings.reject(path, expected, shown(block))


def _refuse_shuffled(settings: Settings, path: KeyPath, task: str | None) -> None:
    """Each seed shuffles in its own way, so that what is the same for all seeds cannot be shuffled."""
    changes = settings.at("tasks", task, "images") or ()
    if any(isinstance(change, dict) or change == "shuffle_pixels" for change in changes):
        settings.reject(path, "a task without shuffled images (each seed would have other ones)", shown(task))
