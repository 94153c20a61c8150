"""Fixtures that every unit test may use."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transferscope import configuration
from transferscope.errors import InputError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def load_config(tmp_path, monkeypatch) -> Callable[..., dict]:
    """load_config(text, ..., values=...): the config from files config.yaml, config2.yaml, ... of these texts.

    There is a folder of images, `pictures`, beside them.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()

    def load(*texts: str, values: dict | None = None) -> dict:
        paths = [Path(f"config{number if number > 1 else ''}.yaml") for number in range(1, len(texts) + 1)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return configuration.load(paths, values)

    return load


@pytest.fixture
def config_errors(load_config) -> Callable[..., list[str]]:
    """config_errors(text, ..., values=...): the lines of the InputError that this config gives."""

    def errors(*texts: str, values: dict | None = None) -> list[str]:
        with pytest.raises(InputError) as caught:
            load_config(*texts, values=values)
        return str(caught.value).splitlines()

    return errors


@pytest.fixture
def similarity(tables):
    """A copy of similarity.csv, to be changed at will; each file of tests says which `tables` it means."""
    return tables[0].copy()


@pytest.fixture
def final(tables):
    """A copy of final.csv, likewise."""
    return tables[0].copy()


@pytest.fixture
def history(tables):
    """A copy of history.csv, likewise."""
    return tables[1].copy()
