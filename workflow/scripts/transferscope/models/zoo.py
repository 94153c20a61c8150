"""From a name to a network: small, torchvision and timm architectures, their heads, and checkpoints of them.

An *architecture* is a mapping: `library` (small, torchvision or timm), `name`, `options` (keyword arguments of the
architecture, optional), `classes`, `channels` (default 3) and `image_size`. Every checkpoint carries its own.
"""

import difflib
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import nn

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import small

# what an architecture says beside its name and its options
SHAPE = ("channels", "classes", "image_size")
# options that have a library fetch or load weights, which it would not check; the config's schema refuses them as well
WEIGHTS_OPTIONS = (
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"),
    *("weights", "weights_backbone"),
)
# how libraries object to an option's value; what is wrong with a download is an OSError
OPTION_ERRORS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RuntimeError, AssertionError)


def create(architecture: Mapping, **loading) -> nn.Module:
    """A network in training mode, its weights drawn by the library's own rule from torch's global generator.

    Networks of convolutions come in the memory format that is fast for them: see `memory_format`.
    loading: of `WEIGHTS_OPTIONS`, what timm is to load. An architecture, which may be a file's, cannot ask for that.
    Raises InputError if the library, the name or an option is unknown, if an option's value is not possible, or if an
    option would load weights.
    """
    library = architecture["library"]
    refuse_unknown("model library", library, LIBRARIES)
    for option in architecture.get("options") or {}:
        if option in WEIGHTS_OPTIONS:
            raise InputError(
                f"option '{option}' of {library} model {architecture['name']} would load weights unchecked: expected "
                "an architecture alone; name weights as a model's source, in the config"
            )
    module = LIBRARIES[library](architecture, **loading)
    return module.to(memory_format=memory_format(module))


def architecture(model: Mapping, classes: int) -> dict:
    """The architecture of a model of the config, with `classes` outputs."""
    return {
        "library": model["library"],
        "name": model["name"],
        "options": dict(model.get("options") or {}),
        "classes": classes,
        "channels": model.get("channels", 3),
        "image_size": model["image_size"],
    }


def memory_format(module: nn.Module) -> torch.memory_format:
    """The layout in which a network's inputs should be.

    Channels last for networks of convolutions (about twice as fast on a CPU); for a vision transformer, whose only
    convolution cuts out the patches, it makes no difference.
    """
    convolutions = sum(isinstance(part, nn.Conv2d) for part in module.modules())
    return torch.channels_last if convolutions > 1 else torch.contiguous_format


def head(module: nn.Module) -> tuple[str, nn.Linear]:
    """Name and module of the linear layer that gives the logits.

    It is the classifier that a timm network declares, else the last linear layer.
    Raises InputError if there is none: the network ends with something else.
    """
    linear = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    if hasattr(module, "get_classifier"):
        classifier = module.get_classifier()
        linear = {name: part for name, part in linear.items() if part is classifier}
    if not linear:
        raise InputError(f"{type(module).__name__} does not end with a linear layer that could be replaced")
    return list(linear.items())[-1]


