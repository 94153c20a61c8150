"""The shipped configs: they are valid and follow the papers' protocols, and config/README.md describes every key."""

import itertools
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from transferscope import configuration
from transferscope.configuration.schema import SCHEMA_FILE
from transferscope.data import known
from transferscope.data.augment import Augment
from transferscope.runs.anb import anb_runs
from transferscope.runs.basins import basin_runs
from transferscope.runs.quanta import quanta_sources, quanta_sweeps
from transferscope.training.recipe import Biases, Kept, Recipe

ROOT = Path(__file__).parents[3]
SHIPPED = [ROOT / "config" / name for name in ("config.yaml", "paper.yaml")]
README = (ROOT / "config" / "README.md").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_are_valid_and_so_is_what_is_made_of_them(path, load_config):
    config = configuration.load([path])
    assert load_config(yaml.safe_dump(config)) == config


def test_the_papers_scale_is_the_protocol_of_magai_and_soroka():
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


def test_the_papers_scale_is_the_protocol_of_goerttler_and_obermayer():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    paper = config["similarity"]
    assert len(paper["seeds"]) == 5
    assert config["models"][paper["model"]]["options"] == {"width": 64}
    for phase, most_epochs in (("pretraining", 200), ("finetuning", 500)):
        recipe = Recipe(**paper[phase]["recipe"])
        assert (recipe.optimiser, recipe.learning_rate, recipe.momentum, recipe.batch_size) == ("sgd", 1e-3, 0.9, 64)
        assert (recipe.most_epochs, recipe.memorise.top1) == (most_epochs, 0.99)
    halves = {"train": {"split": "test", "rows": [0, 5000]}, "test": {"split": "test", "rows": [5000, 10000]}}
    for key, loader in (("task", "CIFAR10"), ("cross", "SVHN")):
        task = config["tasks"][paper["finetuning"][key]]
        assert config["datasets"][task["dataset"]]["loader"] == loader
        assert {part: task[part] for part in halves} == halves
    assert config["tasks"][paper["pretraining"]["task"]]["train"] == {"split": "train", "rows": [0.0, 1.0]}


