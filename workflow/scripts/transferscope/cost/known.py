"""Sizes of the networks of config/paper.yaml, which a job's needs are told from where there is no time to import torch.

They are in sizes.json. After a change of a model, write them anew, in workflow/scripts:
`python -m transferscope.cost.known ../../config/paper.yaml`.
"""

import functools
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from transferscope.cost.sizes import Size, size_of
from transferscope.cost.work import UNKNOWN_CLASSES

SIZES = Path(__file__).with_name("sizes.json")


def known_size(model: Mapping) -> Size | None:
    """The size of a model, an entry under `models`, with a head as large as ImageNet's; None: it is not in the list."""
    size = _sizes().get(_key(model))
    return None if size is None else Size(**size)


def measured(models: Mapping[str, Mapping]) -> dict[str, dict]:
    """What sizes.json has to hold of some models, the entries under `models`."""
    from transferscope.models import zoo

    return {_key(each): asdict(size_of(zoo.architecture(each, UNKNOWN_CLASSES))) for each in models.values()}


@functools.cache
def _sizes() -> dict[str, dict]:
    return json.loads(SIZES.read_text(encoding="utf-8"))


def _key(model: Mapping) -> str:
    """What makes an architecture, as a text."""
    what = [model[name] for name in ("library", "name", "image_size", "channels")]
    return json.dumps([*what, model["options"]], sort_keys=True)


if __name__ == "__main__":
    from transferscope import configuration

    found = measured(configuration.load([sys.argv[1]])["models"])
    SIZES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
