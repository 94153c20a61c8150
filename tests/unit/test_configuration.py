"""The config: what is accepted and completed, and the exact words in which each kind of mistake is reported."""

import functools
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from transferscope import configuration
from transferscope.configuration import references
from transferscope.configuration.schema import SCHEMA_FILE
from transferscope.data import datasets
from transferscope.errors import InputError
from transferscope.training.recipe import Kept, Recipe

ROOT = Path(__file__).parents[2]
SHIPPED = [ROOT / "config" / name for name in ("config.yaml", "paper.yaml")]
ABSENT = "absent"
README = (ROOT / "config" / "README.md").read_text()

VALID = """\
scale: demo
datasets:
  clothes: {loader: fashion_mnist_sample}
  ours: {loader: ImageFolder, root: pictures}
tasks:
  first:
    dataset: clothes
    train: {split: test, rows: [0, 5000]}
    test: {split: test, rows: [9000, 10000]}
  turned:
    dataset: clothes
    train: {split: test, rows: [5000, 6000]}
    test: {split: test, rows: [9000, 10000]}
    images: [rotate_90]
  pictured:
    dataset: ours
    train: {split: all, rows: [0, 0.8]}
    test: {split: all, rows: [0.8, 1.0]}
models:
  net:
    library: small
    name: residual
    stands_for: ResNet-50
    source: {task: first, recipe: {epochs: 2, learning_rate: 1e-3}}
  published:
    library: timm
    name: convnext_atto
    source: {weights: d2_in1k}
tas:
  models: [net, published]
  targets:
    turned: near
    pictured: far
  table_target: turned
  seeds: [0, 1]
  recipe: {epochs: 3, learning_rate: 5e-5}
  checkpoints: {steps: [1, 90]}
  examples: 64
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """load(text, ..., values=...): the config from files config.yaml, config2.yaml, ... of these texts."""
    monkeypatch.chdir(tmp_path)

    def load(*texts: str, values: dict | None = None) -> dict:
        paths = [Path(f"config{number if number > 1 else ''}.yaml") for number in range(1, len(texts) + 1)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        return configuration.load(paths, values)

    return load


@pytest.fixture
def errors(load):
    """errors(text, ..., values=...): the lines of the InputError that this config gives."""

    def errors(*texts: str, values: dict | None = None) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(*texts, values=values)
        return str(caught.value).splitlines()

    return errors


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_are_valid_and_so_is_what_is_made_of_them(path, load):
    config = configuration.load([path])
    assert load(yaml.safe_dump(config)) == config


def test_the_papers_scale_is_the_papers_protocol():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    tas, models = config["tas"], config["models"]
    assert Recipe(**tas["recipe"]) == Recipe(epochs=10, batch_size=32, optimiser="adam", learning_rate=5e-5)
    assert Kept(**tas["checkpoints"]).names(10) == [
        *(f"epoch{epoch}" for epoch in range(11)),
        *("step50", "step100", "step200", "step400", "step800"),
    ]
    used = {(models[name]["name"], models[name]["image_size"]) for name in tas["models"]}
    convolutional = ("resnet50", "resnet101", "densenet121")
    assert used == {("vit_b_16", 224), *((name, size) for name in convolutional for size in (224, 32))}
    assert all(models[name]["source"] == {"weights": "IMAGENET1K_V1"} for name in tas["models"])
    assert {config["datasets"][config["tasks"][target]["dataset"]]["loader"] for target in tas["targets"]} == {
        *("EuroSAT", "PCAM", "StanfordCars", "DTD", "CIFAR10")
    }


def test_defaults_are_filled_in_at_every_level(load):
    config = load(
        VALID, "tasks: {bare: {dataset: ours}}\ndatasets: {far: {loader: textures}, cifar: {loader: CIFAR10}}"
    )
    assert config["device"] == "auto"
    assert config["datasets"]["ours"] == {"loader": "ImageFolder", "root": "pictures", "size": 256}
    assert config["datasets"]["far"] == {"loader": "textures", "images": 2000, "classes": 10, "size": 28}
    assert config["datasets"]["cifar"] == {"loader": "CIFAR10", "root": "results/downloads/cifar"}
    assert config["tasks"]["bare"] == {
        "dataset": "ours",
        "train": {"split": "train", "rows": [0.0, 1.0]},
        "test": {"split": "test", "rows": [0.0, 1.0]},
        "images": [],
    }
    recipe = {"epochs": 2, "learning_rate": 1e-3, "batch_size": 32, "optimiser": "adam"}
    recipe |= {"momentum": 0.0, "weight_decay": 0.0}
    assert config["models"]["net"]["source"] == {"task": "first", "seed": 0, "recipe": recipe}
    assert config["models"]["published"]["source"] == {"weights": "d2_in1k"}
    assert config["tas"]["checkpoints"] == {"every_epochs": 1, "steps": [1, 90]}
    assert (config["tas"]["minibatch"], config["tas"]["layers"]) == (32, "modules")


def test_uses_of_one_anchor_get_their_own_defaults(load):
    shared = "tasks: {bare: {dataset: ours, train: &rows {rows: [0, 10]}, test: *rows}}"
    bare = load(VALID, shared)["tasks"]["bare"]
    assert (bare["train"]["split"], bare["test"]["split"]) == ("train", "test")


def test_numbers_are_numbers_however_they_are_written(load):
    recipe = load(VALID, 'tas: {recipe: {learning_rate: "5E-5", epochs: "4.0", weight_decay: 1}}')["tas"]["recipe"]
    assert recipe["learning_rate"] == 5e-5 and isinstance(recipe["learning_rate"], float)
    assert recipe["epochs"] == 4 and isinstance(recipe["epochs"], int)
    assert recipe["weight_decay"] == 1


def test_options_of_a_model_keep_their_words_and_get_their_numbers(load):
    options = {"eps": "1e-6", "drop": "null", "act": "gelu", "depths": [2, 2], "flag": True, "limit": "nan"}
    config = load(VALID, yaml.safe_dump({"models": {"published": {"options": options}}}))
    expected = {"eps": 1e-6, "drop": None, "act": "gelu", "depths": [2, 2], "flag": True, "limit": "nan"}
    assert config["models"]["published"]["options"] == expected


def test_later_files_win_key_by_key_and_the_command_line_over_all(load):
    # Snakemake reads everything within the braces of `--config 'tas={...}'` as text
    values = {"tas": {"seeds": ["7", "8"], "checkpoints": {"every_epochs": "null"}}, "device": "cpu"}
    config = load(VALID, "tas: {seeds: [5], examples: 32}", values=values)
    assert config["tas"]["seeds"] == [7, 8]
    assert config["tas"]["checkpoints"] == {"every_epochs": None, "steps": [1, 90]}
    assert config["tas"]["examples"] == 32
    assert config["tas"]["models"] == ["net", "published"]
    assert config["device"] == "cpu"


def test_an_error_names_the_file_that_set_the_key_last(errors):
    assert errors(VALID, "\ntas:\n  examples: 1\n", "scale: demo") == [
        "config2.yaml:3: tas.examples: expected an integer >= 8, found 1"
    ]
    assert errors(VALID.replace("examples: 64", "examples: 2"), "scale: demo") == [
        f"config.yaml:{line_of(VALID, 'examples: 64')}: tas.examples: expected an integer >= 8, found 2"
    ]


def test_an_error_on_the_command_line_is_told_from_one_in_a_file(errors):
    files = yaml.safe_load(VALID)
    files["tas"] |= {"examples": "2", "seeds": ["0", "-1"]}
    assert errors(VALID, values=files | {"devices": "cpu"}) == [
        "--config: tas.examples: expected an integer >= 8, found 2",
        "--config: tas.seeds[1]: expected an integer >= 0, found -1",
        "unknown key 'devices' (--config): did you mean 'device'?",
    ]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("tas: {recipe: {learning_rate: -1}}", "tas.recipe.learning_rate: expected a number > 0, found -1"),
        ("tas: {recipe: {learning_rate: fast}}", "tas.recipe.learning_rate: expected a number > 0, found 'fast'"),
        ("tas: {recipe: {learning_rate: .nan}}", "tas.recipe.learning_rate: expected a number > 0, found nan"),
        ("tas: {recipe: {learning_rate: .inf}}", "tas.recipe.learning_rate: expected a number > 0, found inf"),
        ("tas: {recipe: {learning_rate: true}}", "tas.recipe.learning_rate: expected a number > 0, found true"),
        ("tas: {recipe: {epochs: 1.5}}", "tas.recipe.epochs: expected an integer >= 1, found 1.5"),
        ("tas: {recipe: {epochs: }}", "tas.recipe.epochs: expected an integer >= 1, found null"),
        (
            "tas: {recipe: {momentum: 1.0, optimiser: sgd}}",
            "tas.recipe.momentum: expected a number >= 0 and < 1, found 1.0",
        ),
        (
            "tas: {recipe: {momentum: 0.9}}",
            "tas.recipe.momentum: expected 0 (only optimiser sgd has momentum), found 0.9",
        ),
        ("tas: {recipe: {optimiser: lion}}", "tas.recipe.optimiser: expected one of adam, sgd, found 'lion'"),
        (
            "tas: {checkpoints: {every_epochs: 0}}",
            "tas.checkpoints.every_epochs: expected an integer or null >= 1, found 0",
        ),
        ("tas: {seeds: [0, 1, 0]}", "tas.seeds: expected a list of different integers >= 0, found [0, 1, 0]"),
        ("tas: {seeds: []}", "tas.seeds: expected a list of different integers >= 0, found []"),
        ("tas: {seeds: 3}", "tas.seeds: expected a list of different integers >= 0, found 3"),
        ("tas: 3", "tas: expected a mapping, found 3"),
        (
            "tas: {layers: module}",
            "tas.layers: expected modules, leaves, blocks, or a pattern of module names with * or ?, found 'module'",
        ),
        ("tas: {targets: {turned: close}}", "tas.targets.turned: expected one of control, near, far, found 'close'"),
        (
            "tasks: {turned: {images: [rotate]}}",
            "tasks.turned.images[0]: expected one of rotate_90, invert, found 'rotate'",
        ),
        ("models: {net: {channels: 2}}", "models.net.channels: expected one of 1, 3, found 2"),
        (
            "models: {resnet: {library: torchvision, name: resnet18, channels: 1, source: {weights: x}}}",
            "models.resnet.channels: expected 3 (torchvision's models take RGB), found 1",
        ),
        (
            "models: {net: {name: resnet}}",
            "models.net.name: expected one of residual, dense, transformer, found 'resnet'",
        ),
        (
            "models: {other: {library: small, name: dense, source: {weights: x}}}",
            "models.other.source.weights: expected task or checkpoint instead "
            "(the library small has no published weights), found 'x'",
        ),
        (
            "models: {published: {source: {task: first, recipe: {epochs: 1, learning_rate: 1}}}}",
            "models.published.source: expected exactly one of task, weights and checkpoint, "
            "found a mapping with the keys weights, task, recipe, seed",
        ),
        (
            "models: {published: {source: {seed: 3}}}",
            "models.published.source.seed: expected no seed without task, found 3",
        ),
        (
            "models: {published: {stands_for: ResNet-50}}",
            "models.published.stands_for: expected an architecture that no other model under tas.models stands for "
            "('net' does), found 'ResNet-50'",
        ),
        (
            "datasets: {cifar: {loader: cifar10}}",
            f"datasets.cifar.loader: expected one of {', '.join(datasets.LOADERS)}, found 'cifar10': "
            "did you mean 'CIFAR10'?",
        ),
        (
            "datasets: {far: {loader: textures, classes: 11}}",
            "datasets.far.classes: expected an integer >= 2 and <= 10, found 11",
        ),
        ("models: {}\ndatasets: {far: 3}", "datasets.far: expected a mapping, found 3"),
        (
            "datasets: {../far: {loader: textures}}",
            "datasets.../far: expected a name of letters, digits, '_', '-' and single '.' that begins with a letter or "
            "a digit, found '../far'",
        ),
    ],
)
def test_a_value_that_is_wrong_in_itself_is_named_with_what_was_expected(fragment, expected, errors):
    line = 2 if fragment.startswith("models: {}") else 1
    assert f"config2.yaml:{line}: {expected}" in errors(VALID, fragment)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("tas: {recipe: {epoch: 3}}", "unknown key 'epoch' under tas.recipe (config2.yaml:1): did you mean 'epochs'?"),
        ("Scale: demo", "unknown key 'Scale' (config2.yaml:1): did you mean 'scale'?"),
        (
            "tasks: {turned: {train: {quux: 1}}}",
            "unknown key 'quux' under tasks.turned.train (config2.yaml:1): valid keys: split, rows",
        ),
        (
            "datasets: {clothes: {size: 28}}",
            "unknown key 'size' under datasets.clothes (config2.yaml:1): valid keys: loader",
        ),
        (
            "datasets: {cifar: {loader: CIFAR10, size: 28}}",
            "unknown key 'size' under datasets.cifar (config2.yaml:1): valid keys: loader, root",
        ),
        (
            "datasets: {far: {loader: textures, root: x}}",
            "unknown key 'root' under datasets.far (config2.yaml:1): valid keys: loader, images, classes, size",
        ),
        (
            "models: {net: {source: {seeds: 1}}}",
            "unknown key 'seeds' under models.net.source (config2.yaml:1): did you mean 'seed'?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one_or_all(fragment, expected, errors):
    assert errors(VALID, fragment) == [expected]


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("tasks: {bare: {}}", "missing key 'dataset' under tasks.bare (config2.yaml:1): expected text"),
        (
            "datasets: {bare: {}}",
            "missing key 'loader' under datasets.bare (config2.yaml:1): expected one of fashion_mnist",
        ),
        (
            "datasets: {bare: {loader: ImageFolder}}",
            "missing key 'root' under datasets.bare (config2.yaml:1): expected the path of a folder",
        ),
        (
            "models: {bare: {library: small, name: dense, source: {task: first}}}",
            "missing key 'recipe' under models.bare.source (config2.yaml:1): expected a mapping",
        ),
        (
            "models: {bare: {library: small, name: dense, source: {task: first, recipe: {epochs: 2}}}}",
            "missing key 'learning_rate' under models.bare.source.recipe (config2.yaml:1): expected a number > 0",
        ),
    ],
)
def test_a_missing_key_is_named_with_what_it_should_hold(fragment, expected, errors):
    (message,) = errors(VALID, fragment)
    assert message.startswith(expected)


def test_a_missing_section_is_named_with_the_file(errors):
    (message,) = errors(VALID.replace("scale: demo\n", ""))
    assert message == "missing key 'scale' (config.yaml): expected one of demo, reduced, paper"


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        (
            "tas: {models: [net, publishd]}",
            "tas.models[1]: expected a name under models, found 'publishd': did you mean 'published'?",
        ),
        (
            "tas: {targets: {turnd: far}}",
            "tas.targets.turnd: expected a name under tasks, found 'turnd': did you mean 'turned'?",
        ),
        (
            "tas: {table_target: first}",
            "tas.table_target: expected a name under tas.targets, found 'first': valid names: turned, pictured",
        ),
        (
            "tasks: {turned: {dataset: cloths}}",
            "tasks.turned.dataset: expected a name under datasets, found 'cloths': did you mean 'clothes'?",
        ),
        (
            "models: {net: {source: {task: fist}}}",
            "models.net.source.task: expected a name under tasks, found 'fist': did you mean 'first'?",
        ),
        (
            "tasks: {turned: {train: {split: train}}}",
            "tasks.turned.train.split: expected an official split of fashion_mnist_sample, found 'train': "
            "valid splits: test",
        ),
    ],
)
def test_a_name_that_does_not_exist_is_refused_with_the_nearest_one(fragment, expected, errors):
    assert errors(VALID, fragment) == [f"config2.yaml:1: {expected}"]


def test_a_checkpoint_must_be_there_and_be_one(load, errors, tmp_path):
    model = "models: {mine: {library: timm, name: x, source: {checkpoint: FILE}}}"
    assert errors(VALID, model.replace("FILE", "mine.pt")) == [
        "config2.yaml:1: models.mine.source.checkpoint: expected an existing file, found 'mine.pt' "
        f"(looked for in {tmp_path})"
    ]
    for name in ("mine.pt", "mine.pkl"):
        (tmp_path / name).touch()
    assert load(VALID, model.replace("FILE", "mine.pt"))["models"]["mine"]["source"] == {"checkpoint": "mine.pt"}
    assert errors(VALID, model.replace("FILE", "mine.pkl")) == [
        "config2.yaml:1: models.mine.source.checkpoint: expected the path of a .safetensors, .pt or .pth file, "
        "found 'mine.pkl'"
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("[6000, 5000]", "0 <= first < end"),
        ("[5000, 5000]", "0 <= first < end"),
        ("[9500, 10001]", "an end of at most 10000, the images of the split"),
        ("[0.5, 0.2]", "two whole numbers, or two fractions with 0 <= first < end <= 1"),
        ("[0.5, 100]", "two whole numbers, or two fractions with 0 <= first < end <= 1"),
        ("[0]", "a list of two numbers, the first row and the end (not included)"),
        ("all", "a list of two numbers, the first row and the end (not included)"),
    ],
)
def test_rows_must_make_sense(rows, expected, errors):
    found = f"'{rows}'" if rows == "all" else rows
    assert errors(VALID, f"tasks: {{turned: {{train: {{rows: {rows}}}}}}}") == [
        f"config2.yaml:1: tasks.turned.train.rows: expected {expected}, found {found}"
    ]


@pytest.mark.parametrize(
    ("rows", "taken"),
    [("[5999, 7000]", "turned"), ("[0.55, 0.65]", "turned"), ("[4900, 5000]", "first"), ("[0.0, 0.4]", "first")],
)
def test_what_is_tested_on_is_held_out_from_the_task_itself_and_from_the_source(rows, taken, errors):
    trained = {"turned": "[5000, 6000]", "first": "[0, 5000]"}[taken]
    assert errors(VALID, f"tasks: {{turned: {{test: {{rows: {rows}}}}}}}") == [
        f"config2.yaml:1: tasks.turned.test.rows: expected rows that task '{taken}' is not trained on "
        f"({trained} of the same split 'test'), found {rows}"
    ]


def test_rows_that_only_touch_do_not_overlap(load):
    rows = load(VALID, "tasks: {turned: {test: {rows: [6000, 7000]}}}")["tasks"]["turned"]["test"]["rows"]
    assert rows == [6000, 7000]
    # as fractions of 10,000 images: the source trains on the first half
    load(VALID, "tasks: {turned: {train: {rows: [0.6, 0.8]}, test: {rows: [0.5, 0.6]}}}")


def test_rows_and_fractions_of_a_split_of_unknown_size_cannot_be_told_apart(errors):
    assert errors(VALID, "tasks: {pictured: {test: {rows: [900, 1000]}}}") == [
        "config2.yaml:1: tasks.pictured.test.rows: expected rows that task 'pictured' is not trained on "
        "([0, 0.8] of the same split 'all'), both as whole numbers or both as fractions, found [900, 1000]"
    ]


def test_a_task_on_the_whole_of_a_dataset_without_splits_needs_rows(errors):
    (message,) = errors(VALID, "tasks: {pictured: {train: {rows: [0.0, 1.0]}}}")
    assert "tasks.pictured.test.rows: expected rows that task 'pictured' is not trained on ([0.0, 1.0]" in message


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("examples: 1001", "tas.examples: expected at most 1000, the test images of target 'turned', found 1001"),
        ("minibatch: 65", "tas.minibatch: expected at most 64, the number of tas.examples, found 65"),
        (
            # 1,000 images make 32 steps an epoch, the last of 8 images
            "checkpoints: {steps: [96, 97]}",
            "tas.checkpoints.steps[1]: expected at most 96, the steps of a fine-tuning on target 'turned', found 97",
        ),
    ],
)
def test_amounts_must_fit_the_images_that_there_are(fragment, expected, errors):
    assert errors(VALID, f"tas: {{{fragment}}}") == [f"config2.yaml:1: {expected}"]


def test_all_errors_are_listed_at_once_in_the_order_of_the_file(errors):
    text = (
        VALID.replace("scale: demo", "scale: huge")
        .replace("dataset: ours", "dataset: our")
        .replace("learning_rate: 5e-5", "learning_rat: 5e-5")
        .replace("  examples: 64", "  examples: 64\n  examples: 65")
    )
    line = {part: line_of(text, part) for part in ("huge", "dataset: our", "learning_rat: 5e-5", "examples: 65")}
    recipe = line["learning_rat: 5e-5"]
    assert errors(text) == [
        f"config.yaml:{line['huge']}: scale: expected one of demo, reduced, paper, found 'huge'",
        f"config.yaml:{line['dataset: our']}: tasks.pictured.dataset: expected a name under datasets, found 'our': "
        "did you mean 'ours'?",
        f"missing key 'learning_rate' under tas.recipe (config.yaml:{recipe}): expected a number > 0",
        f"unknown key 'learning_rat' under tas.recipe (config.yaml:{recipe}): did you mean 'learning_rate'?",
        f"duplicate key 'examples' under tas (config.yaml:{line['examples: 65']}): already set in line "
        f"{line['examples: 65'] - 1}: keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "config.yaml: expected a mapping ('key: value' lines), found an empty file"),
        ("# nothing yet\n", "config.yaml: expected a mapping ('key: value' lines), found an empty file"),
        ("- scale\n", "config.yaml: expected a mapping ('key: value' lines), found a list"),
        ("scale\n", "config.yaml: expected a mapping ('key: value' lines), found a single value"),
        (
            "scale: demo\nseeds: [0, 1\ndevice: cpu\n",
            "config.yaml:3: no valid YAML: expected ',' or ']', but got ':' "
            "while parsing a flow sequence (begun in line 2)",
        ),
        (
            "scale: demo\n\tdevice: cpu\n",
            "config.yaml:2: no valid YAML: found character '\\t' that cannot start any token",
        ),
        ("scale: *unknown\n", "config.yaml:1: no valid YAML: found undefined alias 'unknown'"),
        ("scale: demo\n---\nscale: demo\n", "config.yaml:2: no valid YAML: but found another document"),
        ("scale: !!python/object:os.system x\n", "config.yaml:1: no valid YAML: could not determine a constructor"),
        ("? [a]\n: 1\n", "config.yaml:1: no valid YAML: found unhashable key"),
        ("a: \x07\n", "config.yaml: no valid YAML: unacceptable character"),
    ],
)
def test_a_file_that_is_no_config_is_named_with_the_line(text, expected, errors):
    message = "\n".join(errors(text))
    assert message.startswith(expected)


def test_every_unreadable_file_is_named(tmp_path):
    (tmp_path / "empty.yaml").touch()
    with pytest.raises(InputError) as caught:
        configuration.load([tmp_path / "absent.yaml", tmp_path / "empty.yaml", tmp_path])
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path}/absent.yaml: expected a config file, found none (No such file or directory)"
    assert [line.split(": ")[0] for line in lines] == [
        f"{tmp_path}/absent.yaml",
        f"{tmp_path}/empty.yaml",
        str(tmp_path),
    ]


def test_a_key_that_yaml_takes_for_something_else_is_refused(errors):
    assert errors(VALID, "tasks:\n  no: {dataset: ours}\n  2024: {dataset: ours}\n") == [
        "bad key 'no' under tasks (config2.yaml:2): YAML reads it as bool, not as text: put it in quotes",
        "bad key '2024' under tasks (config2.yaml:3): YAML reads it as int, not as text: put it in quotes",
    ]


def test_what_an_anchor_brings_in_is_known_by_its_own_line(errors):
    base = "  base: &base\n    library: timm\n    name: 3\n    source: {weights: x}\n"
    fragment = f"models:\n{base}  more: {{<<: *base, channels: 1}}\n"
    assert errors(VALID, fragment) == [
        "config2.yaml:4: models.base.name: expected text, found 3",
        "config2.yaml:4: models.more.name: expected text, found 3",
    ]


def key_paths(value: object, path: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, item in items for below in key_paths(item, (*path, key)))]


@pytest.mark.parametrize("junk", [None, "junk", [[{}]], {"junk": {}}, ABSENT], ids=str)
def test_junk_anywhere_is_an_input_error_and_never_a_crash(junk, load):
    for *parents, last in key_paths(yaml.safe_load(VALID))[1:]:
        config = yaml.safe_load(VALID)
        place = functools.reduce(operator.getitem, parents, config)
        if junk is ABSENT:
            del place[last]
        else:
            place[last] = junk
        try:
            load(yaml.safe_dump(config))
        except InputError as error:
            assert "config.yaml" in str(error)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        *((name, True) for name in ("a", "7", "resnet50_32px", "vit-b.16", "a-._")),
        *((name, False) for name in ("", "_a", ".a", "a..b", "a.", "a/b", "a b", "é", "-a")),
    ],
)
def test_names_are_safe_in_file_names(name, valid, load):
    assert bool(re.fullmatch(configuration.NAME, name)) == valid
    fragment = yaml.safe_dump({"datasets": {name: {"loader": "textures"}}})
    if valid:
        assert name in load(VALID, fragment)["datasets"]
    else:
        with pytest.raises(InputError, match="expected a name of letters"):
            load(VALID, fragment)


def test_the_config_knows_every_loader_its_options_and_its_splits():
    dataset = yaml.safe_load(SCHEMA_FILE.read_text())["$defs"]["dataset"]
    assert set(dataset["properties"]["loader"]["enum"]) == datasets.LOADERS.keys() == references.SPLITS.keys()
    for condition in dataset["allOf"]:
        rule = condition["if"]["properties"]["loader"]
        for loader in rule.get("enum", [rule.get("const")]):
            options = condition["then"]["properties"].keys() - {"loader"}
            assert {"folder" if key == "root" else key for key in options} == set(datasets.LOADERS[loader].parameters)
    for loader in ("fashion_mnist_sample", "digits"):
        parts = datasets.LOADERS[loader].read().parts
        assert {part.split: part.count for part in parts} == references.SPLITS[loader]


def keys_of(schema: dict, definitions: dict, prefix: str = "") -> dict[str, list[dict]]:
    """Keys of a part of the schema, dotted, with all that it says of each, under any condition."""
    keys = {}
    conditional = [part["then"] for part in (schema, *schema.get("allOf", ())) if "then" in part]
    for part in (schema, *conditional):
        for key, below in part.get("properties", {}).items():
            if "$ref" in below:
                below = definitions[below["$ref"].removeprefix("#/$defs/")] | below
            elif "properties" in below:
                for nested, said in keys_of(below, definitions, f"{prefix}{key}.").items():
                    keys.setdefault(nested, []).extend(said)
                continue
            keys.setdefault(prefix + key, []).append(below | {"required": key in part.get("required", ())})
    return keys


@pytest.mark.parametrize(
    ("heading", "definition"),
    [
        ("## Top level", None),
        ("## datasets", "dataset"),
        ("## tasks", "task"),
        ("## models", "model"),
        ("## recipe", "recipe"),
        ("## tas", "tas"),
    ],
)
def test_schema_and_readme_describe_every_key_and_agree_on_its_default(heading, definition):
    schema = yaml.safe_load(SCHEMA_FILE.read_text())
    definitions = schema["$defs"]
    keys = keys_of(definitions[definition] if definition else schema, definitions)
    assert [key for key, said in keys.items() if not any("description" in below for below in said)] == []
    expected = {
        key: {str(below["default"]) for below in said if "default" in below}
        | {"required" for below in said if below["required"] and "default" not in below}
        for key, said in keys.items()
    }
    (table,) = re.findall(rf"^{heading}\n(.*?)^##", README, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(.+?)` \| .+? \| (.+?) \| .+ \|$", table, re.MULTILINE)
    told = {key: set(re.findall(r"`(.*?)`|(?=(required))", default)) for key, default in rows}
    assert {key: {"".join(match) for match in matches} for key, matches in told.items()} == expected


@pytest.mark.parametrize(
    "example", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL), ids=lambda text: text.split()[1]
)
def test_the_readmes_examples_are_valid(example, load, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "my_resnet18.pt").touch()
    load(SHIPPED[0].read_text(), example)


def test_reading_a_config_imports_nothing_slow():
    code = (
        "import sys; from transferscope import configuration; configuration.load([sys.argv[1]]);"
        "print({'torch', 'pandas', 'matplotlib', 'h5py'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(SHIPPED[0])]
    folder = ROOT / "workflow" / "scripts"
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.stdout == "set()\n", outcome.stderr
