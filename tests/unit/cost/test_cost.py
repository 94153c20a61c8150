"""What a config costs: operations, jobs and bytes, recomputed by hand."""

import functools
import inspect
import re
from pathlib import Path

import pytest
import torch

from transferscope import configuration
from transferscope.activations import capture
from transferscope.convergence import capture as units
from transferscope.cost import page, work
from transferscope.cost.papers import GRID_PART, PAPERS, quanta_parts
from transferscope.cost.sizes import Size, size_of
from transferscope.cost.speed import RESNET50_CALLS, RESNET50_FLOP, SECONDS_A_CALL, hours
from transferscope.cost.work import Passes, capturing, images_of, training
from transferscope.data.augment import Augment
from transferscope.errors import InputError
from transferscope.landscape import probe
from transferscope.models import zoo
from transferscope.training.recipe import Recipe

# of 100 operations, in three layers of 50, 30 and 10 below a head of 10
SIZE = Size(flop=100, below=(0, 50, 80, 90), units=(4, 8, 16), calls=7, tensors=1000, layers=5, features=60)


def test_training_is_three_passes_an_image_and_a_test_before_and_after_each_epoch():
    recipe = Recipe(epochs=2, batch_size=10, optimiser="adam", learning_rate=1e-3)
    found = training(SIZE, (50, 80), recipe)
    assert found.flop == 2 * 50 * 300 + 3 * 80 * 100
    # 5 steps an epoch, forward and backward; tests of 40 images a batch
    assert found.calls == 7 * (2 * 2 * 5 + 3 * 2)
    more = training(SIZE, (50, 80), recipe, tests=1)
    assert (more.flop, more.calls) == (found.flop + 80 * 100, found.calls + 7 * 2)


def test_there_is_no_pass_backward_through_frozen_layers():
    recipe = Recipe(epochs=1, batch_size=10, optimiser="adam", learning_rate=1e-3, augment=Augment(flip=True))
    # of the three layers two are frozen: 100 forward, and twice 20 backward
    assert training(SIZE, (50, 0), recipe, frozen=2).flop == 50 * 140


def test_runs_that_are_to_memorise_count_at_their_longest():
    memorise = {"top1": 0.99, "epochs": 8}
    recipe = Recipe(epochs=2, batch_size=10, optimiser="sgd", learning_rate=1e-3, memorise=memorise)
    assert training(SIZE, (50, 0), recipe).flop == 8 * 50 * 300


def test_a_capture_takes_a_pass_for_each_four_gigabytes_of_features():
    assert capturing(SIZE, 100).flop == 100 * 100 + 2 * 100**2 * 60
    # 4 bytes x 1,000 images x 2.5 million features are 10 GB: three passes of 16 batches
    large = Size(flop=100, below=(0,), units=(), calls=7, tensors=0, layers=1, features=2_500_000)
    assert capturing(large, 1000) == Passes(3 * 1000 * 100 + 2 * 1000**2 * 2_500_000, 3 * 16 * 7)


def test_batches_and_the_room_for_features_are_those_of_what_captures_and_probes():
    assert inspect.signature(capture.capture).parameters["memory_gb"].default * 1e9 == work.CAPTURE_BYTES
    assert work.CAPTURE_BATCH == capture.IMAGES_AT_A_TIME == units.IMAGES_AT_A_TIME
    assert work.PROBE_BATCH == probe.IMAGES_AT_A_TIME


def test_hours_are_bound_by_operations_or_by_calls():
    rate = 3 * RESNET50_FLOP * 938
    assert hours([Passes(7200 * rate, 0)], "tf32") == pytest.approx(2)
    calls = 3600 / SECONDS_A_CALL
    assert hours([Passes(1, calls), Passes(1, 2 * calls)], "bf16") == pytest.approx(3)
    # ResNet-50 trains at the rate that it was measured at
    images = Passes(3 * RESNET50_FLOP * 367 * 3600, 0)
    assert hours([images], "fp32") == pytest.approx(1)


CONFIG = {
    "scale": "demo",
    "datasets": {"clothes": {"loader": "FashionMNIST", "root": "data"}, "numerals": {"loader": "digits"}},
    "tasks": {
        "first": {
            "dataset": "clothes",
            "train": {"split": "train", "rows": [0, 1000]},
            "test": {"split": "test", "rows": [0.0, 0.05]},
        },
    },
    "models": {"net": {"source": {"weights": "V1"}}},
    "tas": {
        "models": ["net"],
        "targets": {"first": "near"},
        "seeds": [0, 1, 2],
        "seeds_per_job": 2,
        "recipe": {"epochs": 2, "batch_size": 10, "optimiser": "adam", "learning_rate": 1e-3},
        "checkpoints": {"every_epochs": 1, "steps": [5]},
        "layers": "modules",
        "reused": "last",
        "examples": 100,
    },
}


def test_a_small_case_of_magai_and_soroka_is_what_one_counts_by_hand():
    asked = []

    def sizes(*what):
        asked.append(what)
        return SIZE

    work = PAPERS["tas"](CONFIG, sizes)
    assert set(asked) == {("net", 10, "modules", "last")}
    assert work.networks == 3
    # the source; two jobs of fine-tuning, for two seeds and for one, capture and comparison; claims and figures
    assert (work.jobs, work.gpu_jobs) == (1 + 2 + 2 + 2, 3)
    # 2 epochs of 1,000 images; 500 test images at epochs 0, 1 and 2 and at step 5; 4 checkpoints a seed and the source
    tuning, capture = 2 * 1000 * 300 + 4 * 500 * 100, 100 * 100 + 2 * 100**2 * 60
    assert work.flop == 3 * tuning + (1 + 3 * 4) * capture
    # 12 checkpoints and the source, of 1,000 float32; Gram matrices of 5 layers of the source and of 3 last checkpoints
    gram = 5 * 100**2 * 4
    assert work.kept == 13 * 1000 * 4 + 4 * gram
    assert work.scratch == 3 * 3 * gram
    first, *_, last = page.table(page.costs(CONFIG, sizes)).splitlines()[2:]
    # a download and two preparations; 70,000 clothes and 1,797 digits of 28 x 28 bytes
    assert first.split(" | ")[2] == "3" and first.split(" | ")[8] == "0.1 GB"
    assert last.startswith("| **all** | 3 | 13 | 3 |")