def body(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters outside of the head, by name."""
    name, _ = head(module)
    return {key: parameter for key, parameter in module.named_parameters() if not key.startswith(f"{name}.")}


def with_new_head(module: nn.Module, classes: int, generator: torch.Generator) -> nn.Module:
    """The same network (changed in place) with an untrained head for `classes` classes.

    The head's weights are uniform in ±1/sqrt(inputs), as those of any new `nn.Linear`, but drawn from `generator`
    (on the CPU), so that they depend on its seed alone.
    """
    name, old = head(module)
    new = nn.utils.skip_init(nn.Linear, old.in_features, classes, bias=old.bias is not None)
    bound = 1 / math.sqrt(old.in_features)
    for parameter in new.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    module.set_submodule(name, new.to(old.weight))
    return module


def load(path: str | Path) -> tuple[nn.Module, dict]:
    """The network of a checkpoint of ours, in evaluation mode, and the checkpoint's facts.

    Leaves torch's global generator as it was. Raises InputError if the file is missing, damaged, does not say which
    architecture it holds, or does not fit it.
    """
    tensors, facts = store.read_checkpoint(path)
    if "architecture" not in facts:
        raise InputError(
            f"{path} does not say which architecture it holds: it was written elsewhere; "
            "name it as a model's source, with `source: {checkpoint: ...}` in the config"
        )
    try:
        with torch.random.fork_rng(devices=[]):
            module = create(facts["architecture"])
    except InputError as error:
        raise InputError(f"{path} holds no network of ours: {error}") from error
    fit(module, tensors, path)
    return module.eval(), facts


def fit(module: nn.Module, tensors: Mapping[str, torch.Tensor], origin: str | Path) -> None:
    """Put tensors into a network, all of them and everywhere.

    origin: where they come from, for the message. Raises InputError that lists the first tensors that are missing,
    left over or of another shape.
    """
    own = module.state_dict()
    reshaped = [
        f"{name} is {tuple(tensor.shape)}, expected {tuple(own[name].shape)}"
        for name, tensor in tensors.items()
        if name in own and tensor.shape != own[name].shape
    ]
    complaints = {"of another shape": reshaped}
    if not reshaped:
        outcome = module.load_state_dict(tensors, strict=False)
        complaints = {
            "missing": _with_shapes(outcome.missing_keys, own),
            "not known to the architecture": _with_shapes(outcome.unexpected_keys, tensors),
        }
    found = [f"{len(names)} {kind} ({_first(names)})" for kind, names in complaints.items() if names]
    if found:
        raise InputError(
            f"{origin} does not fit {type(module).__name__}: of its tensors, {'; '.join(found)}: "
            "check the model's library, name, options, channels and image_size"
        )


def refuse_unknown(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise InputError that says which names are nearest, unless `name` is one of `names`."""
    names = sorted(names)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {_first(names, 12)}"
        raise InputError(f"unknown {kind} '{name}': {hint}")


def _with_shapes(names: Iterable[str], tensors: Mapping[str, torch.Tensor]) -> list[str]:
    # a network may rename old keys as it loads them: a name need not be among the tensors
    return [f"{name} {tuple(tensors[name].shape)}" if name in tensors else name for name in names]


def _first(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")


def _small(architecture: Mapping) -> nn.Module:
    name = architecture["name"]
    refuse_unknown("model of library small", name, small.ARCHITECTURES)
    accepted = inspect.signature(small.ARCHITECTURES[name]).parameters
    for option in architecture.get("options") or {}:
        refuse_unknown(f"option of small model {name}", option, set(accepted) - set(SHAPE))
    shape = {"channels": architecture.get("channels", 3)} | {
        key: architecture[key] for key in ("classes", "image_size")
    }
    arguments = {key: value for key, value in shape.items() if key in accepted}
    return _build(small.ARCHITECTURES[name], architecture, **arguments)


def _torchvision(architecture: Mapping) -> nn.Module:
    from torchvision import models

    name = architecture["name"]
    refuse_unknown("model of library torchvision", name, models.list_models(module=models))
    if architecture.get("channels", 3) != 3:
        raise InputError(f"torchvision's {name} takes 3 channels, found channels: {architecture['channels']}")
    arguments = {"num_classes": architecture["classes"]}
    if name.startswith("vit_"):
        arguments["image_size"] = architecture["image_size"]
    return _build(models.get_model_builder(name), architecture, **arguments)


def _timm(architecture: Mapping, **loading) -> nn.Module:
    import timm

    name = architecture["name"]
    refuse_unknown("model of library timm", name, timm.list_models())
    arguments = {"num_classes": architecture["classes"], "in_chans": architecture.get("channels", 3)}
    published = timm.get_pretrained_cfg(name)
    if published is not None and published.fixed_input_size:
        arguments["img_size"] = architecture["image_size"]
    return _build(partial(timm.create_model, name, **loading), architecture, **arguments)


def _build(builder: Callable[..., nn.Module], architecture: Mapping, **arguments) -> nn.Module:
    """The module; what the builder objects to is a mistake in the model's options."""
    options = architecture.get("options") or {}
    try:
        return builder(**arguments, **options)
    except OPTION_ERRORS as error:
        raise InputError(
            f"{architecture['library']} model {architecture['name']} cannot be made with {arguments | options}: {error}"
        ) from error


LIBRARIES = {"small": _small, "torchvision": _torchvision, "timm": _timm}
