"""Weights from elsewhere: those that torchvision and timm publish, and local files, made to fit an architecture.

Both kinds come back as a state dict in today's names and the facts that a checkpoint of ours carries: `architecture`,
`normalisation` (mean and std per channel, of values in [0, 1]) and `weights` (their name and SHA-256 digests).
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from transferscope import store
from transferscope.errors import InputError
from transferscope.models import zoo
from transferscope.provenance import file_digest

TORCH_SUFFIXES = (".pt", ".pth")
WEIGHTS_SUFFIXES = (".safetensors", ".bin", *TORCH_SUFFIXES)
# how names of files end, without their suffix, that promise a SHA-256
PROMISED_DIGEST = r"(?:^|-)([0-9a-f]{8,64})$"
# keys under which a torch file may hold its state dict beside other things
STATE_DICT_KEYS = ("state_dict", "model")


def published(model: Mapping, folder: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Weights that torchvision or timm publish, downloaded into `folder` unless they are there.

    model: a model of the config, with `source: {weights: ...}`: the name of torchvision's weights (IMAGENET1K_V1) or
        timm's pretrained tag (a1_in1k).
    folder: of these weights alone.
    The normalisation is that of the weights' own transforms. Each file is checked against the digest in its name, and
    refused without any.
    Returns the state dict and the facts. Raises InputError if there are no such weights, if they cannot be fetched or
    are damaged or cannot be checked, or if the network has no head that fine-tuning could replace.
    """
    fetch = {"torchvision": _from_torchvision, "timm": _from_timm}.get(model["library"])
    if fetch is None:
        raise InputError(f"source.weights: library {model['library']} has none: expected library torchvision or timm")
    folder = Path(folder)
    name = model["source"]["weights"]
    # what an earlier call left must be whole before it is opened
    _checked_digests(folder)
    try:
        module, architecture, mean, std = fetch(model, name, folder)
    except (OSError, RuntimeError) as error:
        if store.no_room(error):
            raise
        raise InputError(
            f"cannot fetch the weights {name} of {model['library']}'s {model['name']} ({error}): run this step once on "
            f"a machine with internet access, or copy {folder} from one, with its symbolic links"
        ) from error
    # what cannot be fine-tuned is better refused now than in a job later
    zoo.head(module)
    return module.state_dict(), _facts(architecture, mean, std, name, _checked_digests(folder))


def local(model: Mapping) -> tuple[dict[str, Tensor], dict]:
    """Weights in a local file: a safetensors file, or a torch file (.pt, .pth) that holds nothing but tensors.

    model: a model of the config, with `source: {checkpoint: path}` and, unless the file or the model's library knows
        it, `normalisation: {mean: [...], std: [...]}` beside the path.
    A torch file may hold the state dict itself, or under "state_dict" or "model"; the prefix "module." of parallel
    training is taken off. The number of classes is that of the head in the file.
    Returns the state dict and the facts. Raises InputError if the file is missing, damaged or holds pickled objects,
    if it does not fit the architecture, or if the normalisation is not known.
    """
    path = Path(model["source"]["checkpoint"])
    tensors, own_facts = _torch_tensors(path) if path.suffix in TORCH_SUFFIXES else store.read_checkpoint(path)
    if tensors and all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    module = zoo.create(zoo.architecture(model, classes=1))
    weight = f"{zoo.head(module)[0]}.weight"
    classes = len(tensors[weight]) if weight in tensors else 1
    zoo.fit(zoo.with_new_head(module, classes, torch.Generator()), tensors, path)
    given = model["source"].get("normalisation") or own_facts.get("normalisation") or _default_normalisation(model)
    digests = {path.name: file_digest(path)}
    return module.state_dict(), _facts(
        zoo.architecture(model, classes), given["mean"], given["std"], str(path), digests
    )


def _facts(
    architecture: dict, mean: Sequence[float], std: Sequence[float], name: str, digests: Mapping[str, str]
) -> dict:
    return {
        "architecture": architecture,
        "normalisation": {"mean": list(mean), "std": list(std)},
        "weights": {"name": name, "sha256": dict(digests)},
    }


def _from_torchvision(
    model: Mapping, name: str, folder: Path
) -> tuple[nn.Module, dict, Sequence[float], Sequence[float]]:
    """Network, architecture, mean and std of torchvision's weights."""
    from torchvision import models

    zoo.refuse_unknown("model of library torchvision", model["name"], models.list_models(module=models))
    choice = models.get_model_weights(model["name"])
    zoo.refuse_unknown(f"weights of torchvision's {model['name']}", name, choice.__members__)
    weights = choice[name]
    tensors = _fetched(weights.url, folder)
    # the published files of dense networks still have the names of before 2018
    tensors = {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key): tensors[key] for key in tensors}
    architecture = zoo.architecture(model, classes=len(weights.meta["categories"]))
    module = zoo.create(architecture)
    zoo.fit(module, tensors, weights.url)
    transforms = weights.transforms()
    return module, architecture, transforms.mean, transforms.std