def test_a_share_of_a_folder_of_images_is_refused():
    folder = {"mine": {"loader": "ImageFolder", "root": "mine", "size": 16}}
    task = {"dataset": "mine", "train": {"split": "all", "rows": [0, 0.8]}, "test": {"split": "all", "rows": [10, 20]}}
    with pytest.raises(InputError, match=r"dataset mine: how many images.*share \[0, 0.8\].*as whole numbers"):
        images_of({"datasets": folder}, task)
    task["train"]["rows"] = [0, 10]
    assert images_of({"datasets": folder}, task) == (10, 10)


def test_the_papers_scale_is_what_its_file_derives_by_hand():
    """In comments, from the protocol alone; the smaller of these leave out what is below two in a hundred."""
    path = Path(__file__).parents[3] / "config" / "paper.yaml"
    config, comments = configuration.load([path]), re.sub(r"\n *# ?", " ", path.read_text())

    @functools.cache
    def sizes(model, classes, selection, reused):
        return size_of(zoo.architecture(config["models"][model], classes), selection, reused)

    found = {paper: PAPERS[paper](config, sizes) for paper in ("anb", "quanta", "convergent", "basins")}
    by_hand = {
        "quanta": [r"In all (2\.\S+) FLOP\.", r"= (\S+) FLOP\. Disk: a sweep"],
        "convergent": [r"1,281,167 images x 3 x \S+ = +(\S+) FLOP"],
        "basins": [r"In all (8\.\S+) FLOP\."],
    }
    for paper, patterns in by_hand.items():
        derived = sum(float(re.search(pattern, comments)[1]) for pattern in patterns)
        assert found[paper].flop == pytest.approx(derived, rel=0.04), paper
    grid = quanta_parts(config, sizes)[GRID_PART]
    assert grid.networks == 2 * 7 * 3 * 30
    stated = re.search(r"= (\S+) FLOP\.\s+At 9\.0 TFLOP/s, fp32 on a V100, these are (\d+) GPU hours", comments)
    assert (grid.flop, hours(grid.passes, "fp32")) == pytest.approx(tuple(map(float, stated.groups())), rel=0.01)
    state = float(re.search(r"under way keeps (\S+) GB", comments)[1])
    assert found["quanta"].state / 1e9 == pytest.approx(state, rel=0.01)
    # less than 408 networks of 5e17, as some layers are frozen
    assert 0.6 * 408 * 5e17 < found["anb"].flop < 408 * 5e17
    assert (found["anb"].networks, found["basins"].networks) == (408, 3 * 143)


@pytest.mark.parametrize(
    ("labels", "classes", "train"),
    [({}, 10, 1000), ({"half": "B"}, 5, 500), ({"classes": [0, 3, 4]}, 3, 300), ({"randomness": 9}, 10, 1000)],
    ids=["all", "half", "some", "random"],
)
def test_images_and_classes_are_those_of_the_task(labels, classes, train):
    asked = []
    config = CONFIG | {"tasks": {"first": CONFIG["tasks"]["first"] | {"labels": labels}}}
    PAPERS["tas"](config, lambda *what: asked.append(what) or SIZE)
    assert {each[1] for each in asked} == {classes}
    assert images_of(config, config["tasks"]["first"]) == (train, train // 2)


def test_the_size_of_a_network_is_what_one_counts_by_hand():
    """conv7 of the papers' scale: convolutions of 3 x 3 on 32, 32, 16, 16, 8 and 8 pixels, then 2,048 units."""
    options = {"widths": [64, 64, 256, 256, 512, 512], "hidden": 2048}
    architecture = {"library": "small", "name": "quanta", "classes": 10, "channels": 3, "image_size": 32}
    size = size_of(architecture | {"options": options})
    widths, sides, inputs = options["widths"], (32, 32, 16, 16, 8, 8), (3, 64, 64, 256, 256, 512)
    layers = [2 * 9 * a * b * side**2 for a, b, side in zip(inputs, widths, sides, strict=True)]
    layers.append(2 * 512 * 4 * 4 * 2048)
    assert list(size.below) == [sum(layers[:n]) for n in range(8)]
    assert size.flop == sum(layers) + 2 * 2048 * 10
    assert list(size.units) == [*widths, 2048]
    module = zoo.create(architecture | {"options": options})
    assert size.tensors == sum(parameter.numel() for parameter in module.parameters())
    fired = []
    for part in module.modules():
        if not list(part.children()):
            part.register_forward_hook(lambda part, given, output: fired.append(part))
    with torch.no_grad():
        module.eval()(torch.zeros(1, 3, 32, 32))
    assert size.calls == len(fired)
    # the seven and the head
    assert size.layers == 8


def test_the_yardstick_is_resnet50():
    architecture = {"library": "torchvision", "name": "resnet50", "classes": 1000, "channels": 3, "image_size": 224}
    size = size_of(architecture, "modules")
    assert (size.flop, size.calls) == (RESNET50_FLOP, RESNET50_CALLS)
    # torchvision states 4.089 billion multiply-adds
    assert size.flop / 2e9 == pytest.approx(4.089, abs=0.001)
    # 151 layers, of which those that only hand on the same tensor count once
    assert size.layers < 151
