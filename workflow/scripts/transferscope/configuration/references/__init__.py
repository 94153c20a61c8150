"""What one key of the config asks of another: names that must exist, rows that must not overlap, numbers that must fit.

Each check passes over what is missing, and over what is wrong in itself: that is noted already. One file per paper
has what its section asks for.
"""

from pathlib import Path

from transferscope.configuration.references import (
    anb,
    basins,
    convergent,
    labels,
    quanta,
    recipes,
    shuffles,
    similarity,
    tas,
)
from transferscope.configuration.references.rows import check_held_out, find_parts
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, advice, dotted, shown

PAPERS = {
    "tas": tas,
    "similarity": similarity,
    "anb": anb,
    "quanta": quanta,
    "convergent": convergent,
    "basins": basins,
}


def check(settings: Settings) -> None:
    """Note each value that does not go with another key's."""
    _check_papers(settings)
    _check_precision(settings)
    _check_names(settings)
    _check_paths(settings)
    recipes.check(settings)
    labels.check(settings)
    shuffles.check(settings, [each for paper in PAPERS.values() for each in paper.names(settings)])
    parts = find_parts(settings)
    adapted = [pair for paper in (tas, similarity, quanta, basins) for pair in paper.adapted(settings)]
    check_held_out(settings, parts, [*((task, task) for task in settings.names("tasks")), *adapted])
    tas.check(settings, parts)
    similarity.check(settings, parts)
    anb.check(settings)
    quanta.check(settings)
    convergent.check(settings, parts)
    basins.check(settings, parts)
    for paper in PAPERS:
        _check_last_epochs(settings, paper)


def _check_papers(settings: Settings) -> None:
    """A config without a paper asks for nothing."""
    if not settings.values.keys() & PAPERS.keys():
        first, *_ = PAPERS
        settings.reject_key((first,), "missing", f"expected at least one paper: {' or '.join(PAPERS)}")


def _check_precision(settings: Settings) -> None:
    """A CPU has no TF32: asked for it, it would compute as ever and not say so."""
    if settings.at("device") == "cpu" and settings.at("precision") == "tf32":
        settings.reject(("precision",), "fp32 or bf16, as device is cpu", shown("tf32"))


def _check_names(settings: Settings) -> None:
    """What is named must exist: a key, the name that it gives, and the section that must have it."""
    tasks = [("tasks", task, "dataset") for task in settings.names("tasks")]
    sources = [("models", model, "source", "task") for model in settings.names("models")]
    named: list[tuple[KeyPath, object, KeyPath]] = [
        *((path, settings.at(*path), ("datasets",)) for path in tasks),
        *((path, settings.at(*path), ("tasks",)) for path in sources),
        *(each for paper in PAPERS.values() for each in paper.names(settings)),
    ]
    for path, name, section in named:
        valid = settings.names(*section)
        if name is not None and valid and name not in valid:
            settings.reject(path, f"a name under {dotted(section)}", f"{shown(name)}: {advice(name, valid, 'names')}")


def _check_paths(settings: Settings) -> None:
    """A file of weights, and a folder of images that nothing is downloaded to, must be there before anything runs."""
    for model in settings.names("models"):
        path = ("models", model, "source", "checkpoint")
        file = settings.at(*path)
        if file is not None and not Path(file).is_file():
            settings.reject(path, "an existing file", f"{shown(file)} (looked for in {Path.cwd()})")
    for dataset in settings.names("datasets"):
        path = ("datasets", dataset, "root")
        folder = settings.at(*path)
        if settings.at("datasets", dataset, "loader") != "ImageFolder" or folder is None:
            continue
        folder = folder.replace("{dataset}", dataset)
        if not Path(folder).is_dir():
            settings.reject(path, "an existing folder", f"{shown(folder)} (looked for in {Path.cwd()})")


def _check_last_epochs(settings: Settings, paper: str) -> None:
    """A mean over the last epochs asks for a run of that many."""
    epochs, last = settings.at(paper, "recipe", "epochs"), settings.at(paper, "last_epochs")
    if epochs is not None and last is not None and last > epochs:
        settings.reject((paper, "last_epochs"), f"at most {epochs}, the epochs of {paper}.recipe", shown(last))