def _from_timm(model: Mapping, name: str, folder: Path) -> tuple[nn.Module, dict, Sequence[float], Sequence[float]]:
    """Network, architecture, mean and std of timm's weights; timm adapts them to the channels and the image size."""
    import timm

    zoo.refuse_unknown("model of library timm", model["name"], timm.list_models())
    tags = [full.partition(".")[2] for full in timm.list_models(f"{model['name']}.*", pretrained=True)]
    zoo.refuse_unknown(f"weights of timm's {model['name']}", name, tags)
    weights = timm.get_pretrained_cfg(f"{model['name']}.{name}")
    if not weights.hf_hub_id and not re.search(PROMISED_DIGEST, Path(weights.url).stem):
        raise InputError(
            f"{weights.url} cannot be checked, as no digest of it is published: fetch it yourself, check it, and name "
            "it as `source: {checkpoint: ...}`"
        )
    architecture = zoo.architecture(model, classes=weights.num_classes)
    # what has an address timm would open before it is checked, and again without `weights_only` where that fails
    overlay = {"url": None}
    if not weights.hf_hub_id:
        overlay["state_dict"] = _fetched(weights.url, folder)
    module = zoo.create(
        architecture, pretrained=True, pretrained_cfg=name, pretrained_cfg_overlay=overlay, cache_dir=str(folder)
    )
    if architecture["channels"] == 1:
        return module, architecture, [sum(weights.mean) / 3], [sum(weights.std) / 3]
    return module, architecture, weights.mean, weights.std


def _fetched(url: str, folder: Path) -> dict[str, Tensor]:
    """The tensors of a published torch file whose name ends with its digest, downloaded and checked unless it is there.

    Nothing in it is executed.
    """
    path = folder / Path(url).name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), re.search(PROMISED_DIGEST, path.stem)[1], progress=False)
    return _torch_tensors(path)[0]


def _default_normalisation(model: Mapping) -> dict[str, Sequence[float]]:
    """Mean and std of the weights that the library itself publishes for an architecture."""
    found = None
    if model["library"] == "torchvision":
        from torchvision import models

        found = models.get_model_weights(model["name"]).DEFAULT.transforms()
    elif model["library"] == "timm":
        import timm

        found = timm.get_pretrained_cfg(model["name"])
    if found is None or len(found.mean) != model.get("channels", 3):
        raise InputError(
            f"{model['source']['checkpoint']} does not say how its images were normalised: "
            "put `normalisation: {mean: [...], std: [...]}` beside it, a number for each channel"
        )
    return {"mean": found.mean, "std": found.std}


def _torch_tensors(path: Path) -> tuple[dict[str, Tensor], dict]:
    """The tensors of a torch file, and no facts. Nothing in the file is executed."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: expected a checkpoint (.safetensors, .pt or .pth)") from None
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds pickled objects, which could run any code, or is no torch file: expected tensors only; "
            "save the model's state_dict() again, best as .safetensors"
        ) from error
    # bytes that are no torch file may mean anything to the one that reads them
    except Exception as error:
        raise InputError(f"{path} is truncated or no torch file ({error!r})") from error
    for key in STATE_DICT_KEYS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise InputError(f"{path}: expected a state dict of tensors, by itself or under {' or '.join(STATE_DICT_KEYS)}")
    return dict(content), {}


def _checked_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights in a folder, which must be the one that its name promises.

    torchvision's files end their names with the first 8 digits of it, those of timm's hub are links to files named by
    all of it.
    """
    digests = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS_SUFFIXES and path.is_file()):
        # one link and no further: what it leads to may be a link itself, to a file that is named by another digest
        promised = re.search(PROMISED_DIGEST, (path.readlink() if path.is_symlink() else path).stem)
        if not promised:
            raise InputError(
                f"{path} cannot be checked: it is no link to a file that is named by its digest, as timm's hub makes "
                "one. Delete it, and fetch it again on a file system with symbolic links or copy it with them"
            )
        found = digests[path.name] = file_digest(path)
        if not found.startswith(promised[1]):
            raise InputError(f"{path} is damaged (its SHA-256 is {found}): delete it and run again")
    return digests
