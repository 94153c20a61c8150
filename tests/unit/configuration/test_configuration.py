"""How a config is read, merged and completed, and how mistakes are told: all at once, with file and line."""

import copy
import functools
import operator
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from valid_config import VALID

from transferscope import configuration
from transferscope.errors import InputError

ROOT = Path(__file__).parents[3]
PAPERS = ("tas", "similarity", "anb", "quanta", "convergent", "basins")
ABSENT = "absent"


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_each_paper_may_be_left_out(load_config):
    for paper in PAPERS:
        config = yaml.safe_load(VALID)
        # which asks for anb
        del config["quanta"]["joint"]
        del config[paper]
        assert paper not in load_config(yaml.safe_dump(config))


def test_a_config_without_any_paper_is_refused(config_errors):
    config = yaml.safe_load(VALID)
    for paper in PAPERS:
        del config[paper]
    assert config_errors(yaml.safe_dump(config)) == [
        "missing key 'tas' (config.yaml): expected at least one paper: "
        "tas or similarity or anb or quanta or convergent or basins"
    ]


def test_defaults_are_filled_in_at_every_level(load_config):
    config = load_config(
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
    recipe |= {"momentum": 0.0, "weight_decay": 0.0, "drops": [], "drop_factor": 0.1, "learning_rate_decay": 0.0}
    assert config["models"]["net"]["source"] == {"task": "first", "seed": 0, "recipe": recipe}
    assert config["models"]["published"]["source"] == {"weights": "d2_in1k"}
    assert config["tas"]["checkpoints"] == {"every_epochs": 1, "steps": [1, 90]}
    assert (config["tas"]["minibatch"], config["tas"]["layers"]) == (32, "modules")
    similarity = config["similarity"]
    assert (similarity["shift"], similarity["layers"]) == (1, "blocks")
    assert similarity["pretraining"]["checkpoints"] == {"every_epochs": 1, "steps": [1, 300]}
    assert similarity["pretraining"]["recipe"]["memorise"] == {"top1": 0.99, "epochs": 6}
    assert similarity["finetuning"]["recipe"]["memorise"] == {"top1": 0.9, "epochs": 4}
    assert "memorise" not in config["tas"]["recipe"]
    quanta = config["quanta"]
    assert (quanta["runs_per_job"], quanta["gate_learning_rate"]) == (1, None)
    assert (quanta["share_source"], quanta["networks_at_once"]) == (True, 8)
    assert quanta["controls"]["sources"] == ["untrained", "permuted"]
    assert (quanta["sensitivity"]["target"], quanta["sensitivity"]["factors"]) == ("AnB", [0.1, 10])
    assert quanta["joint"]["split"] == "similar"
    convergent = config["convergent"]
    assert convergent["decays"] == [0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert (convergent["seeds_per_job"], convergent["clusters"], convergent["patches"]) == (1, 8, 9)
    assert convergent["same_order"] is False


def test_uses_of_one_anchor_get_their_own_defaults(load_config):
    shared = "tasks: {bare: {dataset: ours, train: &rows {rows: [0, 10]}, test: *rows}}"
    bare = load_config(VALID, shared)["tasks"]["bare"]
    assert (bare["train"]["split"], bare["test"]["split"]) == ("train", "test")


def test_numbers_are_numbers_however_they_are_written(load_config):
    recipe = load_config(VALID, 'tas: {recipe: {learning_rate: "5E-5", epochs: "4.0", weight_decay: 1}}')["tas"][
        "recipe"
    ]
    assert recipe["learning_rate"] == 5e-5 and isinstance(recipe["learning_rate"], float)
    assert recipe["epochs"] == 4 and isinstance(recipe["epochs"], int)
    assert recipe["weight_decay"] == 1


def test_classes_may_be_given_as_ranges(load_config):
    halves = load_config(VALID, 'anb: {splits: {similar: {classes: {A: [3, "5-7"], B: ["0-1", 9]}}}}')["anb"]["splits"]
    assert halves["similar"]["classes"] == {"A": [3, 5, 6, 7], "B": [0, 1, 9]}


def test_options_of_a_model_keep_their_words_and_get_their_numbers(load_config):
    options = {"eps": "1e-6", "drop": "null", "act": "gelu", "depths": [2, 2], "flag": True, "limit": "nan"}
    config = load_config(VALID, yaml.safe_dump({"models": {"published": {"options": options}}}))
    expected = {"eps": 1e-6, "drop": None, "act": "gelu", "depths": [2, 2], "flag": True, "limit": "nan"}
    assert config["models"]["published"]["options"] == expected


def test_later_files_win_key_by_key_and_the_command_line_over_all(load_config):
    # Snakemake reads everything within the braces of `--config 'tas={...}'` as text
    values = {"tas": {"seeds": ["7", "8"], "checkpoints": {"every_epochs": "null"}}, "device": "cpu"}
    config = load_config(VALID, "tas: {seeds: [5], examples: 32}", values=values)
    assert config["tas"]["seeds"] == [7, 8]
    assert config["tas"]["checkpoints"] == {"every_epochs": None, "steps": [1, 90]}
    assert config["tas"]["examples"] == 32
    assert config["tas"]["models"] == ["net", "published"]
    assert config["device"] == "cpu"


def test_an_error_names_the_file_that_set_the_key_last(config_errors):
    assert config_errors(VALID, "\ntas:\n  examples: 1\n", "scale: demo") == [
        "config2.yaml:3: tas.examples: expected an integer >= 8, found 1"
    ]
    assert config_errors(VALID.replace("examples: 64", "examples: 2"), "scale: demo") == [
        f"config.yaml:{line_of(VALID, 'examples: 64')}: tas.examples: expected an integer >= 8, found 2"
    ]


def test_an_error_on_the_command_line_is_told_from_one_in_a_file(config_errors):
    files = yaml.safe_load(VALID)
    files["tas"] |= {"examples": "2", "seeds": ["0", "-1"]}
    assert config_errors(VALID, values=files | {"devices": "cpu"}) == [
        "--config: tas.examples: expected an integer >= 8, found 2",
        "--config: tas.seeds[1]: expected an integer >= 0, found -1",
        "unknown key 'devices' (--config): did you mean 'device'?",
    ]


def test_a_missing_section_is_named_with_the_file(config_errors):
    (message,) = config_errors(VALID.replace("scale: demo\n", ""))
    assert message == "missing key 'scale' (config.yaml): expected one of demo, reduced, paper"


def test_all_errors_are_listed_at_once_in_the_order_of_the_file(config_errors):
    text = (
        VALID.replace("scale: demo", "scale: huge")
        .replace("dataset: ours", "dataset: our")
        .replace("learning_rate: 5e-5", "learning_rat: 5e-5")
        .replace("  examples: 64", "  examples: 64\n  examples: 65")
    )
    line = {part: line_of(text, part) for part in ("huge", "dataset: our", "learning_rat: 5e-5", "examples: 65")}
    recipe = line["learning_rat: 5e-5"]
    assert config_errors(text) == [
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
def test_a_file_that_is_no_config_is_named_with_the_line(text, expected, config_errors):
    message = "\n".join(config_errors(text))
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


def test_a_key_that_yaml_takes_for_something_else_is_refused(config_errors):
    assert config_errors(VALID, "tasks:\n  no: {dataset: ours}\n  2024: {dataset: ours}\n") == [
        "bad key 'no' under tasks (config2.yaml:2): YAML reads it as bool, not as text: put it in quotes",
        "bad key '2024' under tasks (config2.yaml:3): YAML reads it as int, not as text: put it in quotes",
    ]


def test_what_an_anchor_brings_in_is_known_by_its_own_line(config_errors):
    base = "  base: &base\n    library: timm\n    name: 3\n    source: {weights: x}\n"
    fragment = f"models:\n{base}  more: {{<<: *base, channels: 1}}\n"
    assert config_errors(VALID, fragment) == [
        "config2.yaml:4: models.base.name: expected text, found 3",
        "config2.yaml:4: models.more.name: expected text, found 3",
    ]


def key_paths(value: object, path: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for key, item in items for below in key_paths(item, (*path, key)))]


@pytest.mark.parametrize("junk", [None, "junk", [[{}]], {"junk": {}}, ABSENT], ids=str)
def test_junk_anywhere_is_an_input_error_and_never_a_crash(junk, load_config):
    valid = yaml.safe_load(VALID)
    for *parents, last in key_paths(valid)[1:]:
        config = copy.deepcopy(valid)
        place = functools.reduce(operator.getitem, parents, config)
        if junk is ABSENT:
            del place[last]
        else:
            place[last] = junk
        try:
            load_config("{}", values=config)
        except InputError as error:
            assert re.search(r"--config|config\.yaml", str(error))


def test_reading_a_config_imports_nothing_slow():
    code = (
        "import sys; from transferscope import configuration; configuration.load([sys.argv[1]]);"
        "print({'torch', 'pandas', 'matplotlib', 'h5py'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(ROOT / "config" / "config.yaml")]
    folder = ROOT / "workflow" / "scripts"
    outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert outcome.stdout == "set()\n", outcome.stderr
