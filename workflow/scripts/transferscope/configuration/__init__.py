"""The config: read from YAML, checked whole before anything runs, completed with its defaults."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from transferscope.configuration import references
from transferscope.configuration.schema import Schema
from transferscope.configuration.settings import Settings

# what a dataset, task or model may be called: its name becomes a part of file names
NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"


def load(paths: Sequence[str | Path], values: Mapping | None = None) -> dict:
    """The config, with every default filled in and every number a number.

    paths:  config files, later ones winning over earlier ones, key by key.
    values: what Snakemake made of them and of `--config`, which wins over the files.
    Raises one InputError that lists every error, a line each, with its file and line ("--config" where a value is in
    no file): files that cannot be read; unknown, missing and duplicate keys; values of the wrong kind or out of range;
    names that do not exist; test images that are trained on. The nearest valid name is suggested.
    """
    settings = Settings()
    if all([settings.read(path) for path in paths]):
        settings.override(values or {})
        schema = Schema()
        schema.complete(settings)
        schema.check(settings)
        references.check(settings)
    settings.raise_errors()
    for name, dataset in settings.values["datasets"].items():
        if "root" in dataset:
            dataset["root"] = dataset["root"].replace("{dataset}", name)
    return settings.values
