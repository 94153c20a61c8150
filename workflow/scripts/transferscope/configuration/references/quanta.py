"""What the section of Orhand et al. 2021 asks of others, and its keys of each other."""

from collections.abc import Iterator

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import KeyPath, shown

SOURCE = ("quanta", "source")
TARGETS = [("quanta", "targets", target) for target in ("AnA", "AnB")]
SPLIT = ("quanta", "joint", "split")


def names(settings: Settings) -> Iterator[tuple[KeyPath, object, KeyPath]]:
    """What is named here, as `references.check` asks for it."""
    yield ("quanta", "model"), settings.at("quanta", "model"), ("models",)
    for path in (SOURCE, *TARGETS):
        yield path, settings.at(*path), ("tasks",)
    yield SPLIT, settings.at(*SPLIT), ("anb", "splits")


def adapted(settings: Settings) -> Iterator[tuple[str, str]]:
    """The task of the source network and of a network with gates to it, for every such pair."""
    yield from ((settings.at(*SOURCE), settings.at(*target)) for target in TARGETS)


def check(settings: Settings) -> None:
    """Note each value that does not go with another key's."""
    source, own = settings.at(*SOURCE), settings.at(*TARGETS[0])
    if None not in (source, own) and own != source:
        settings.reject(TARGETS[0], f"{shown(source)}, as quanta.source (AnA is the source's own task)", shown(own))
    _check_layers(settings)
    _check_initials(settings)
    if settings.at("quanta", "joint") is not None:
        _check_joint(settings)


def _check_layers(settings: Settings) -> None:
    """A gate sits at a layer below the head; the first has the number 0."""
    model = settings.at("quanta", "model")
    count = _layers_below_head(settings, model)
    for position, layer in enumerate(settings.at("quanta", "layers") or ()):
        if count is not None and layer >= count:
            expected = f"at most {count - 1}, as model '{model}' has {count} layers below its head, the first being 0"
            settings.reject(("quanta", "layers", position), expected, shown(layer))


def _layers_below_head(settings: Settings, model: str | None) -> int | None:
    """How many there are, where it follows from the config; elsewhere it shows when the network is made."""
    entry = settings.at("models", model)
    match entry:
        case {"library": "small", "name": "caffenet"}:
            return 7
        case {"library": "small", "name": "layered" | "quanta", "options": {"widths": list(widths)}}:
            # a convolution each, and a fully connected layer
            return len(widths) + 1
    return None


def _check_initials(settings: Settings) -> None:
    """What becomes of a gate to another source, or at another rate, is told by one of the paper's that starts alike."""
    papers = settings.at("quanta", "initial")
    for section, others in (("controls", "gates to the trained source"), ("sensitivity", "gates at the usual rate")):
        path = ("quanta", section, "initial")
        initial = settings.at(*path)
        if None not in (initial, papers) and initial not in papers:
            settings.reject(path, f"one of quanta.initial ({papers}), from which {others} start, too", shown(initial))


def _check_joint(settings: Settings) -> None:
    """Gates are compared with frozen copies of the same networks' layers, and with fine-tuned copies of all of them."""
    if "anb" not in settings.values:
        settings.reject(("quanta", "joint"), "a section anb, whose base networks are the sources", "none")
        return
    split = settings.at(*SPLIT)
    treatments = settings.at("anb", "splits", split, "treatments")
    if treatments is not None and not {"transfer", "transfer+"} <= set(treatments):
        expected = "a split with the treatments transfer and transfer+ (gates are compared with both)"
        settings.reject(SPLIT, expected, f"{shown(split)}, which has {', '.join(treatments)}")
    layers, count = settings.at("anb", "layers"), _layers_below_head(settings, settings.at("anb", "model"))
    if None not in (layers, count) and count not in layers:
        expected = f"{count} among them (quanta.joint compares with networks all of whose layers are copied)"
        settings.reject(("anb", "layers"), expected, shown(layers))
    seeds = settings.at("anb", "seeds")
    for position, seed in enumerate(settings.at("quanta", "seeds") or ()):
        if seeds is not None and seed not in seeds:
            expected = f"one of anb.seeds ({seeds}), as quanta.joint gates the base networks of the same seed"
            settings.reject(("quanta", "seeds", position), expected, shown(seed))
