"""What a config has to be fetched before its jobs can do without the internet, and how large that is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from transferscope.data.downloads import REMOTES

# torchvision's files of the weights that the papers start from, in bytes: (model, weights) -> size
WEIGHTS_BYTES = {
    ("resnet50", "IMAGENET1K_V1"): 102_530_333,
    ("resnet101", "IMAGENET1K_V1"): 178_793_939,
    ("densenet121", "IMAGENET1K_V1"): 32_342_954,
    ("vit_b_16", "IMAGENET1K_V1"): 346_328_529,
}


@dataclass(frozen=True)
class Item:
    """Something that a config needs and that is not made by its jobs.

    name:  the dataset's or the model's, and what it is.
    where: the address that it is fetched from, or what to do.
    size:  in bytes; None: not known.
    state: "there", "to fetch", or "by hand" (someone has to put it where it is looked for).
    """

    name: str
    where: str
    size: int | None
    state: str


def items(config: Mapping) -> list[Item]:
    """What a config needs from elsewhere, in its order; embedded and generated data is not among it.

    config: as `configuration.load` returns it. Whether something is there is looked up from the current folder.
    """
    return [*_datasets(config), *_weights(config)]


def _datasets(config: Mapping) -> Iterator[Item]:
    for name, dataset in config["datasets"].items():
        if "root" not in dataset:
            continue
        root, loader = Path(dataset["root"]), dataset["loader"]
        if loader not in REMOTES:
            yield Item(f"dataset {name} ({loader})", f"put it in {root}", None, "there" if root.is_dir() else "by hand")
        for remote in REMOTES.get(loader, ()):
            state = "there" if (root / remote.gives).exists() else "to fetch"
            yield Item(f"dataset {name}", remote.url, remote.size, state)


def _weights(config: Mapping) -> Iterator[Item]:
    for name in config.get("tas", {}).get("models", ()):
        model = config["models"][name]
        weights = model["source"].get("weights")
        if weights is None:
            continue
        known = WEIGHTS_BYTES.get((model["name"], weights)) if model["library"] == "torchvision" else None
        state = "there" if Path(f"results/tas/models/{name}/source.safetensors").exists() else "to fetch"
        yield Item(f"weights {name}", f"{model['library']}'s {weights} of {model['name']}", known, state)


def listing(config: Mapping) -> str:
    """The items in words, a line each, below what they come to; sizes in units of 1000 bytes."""
    found = items(config)
    if not found:
        return "nothing to fetch: all images are embedded or generated, and all models are trained here"
    missing = [item for item in found if item.state == "to fetch"]
    known = sum(item.size for item in missing if item.size is not None)
    unknown = sum(item.size is None for item in missing)
    total = f"to fetch: {in_units(known)}" + (f" and {unknown} of unknown size" if unknown else "")
    rows = [
        (item.state, "unknown" if item.size is None else in_units(item.size), item.name, item.where) for item in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (f"  {row[0]:{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}" for row in rows)
    return "\n".join([total, *lines])


def in_units(size: int) -> str:
    """A number of bytes with three digits: 345 MB, 6.42 GB."""
    for power, unit in ((12, "TB"), (9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 0.9995 * 10**power:
            value = size / 10**power
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    return f"{size} bytes"