def test_the_papers_scale_is_the_protocol_of_yosinski_and_others():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    paper = config["anb"]
    assert (paper["seeds"], paper["layers"], paper["last_epochs"]) == ([0, 1, 2, 3], [1, 2, 3, 4, 5, 6, 7], 10)
    model = config["models"][paper["model"]]
    assert (model["library"], model["name"], model["image_size"]) == ("small", "caffenet", 227)
    assert paper["splits"]["similar"]["classes"] == "random"
    task = config["tasks"][paper["splits"]["similar"]["task"]]
    assert config["datasets"][task["dataset"]]["loader"] == "ImageNet"
    halves = paper["splits"]["dissimilar"]["classes"]
    assert (len(halves["A"]), len(halves["B"])) == (551, 449)
    assert sorted(halves["A"] + halves["B"]) == list(range(1000))
    # a tench and a tabby are natural, an abacus and a web site man-made; so is carbonara, but not an artichoke
    assert {0, 281, 944} < set(halves["B"]) and {398, 916, 959} < set(halves["A"])
    recipe = Recipe(**paper["recipe"])
    fields = (recipe.optimiser, recipe.learning_rate, recipe.momentum, recipe.weight_decay, recipe.batch_size)
    assert fields == ("sgd", 0.01, 0.9, 5e-4, 256)
    assert recipe.biases == Biases(learning_rate_factor=2, weight_decay=0)
    # 450,000 steps, to within one epoch
    steps = recipe.steps_per_epoch(known.SPLITS["ImageNet"]["train"] // 2)
    assert abs(recipe.epochs * steps - 450_000) < steps
    # a tenth of the learning rate every 100,000 steps, to within one epoch
    assert [abs(epoch * steps - 100_000 * k) < steps for k, epoch in enumerate(recipe.drops, start=1)] == [True] * 4
    assert recipe.drop_factor == 0.1
    assert recipe.augment == Augment(crop=(256 - 227) // 2, flip=True)


def test_the_papers_scale_is_the_protocol_of_orhand_and_others():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    paper, model = config["quanta"], config["models"]["conv7"]
    assert (paper["model"], model["library"], model["name"]) == ("conv7", "small", "quanta")
    assert (model["image_size"], model["channels"]) == (32, 3)
    assert model["options"] == {"widths": [64, 64, 256, 256, 512, 512], "hidden": 2048}
    tasks = {target: config["tasks"][task] for target, task in paper["targets"].items()}
    loaders = {target: config["datasets"][task["dataset"]]["loader"] for target, task in tasks.items()}
    assert loaders == {"AnA": "CIFAR10", "AnB": "CIFAR100"}
    whole = [0.0, 1.0]
    for task in tasks.values():
        assert (task["train"], task["test"]) == ({"split": "train", "rows": whole}, {"split": "test", "rows": whole})
    recipe = Recipe(**paper["recipe"])
    fields = (recipe.epochs, recipe.batch_size, recipe.optimiser, recipe.learning_rate, recipe.weight_decay)
    assert fields == (60, 32, "adam", 1e-4, 1e-6)
    assert (paper["gate_learning_rate"], paper["last_epochs"]) == (None, 10)


def test_the_papers_scale_has_every_network_of_orhand_and_others_thirty_times():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    seeds = config["quanta"]["seeds"]
    sweeps = quanta_sweeps(config)
    gated = Counter(
        (sweep.target, network.layer, network.initial)
        for sweep in sweeps
        for network in sweep.networks
        for _ in seeds
        if sweep.source == "trained" and sweep.rate_factor == 1 and network.layer is not None
    )
    # 2 tasks, 7 layers, 3 initial values
    grid = itertools.product(("AnA", "AnB"), range(7), (0.9, 0.75, 0.5))
    assert gated == dict.fromkeys(grid, 30)
    assert gated.total() == 1_260
    # and what the file's derivation of the cost counts beside them
    beside = Counter((sweep.source, sweep.rate_factor) for sweep in sweeps for _ in sweep.networks for _ in seeds)
    assert beside["trained", 1] - gated.total() == 60
    assert beside["untrained", 1] + beside["permuted", 1] == 420
    assert beside["trained", 0.1] + beside["trained", 10] == 420
    assert beside["similar-baseA", 1] + beside["similar-baseB", 1] == 42
    assert len(quanta_sources(config)) * len(seeds) == 6


def test_the_papers_scale_is_the_protocol_of_li_and_others():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    paper = config["convergent"]
    model, task = config["models"][paper["model"]], config["tasks"][paper["task"]]
    assert (model["library"], model["name"], model["image_size"], model["options"]) == (
        *("small", "caffenet", 227, {"groups": 1}),
    )
    assert config["datasets"][task["dataset"]]["loader"] == "ImageNet"
    assert "labels" not in task and known.part_of(config, paper["task"], "test").images == 50_000
    assert (len(paper["seeds"]), paper["decays"]) == (4, [0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    recipe = Recipe(**paper["recipe"])
    fields = (recipe.optimiser, recipe.learning_rate, recipe.momentum, recipe.weight_decay, recipe.batch_size)
    assert fields == ("sgd", 0.01, 0.9, 5e-4, 256)
    # 450,000 steps and, each 100,000 of them, a tenth of the learning rate, to within one epoch
    steps = recipe.steps_per_epoch(known.SPLITS["ImageNet"]["train"])
    assert abs(recipe.epochs * steps - 450_000) < steps
    assert [abs(epoch * steps - 100_000 * k) < steps for k, epoch in enumerate(recipe.drops, start=1)] == [True] * 4
    assert recipe.biases == Biases(learning_rate_factor=2, weight_decay=0)
    assert recipe.augment == Augment(crop=(256 - 227) // 2, flip=True)


def test_the_papers_scale_is_the_protocol_of_neyshabur_and_others():
    config = configuration.load([ROOT / "config" / "paper.yaml"])
    paper, model = config["basins"], config["models"][config["basins"]["model"]]
    assert (model["library"], model["name"], model["image_size"]) == ("torchvision", "resnet50", 224)
    datasets = {target: config["datasets"][config["tasks"][target]["dataset"]] for target in paper["targets"]}
    assert {target: (dataset["loader"], dataset.get("domain")) for target, dataset in datasets.items()} == {
        **{domain: ("DomainNet", domain) for domain in ("real", "clipart", "quickdraw")},
        "chexpert": ("CheXpert", None),
    }
    assert config["datasets"][config["tasks"][paper["source"]["task"]]["dataset"]]["loader"] == "ImageNet"
    assert config["tasks"]["chexpert"]["images"] == ["equalise"]
    source, tuned, scratch = (
        Recipe(**recipe)
        for recipe in (paper["source"]["recipe"], paper["recipes"]["pretrained"], paper["recipes"]["random"])
    )
    assert (source.epochs, source.learning_rate, source.drops) == (90, 0.1, (30, 60))
    assert [*paper["source"]["checkpoints"], source.epochs] == [0, 1, 2, 5, 10, 29, 30, 31, 59, 60, 61, 89, 90]
    for recipe, rate in ((tuned, 0.02), (scratch, 0.1)):
        fields = (recipe.epochs, recipe.batch_size, recipe.optimiser, recipe.momentum, recipe.weight_decay)
        assert fields == (100, 32, "sgd", 0.9, 1e-4)
        assert recipe.learning_rate == pytest.approx(rate / 8)
        assert (recipe.drops, recipe.augment) == ((30, 60, 90), Augment(mixup=0.7))
    assert paper["shuffled"]["targets"] == ["real", "clipart", "quickdraw"]
    assert paper["shuffled"]["sizes"] == [0, *(size for size in range(1, 113) if 224 % size == 0)]
    assert paper["shuffled"]["per_image"] is False
    # what the file's derivation of the cost counts
    runs = basin_runs(config)
    assert paper["landscape"]["targets"] == ["real", "quickdraw", "chexpert"]
    assert len(runs) == 1 + 142 and sum(run.target == "clipart" for run in runs) == 40


def test_the_demo_of_yosinski_and_others_is_a_matter_of_minutes():
    config = configuration.load([ROOT / "config" / "config.yaml"])
    passes = 0
    for run in anb_runs(config):
        first, end = run.task["train"]["rows"]
        passes += run.recipe["epochs"] * (end - first) // 2
    assert passes <= 510_000


def test_the_demo_of_orhand_and_others_is_a_matter_of_minutes():
    config = configuration.load([ROOT / "config" / "config.yaml"])
    runs = [(run, 1) for run in quanta_sources(config)]
    runs += [(sweep, len(sweep.networks)) for sweep in quanta_sweeps(config)]
    passes = 0
    for run, networks in runs:
        first, end = run.task["train"]["rows"]
        assert "half" in run.task["labels"]
        passes += networks * run.recipe["epochs"] * (end - first) // 2
    assert passes <= 440_000


def test_the_demo_of_li_and_others_is_a_matter_of_a_minute():
    config = configuration.load([ROOT / "config" / "config.yaml"])
    paper = config["convergent"]
    trained = known.part_of(config, paper["task"], "train").images * paper["recipe"]["epochs"] * len(paper["seeds"])
    assert trained <= 100_000


def test_the_demo_of_neyshabur_and_others_is_a_matter_of_minutes():
    config = configuration.load([ROOT / "config" / "config.yaml"])
    passes = 0
    for run in basin_runs(config):
        first, end = run.task["train"]["rows"]
        # a tenth of the images is of each class
        kept = len(run.task.get("labels", {}).get("classes", range(10)))
        passes += run.recipe["epochs"] * (end - first) * kept // 10
    assert passes <= 240_000
    # whatever divides an image of 28 pixels
    assert sorted(config["basins"]["shuffled"]["sizes"]) == [1, 2, 4, 7, 14]


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
        ("## checkpoints", "checkpoints"),
        ("## tas", "tas"),
        ("## similarity", "similarity"),
        ("## anb", "anb"),
        ("## split", "split"),
        ("## quanta", "quanta"),
        ("## convergent", "convergent"),
        ("## basins", "basins"),
    ],
)
def test_schema_and_readme_describe_every_key_and_agree_on_its_default(heading, definition):
    schema = yaml.safe_load(SCHEMA_FILE.read_text())
    definitions = schema["$defs"]
    keys = keys_of(definitions[definition] if definition else schema, definitions)
    assert [key for key, said in keys.items() if not any("description" in below for below in said)] == []
    expected = {
        key: {json.dumps(below["default"]).replace('"', "") for below in said if "default" in below}
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
def test_the_readmes_examples_are_valid(example, load_config, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "my_resnet18.pt").touch()
    load_config(SHIPPED[0].read_text(), example)
