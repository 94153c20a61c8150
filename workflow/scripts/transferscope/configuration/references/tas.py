"""What the section of Magai & Soroka 2023 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.references.rows import Parts, check_probe, check_steps
from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    for index, model in enumerate(settings.at("tas", "models") or ()):
        yield ("tas", "models", index), model, ("models",)
    for target in settings.names("tas", "targets"):
        yield ("tas", "targets", target), target, ("tasks",)
    yield ("tas", "table_target"), settings.at("tas", "table_target"), ("tas", "targets")


def adapted(settings: Settings) -> Iterator[tuple[str, str]]:
    """The task that a model was trained on and the one that it is adapted to, for every such pair."""
    for model in settings.names("tas", "models"):
        source = settings.at("models", model, "source", "task")
        yield from ((source, target) for target in settings.names("tas", "targets"))


def check(settings: Settings, parts: Parts) -> None:
    """Note each value that does not go with another key's."""
    for model in settings.names("tas", "models"):
        entry = settings.at("models", model)
        if entry is not None and "source" not in entry:
            advice = "expected the weights that it is fine-tuned from, as tas.models names it"
            settings.reject_key(("models", model, "source"), "missing", advice)
    targets = settings.names("tas", "targets")
    check_probe(settings, "tas", targets, parts)
    check_steps(settings, ("tas",), targets, parts)
    examples, minibatch = settings.at("tas", "examples"), settings.at("tas", "minibatch")
    if None not in (examples, minibatch) and minibatch > examples:
        settings.reject(("tas", "minibatch"), f"at most {examples}, the number of tas.examples", shown(minibatch))
