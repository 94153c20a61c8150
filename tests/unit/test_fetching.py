"""What a config has to be fetched, and its size: told before anything is."""

import pytest
from torchvision import models

from transferscope import fetching
from transferscope.data.downloads import REMOTES


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder with nothing in it."""
    monkeypatch.chdir(tmp_path)


def config(**datasets: str) -> dict:
    """Datasets by name with their loaders, and two models with published weights and one without."""
    models_of = {
        "known": {"library": "torchvision", "name": "resnet50", "source": {"weights": "IMAGENET1K_V1"}},
        "other": {"library": "timm", "name": "resnet50", "source": {"weights": "a1_in1k"}},
        "own": {"library": "timm", "name": "resnet50", "source": {"checkpoint": "mine.pt"}},
        "unused": {"library": "timm", "name": "resnet50", "source": {"weights": "a1_in1k"}},
    }
    return {
        "datasets": {name: {"loader": loader, "root": f"data/{name}"} for name, loader in datasets.items()},
        "models": models_of,
        "tas": {"models": ["known", "other", "own"]},
    }


def test_every_file_and_all_weights_that_a_paper_uses_are_named_with_their_sizes():
    found = fetching.items(config(numbers="SVHN", images="ImageNet"))
    assert [(item.state, item.size) for item in found] == [
        ("to fetch", REMOTES["SVHN"][0].size),
        ("to fetch", REMOTES["SVHN"][1].size),
        ("by hand", None),
        ("to fetch", 102_530_333),
        ("to fetch", None),
    ]
    total, *lines = fetching.listing(config(numbers="SVHN", images="ImageNet")).splitlines()
    # 182,040,794 + 64,275,384 + 102,530,333 bytes
    assert total == "to fetch: 349 MB and 1 of unknown size"
    assert len(lines) == len(found)
    assert lines[2].split() == [
        "by",
        "hand",
        "unknown",
        "dataset",
        "images",
        "(ImageNet)",
        "put",
        "it",
        "in",
        "data/images",
    ]


def test_what_is_there_does_not_count(tmp_path):
    (tmp_path / "data/numbers").mkdir(parents=True)
    (tmp_path / "data/numbers/train_32x32.mat").touch()
    (tmp_path / "data/images").mkdir()
    (tmp_path / "results/tas/models/known").mkdir(parents=True)
    (tmp_path / "results/tas/models/known/source.safetensors").touch()
    found = fetching.items(config(numbers="SVHN", images="ImageNet"))
    assert [item.state for item in found] == ["there", "to fetch", "there", "there", "to fetch"]
    assert fetching.listing(config(numbers="SVHN")).startswith("to fetch: 64.3 MB and 1 of unknown size")


def test_embedded_data_needs_nothing():
    embedded = {"datasets": {"digits": {"loader": "digits"}}, "models": {}}
    assert fetching.listing(embedded).startswith("nothing to fetch")


def test_sizes_of_weights_are_those_that_torchvision_states():
    for (model, name), size in fetching.WEIGHTS_BYTES.items():
        stated = models.get_model_weights(model)[name].meta["_file_size"]
        assert size / 2**20 == pytest.approx(stated, abs=0.001)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        *((0, "0 bytes"), (999, "999 bytes"), (1_000, "1.00 kB"), (99_960, "100 kB"), (999_600, "1.00 MB")),
        *((94_280_567, "94.3 MB"), (345_600_000, "346 MB"), (6_421_353_462, "6.42 GB"), (2 * 10**12, "2.00 TB")),
    ],
)
def test_sizes_have_three_digits(size, words):
    assert fetching.in_units(size) == words
