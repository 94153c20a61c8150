"""What the section of Neyshabur et al. 2020 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.references.rows import Parts, check_probe
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown
from transferscope.data.known import size_of

SOURCE = ("basins", "source")
SHUFFLED = ("basins", "shuffled")
LANDSCAPE = ("basins", "landscape")
RECIPES = [("basins", "recipes", name) for name in ("pretrained", "random")]
MOVING = ("rotation", "shift", "zoom", "crop", "flip")  # what `augment` has that moves pixels


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    yield ("basins", "model"), settings.at("basins", "model"), ("models",)
    yield (*SOURCE, "task"), settings.at(*SOURCE, "task"), ("tasks",)
    for target in settings.names("basins", "targets"):
        yield ("basins", "targets", target), target, ("tasks",)
    for section in (SHUFFLED, LANDSCAPE):
        for position, target in enumerate(settings.at(*section, "targets") or ()):
            yield (*section, "targets", position), target, ("basins", "targets")


def adapted(settings: Settings) -> Iterator[tuple[str, str]]:
    """The task that a network was trained on and the one that it is adapted to, for every such pair."""
    yield from ((settings.at(*SOURCE, "task"), target) for target in settings.names("basins", "targets"))


def check(settings: Settings, parts: Parts) -> None:
    """Note each value that does not go with another key's."""
    check_probe(settings, "basins", settings.names("basins", "targets"), parts)
    _check_epochs(settings)
    _check_sizes(settings)
    _check_augmentation(settings)
    _check_alphas(settings)
    _check_images(settings, parts)


def _check_epochs(settings: Settings) -> None:
    """Checkpoints are those of a run, and a mean over the last epochs asks for as many."""
    epochs, starts = settings.at(*SOURCE, "recipe", "epochs"), settings.at(*SOURCE, "checkpoints") or ()
    if list(starts) == [epochs]:
        expected = f"at least one epoch below {epochs}, the last of basins.source.recipe, which comes by itself"
        settings.reject((*SOURCE, "checkpoints"), expected, shown(starts))
    for position, epoch in enumerate(starts):
        if epochs is not None and epoch > epochs:
            expected = f"at most {epochs}, the epochs of basins.source.recipe"
            settings.reject((*SOURCE, "checkpoints", position), expected, shown(epoch))
    lengths = [settings.at(*recipe, "epochs") for recipe in RECIPES]
    if None in lengths:
        return
    shortest, last = min(lengths), settings.at("basins", "last_epochs")
    if last is not None and last > shortest:
        settings.reject(("basins", "last_epochs"), f"at most {shortest}, the epochs of basins.recipes", shown(last))
    for position, epoch in enumerate(settings.at(*LANDSCAPE, "checkpoints") or ()):
        if epoch >= shortest:
            expected = f"at most {shortest - 1}, before the last epoch of either of basins.recipes"
            settings.reject((*LANDSCAPE, "checkpoints", position), expected, shown(epoch))


def _check_sizes(settings: Settings) -> None:
    """An image is cut into whole blocks, two or more on a side; single values have one order for all images."""
    if settings.at(*SHUFFLED, "per_image") and 0 in (settings.at(*SHUFFLED, "sizes") or ()):
        expected = "false with size 0, where all values change places in one order for all images"
        settings.reject((*SHUFFLED, "per_image"), expected, shown(True))
    for target in settings.at(*SHUFFLED, "targets") or ():
        dataset = settings.at("datasets", settings.at("tasks", target, "dataset"))
        if dataset is None:
            continue
        side = size_of(dataset)
        valid = [size for size in range(1, side) if side % size == 0]
        for position, size in enumerate(settings.at(*SHUFFLED, "sizes") or ()):
            if size not in (0, *valid):
                expected = f"0 (all values change places) or one of {', '.join(map(str, valid))}, "
                expected += f"which cut the {side} pixels of task '{target}' into two blocks or more"
                settings.reject((*SHUFFLED, "sizes", position), expected, shown(size))


def _check_augmentation(settings: Settings) -> None:
    """What moves pixels comes after blocks are shuffled, and would break their one order for all images."""
    for recipe in RECIPES:
        augment = settings.at(*recipe, "augment") or {}
        for name in filter(augment.get, MOVING):
            off = shown(type(augment[name])(0))
            expected = f"{off}, as images of basins.shuffled, whose blocks have one order, are trained on by it, too"
            settings.reject((*recipe, "augment", name), f"{expected} (mixup keeps the order)", shown(augment[name]))


def _check_alphas(settings: Settings) -> None:
    """A way leads from its beginning to its end."""
    alphas = settings.at(*LANDSCAPE, "alphas")
    if alphas is not None and (alphas != sorted(alphas) or alphas[:1] != [0] or alphas[-1:] != [1]):
        settings.reject((*LANDSCAPE, "alphas"), "ascending numbers from 0 to 1, both included", shown(alphas))


def _check_images(settings: Settings, parts: Parts) -> None:
    """The images on which modules are disturbed are among those that their network was trained on."""
    images = settings.at(*LANDSCAPE, "images")
    trained = {target: parts.get((target, "train")) for target in settings.at(*LANDSCAPE, "targets") or ()}
    known = {target: train.images for target, train in trained.items() if train}
    fewest = min(known, key=known.get, default=None)
    if fewest is not None and images is not None and images > known[fewest]:
        expected = f"at most {known[fewest]}, the training images of task '{fewest}'"
        settings.reject((*LANDSCAPE, "images"), expected, shown(images))
