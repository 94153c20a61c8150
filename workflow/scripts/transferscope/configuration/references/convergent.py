"""What the section of Li et al. 2016 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.references.rows import Parts
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown

TASK = ("convergent", "task")
DRAWN = ("randomness", "permuted", "half")  # what is done to labels by a draw from the run's seed
IMAGES = 4  # two to fit a mapping to, and two to validate it on


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    yield ("convergent", "model"), settings.at("convergent", "model"), ("models",)
    yield TASK, settings.at(*TASK), ("tasks",)


def check(settings: Settings, parts: Parts) -> None:
    """All networks learn the same, though their seeds differ, and there are images enough to compare them on."""
    task = settings.at(*TASK)
    drawn = [key for key in settings.names("tasks", task, "labels") if key in DRAWN]
    if drawn:
        expected = "a task whose labels are the same in every seed (all networks learn the same)"
        settings.reject(TASK, expected, f"{shown(task)}, which draws its labels.{drawn[0]} from the seed")
    test = parts.get((task, "test"))
    if test and test.images < IMAGES:
        expected = f"{IMAGES} images or more (convergent.task shows them to its networks, in two halves)"
        settings.reject(("tasks", task, "test", "rows"), expected, f"{test.images}")
