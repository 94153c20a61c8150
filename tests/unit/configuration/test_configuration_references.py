"""What one key of a config asks of another: names, checkpoints, rows, classes, amounts; each mistake in exact words."""

import re

import pytest
from valid_config import VALID


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        (
            "tas: {models: [net, publishd]}",
            "tas.models[1]: expected a name under models, found 'publishd': did you mean 'published'?",
        ),
        (
            "similarity: {model: plan}",
            "similarity.model: expected a name under models, found 'plan': did you mean 'plain'?",
        ),
        (
            "anb: {model: plan}",
            "anb.model: expected a name under models, found 'plan': did you mean 'plain'?",
        ),
        (
            "anb: {splits: {dissimilar: {task: digit}}}",
            "anb.splits.dissimilar.task: expected a name under tasks, found 'digit': did you mean 'digits'?",
        ),
        (
            "quanta: {model: gatd}",
            "quanta.model: expected a name under models, found 'gatd': did you mean 'gated'?",
        ),
        (
            "quanta: {targets: {AnB: secnd}}",
            "quanta.targets.AnB: expected a name under tasks, found 'secnd': did you mean 'second'?",
        ),
        (
            "quanta: {source: fist}",
            "quanta.source: expected a name under tasks, found 'fist': did you mean 'first'?",
        ),
        (
            "quanta: {joint: {split: disimilar}}",
            "quanta.joint.split: expected a name under anb.splits, found 'disimilar': did you mean 'dissimilar'?",
        ),
        (
            "convergent: {model: stak}",
            "convergent.model: expected a name under models, found 'stak': did you mean 'stack'?",
        ),
        (
            "convergent: {task: secnd}",
            "convergent.task: expected a name under tasks, found 'secnd': did you mean 'second'?",
        ),
        *(
            (
                f"similarity: {{{phase}: {{{key}: turnd}}}}",
                f"similarity.{phase}.{key}: expected a name under tasks, found 'turnd': did you mean 'turned'?",
            )
            for phase, key in (("pretraining", "task"), ("finetuning", "task"), ("finetuning", "cross"))
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
def test_a_name_that_does_not_exist_is_refused_with_the_nearest_one(fragment, expected, config_errors):
    assert config_errors(VALID, fragment) == [f"config2.yaml:1: {expected}"]


def test_tf32_is_refused_where_it_would_do_nothing(load_config, config_errors):
    assert config_errors(VALID, "device: cpu\nprecision: tf32") == [
        "config2.yaml:2: precision: expected fp32 or bf16, as device is cpu, found 'tf32'"
    ]
    assert load_config(VALID)["precision"] == "fp32"
    for device, precision in (("cpu", "bf16"), ("cuda", "tf32"), ("auto", "tf32")):
        assert load_config(VALID, f"device: {device}\nprecision: {precision}")["precision"] == precision


def test_a_model_needs_a_source_only_where_tas_fine_tunes_it(load_config, config_errors):
    assert "source" not in load_config(VALID)["models"]["plain"]
    assert config_errors(VALID, "tas: {models: [net, plain]}") == [
        f"missing key 'source' under models.plain (config.yaml:{VALID[: VALID.index('  plain:')].count(chr(10)) + 1}): "
        "expected the weights that it is fine-tuned from, as tas.models names it"
    ]


def test_several_models_may_stand_for_one_architecture(load_config):
    models = load_config(VALID, "models: {published: {stands_for: ResNet-50}}")["models"]
    assert models["published"]["stands_for"] == models["net"]["stands_for"]


def test_a_checkpoint_must_be_there_and_be_one(load_config, config_errors, tmp_path):
    model = "models: {mine: {library: timm, name: x, source: {checkpoint: FILE}}}"
    assert config_errors(VALID, model.replace("FILE", "mine.pt")) == [
        "config2.yaml:1: models.mine.source.checkpoint: expected an existing file, found 'mine.pt' "
        f"(looked for in {tmp_path})"
    ]
    for name in ("mine.pt", "mine.pkl"):
        (tmp_path / name).touch()
    assert load_config(VALID, model.replace("FILE", "mine.pt"))["models"]["mine"]["source"] == {"checkpoint": "mine.pt"}
    assert config_errors(VALID, model.replace("FILE", "mine.pkl")) == [
        "config2.yaml:1: models.mine.source.checkpoint: expected the path of a .safetensors, .pt or .pth file, "
        "found 'mine.pkl'"
    ]


def test_a_folder_of_images_must_be_there(load_config, config_errors, tmp_path):
    dataset = "datasets: {mine: {loader: ImageFolder, root: 'images/{dataset}'}}"
    assert config_errors(VALID, dataset) == [
        "config2.yaml:1: datasets.mine.root: expected an existing folder, found 'images/mine' "
        f"(looked for in {tmp_path})"
    ]
    (tmp_path / "images" / "mine").mkdir(parents=True)
    assert load_config(VALID, dataset)["datasets"]["mine"]["root"] == "images/mine"
    # what is downloaded, or asked for by the download step, need not be there yet
    assert load_config(VALID, "datasets: {large: {loader: ImageNet, root: nowhere}}")


def test_a_checkpoint_may_say_how_images_were_normalised(load_config, config_errors, tmp_path):
    (tmp_path / "mine.pt").touch()
    model = "models: {mine: {library: small, name: convolutional, channels: 1, source: {checkpoint: mine.pt, MORE}}}"
    config = load_config(VALID, model.replace("MORE", "normalisation: {mean: [5e-1], std: [0.25]}"))
    assert config["models"]["mine"]["source"]["normalisation"] == {"mean": [0.5], "std": [0.25]}
    where = "config2.yaml:1: models.mine.source.normalisation"
    for given, expected in (
        ("{mean: [0, 0, 0], std: [1]}", ".mean: expected a list of 1 number, for channels: 1, found [0, 0, 0]"),
        ("{mean: [0.5], std: [0]}", ".std[0]: expected a number > 0, found 0"),
        ("{mean: 0.5, std: [1]}", ".mean: expected a list of numbers, one a channel, found 0.5"),
        ("imagenet", ": expected a mapping, found 'imagenet'"),
    ):
        assert config_errors(VALID, model.replace("MORE", f"normalisation: {given}")) == [where + expected]
    colour = model.replace("channels: 1", "channels: 3").replace("MORE", "normalisation: {mean: [0.5], std: []}")
    assert config_errors(VALID, colour) == [
        f"{where}.mean: expected a list of 3 numbers, for channels: 3, found [0.5]",
        f"{where}.std: expected a list of 3 numbers > 0, for channels: 3, found []",
    ]
    assert config_errors(
        VALID, "models: {published: {source: {normalisation: {mean: [0, 0, 0], std: [1, 1, 1]}}}}"
    ) == [
        "config2.yaml:1: models.published.source.normalisation: expected no normalisation without checkpoint, "
        "found a mapping with the keys mean, std"
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
def test_rows_must_make_sense(rows, expected, config_errors):
    found = f"'{rows}'" if rows == "all" else rows
    assert config_errors(VALID, f"tasks: {{turned: {{train: {{rows: {rows}}}}}}}") == [
        f"config2.yaml:1: tasks.turned.train.rows: expected {expected}, found {found}"
    ]


@pytest.mark.parametrize(
    ("rows", "taken"),
    [("[5999, 7000]", "turned"), ("[0.55, 0.65]", "turned"), ("[4900, 5000]", "first"), ("[0.0, 0.4]", "first")],
)
def test_what_is_tested_on_is_held_out_from_the_task_itself_and_from_the_source(rows, taken, config_errors):
    trained = {"turned": "[5000, 6000]", "first": "[0, 5000]"}[taken]
    assert config_errors(VALID, f"tasks: {{turned: {{test: {{rows: {rows}}}}}}}") == [
        f"config2.yaml:1: tasks.turned.test.rows: expected rows that task '{taken}' is not trained on "
        f"({trained} of the same split 'test'), found {rows}"
    ]


@pytest.mark.parametrize(("key", "task"), [("task", "second"), ("cross", "crossed")])
def test_what_similarity_probes_is_held_out_from_its_pre_training(key, task, config_errors):
    rows = "dataset: clothes, train: {split: test, rows: [6000, 7000]}, test: {split: test, rows: [4000, 5000]}"
    assert config_errors(VALID, f"tasks: {{{task}: {{{rows}}}}}\nsimilarity: {{finetuning: {{{key}: {task}}}}}") == [
        f"config2.yaml:1: tasks.{task}.test.rows: expected rows that task 'first' is not trained on "
        "([0, 5000] of the same split 'test'), found [4000, 5000]"
    ]


def test_what_a_network_with_a_gate_is_tested_on_is_held_out_from_its_source(config_errors):
    rows = "dataset: clothes, train: {split: test, rows: [6000, 7000]}, test: {split: test, rows: [4000, 5000]}"
    assert config_errors(VALID, f"tasks: {{gated: {{{rows}}}}}\nquanta: {{targets: {{AnB: gated}}}}") == [
        "config2.yaml:1: tasks.gated.test.rows: expected rows that task 'first' is not trained on "
        "([0, 5000] of the same split 'test'), found [4000, 5000]"
    ]


def test_rows_that_only_touch_do_not_overlap(load_config):
    rows = load_config(VALID, "tasks: {turned: {test: {rows: [6000, 7000]}}}")["tasks"]["turned"]["test"]["rows"]
    assert rows == [6000, 7000]
    # as fractions of 10,000 images: the source trains on the first half
    load_config(VALID, "tasks: {turned: {train: {rows: [0.6, 0.8]}, test: {rows: [0.5, 0.6]}}}")


def test_rows_and_fractions_of_a_split_of_unknown_size_cannot_be_told_apart(config_errors):
    assert config_errors(VALID, "tasks: {pictured: {test: {rows: [900, 1000]}}}") == [
        "config2.yaml:1: tasks.pictured.test.rows: expected rows that task 'pictured' is not trained on "
        "([0, 0.8] of the same split 'all'), both as whole numbers or both as fractions, found [900, 1000]"
    ]


def test_a_task_on_the_whole_of_a_dataset_without_splits_needs_rows(config_errors):
    (message,) = config_errors(VALID, "tasks: {pictured: {train: {rows: [0.0, 1.0]}}}")
    assert "tasks.pictured.test.rows: expected rows that task 'pictured' is not trained on ([0.0, 1.0]" in message


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("tas: {examples: 1001}", "tas.examples: expected at most 1000, the test images of task 'turned', found 1001"),
        ("tas: {minibatch: 65}", "tas.minibatch: expected at most 64, the number of tas.examples, found 65"),
        (
            # 1,000 images make 32 steps an epoch, the last of 8 images
            "tas: {checkpoints: {steps: [96, 97]}}",
            "tas.checkpoints.steps[1]: expected at most 96, the steps of 3 epochs on task 'turned', found 97",
        ),
        (
            # 157 steps an epoch; how many there are after the recipe's epochs is not known beforehand
            "similarity: {pretraining: {checkpoints: {steps: [314, 315]}}}",
            "similarity.pretraining.checkpoints.steps[1]: expected at most 314, the steps of 2 epochs on task 'first', "
            "found 315",
        ),
        (
            "similarity: {sizes: [5000, 5001]}",
            "similarity.sizes[1]: expected at most 5000, the training images of task 'first', found 5001",
        ),
        (
            "similarity: {examples: 501}",
            "similarity.examples: expected at most 500, the test images of task 'second', found 501",
        ),
        (
            "tasks: {digits: {test: {rows: [500, 531]}}}\nsimilarity: {examples: 32}",
            "similarity.examples: expected at most 31, the test images of task 'digits', found 32",
        ),
        (
            "similarity: {pretraining: {recipe: {epochs: 7}}}",
            "similarity.pretraining.recipe.memorise.epochs: expected at least 7, the recipe's epochs, found 6",
        ),
        ("anb: {last_epochs: 4}", "anb.last_epochs: expected at most 3, the epochs of anb.recipe, found 4"),
        ("quanta: {last_epochs: 4}", "quanta.last_epochs: expected at most 3, the epochs of quanta.recipe, found 4"),
    ],
)
def test_amounts_must_fit_what_there_is(fragment, expected, config_errors):
    assert [message.split(": ", 1)[1] for message in config_errors(VALID, fragment)] == [expected]


RECIPES = [
    # how long a run may take, and a model of the smallest image_size
    ("tas: {recipe: {KEY}}", 3, "published"),
    ("anb: {recipe: {KEY}}", 3, "stack"),
    ("quanta: {recipe: {KEY}}", 3, "gated"),
    ("models: {net: {source: {recipe: {KEY}}}}", 2, "net"),
    ("similarity: {pretraining: {recipe: {KEY}}}", 6, "plain"),
    ("similarity: {finetuning: {recipe: {KEY}}}", 4, "plain"),
]


@pytest.mark.parametrize(("recipe", "epochs", "_"), RECIPES)
def test_the_learning_rate_drops_while_a_run_lasts(recipe, epochs, _, config_errors, load_config):
    load_config(VALID, recipe.replace("KEY", f"drops: [{epochs - 1}]"))
    (message,) = config_errors(VALID, recipe.replace("KEY", f"drops: [1, {epochs}]"))
    expected = rf"\.recipe\.drops\[1\]: expected at most {epochs - 1}, as there are {epochs} epochs, found {epochs}$"
    assert re.search(expected, message)


@pytest.mark.parametrize(("recipe", "_", "model"), RECIPES)
def test_a_crop_leaves_something_of_the_image(recipe, _, model, config_errors, load_config):
    size = f"models: {{{model}: {{image_size: 32}}}}"
    load_config(VALID, size, recipe.replace("KEY", "augment: {crop: 31}"))
    (message,) = config_errors(VALID, size, recipe.replace("KEY", "augment: {crop: 32}"))
    expected = rf"\.recipe\.augment\.crop: expected at most 31, as '{model}' sees images of 32 pixels, found 32$"
    assert re.search(expected, message)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        (
            "tasks: {turned: {labels: {randomness: 10}}}",
            "tasks.turned.labels.randomness: expected at most 9, as there are 10 classes, found 10",
        ),
        (
            "tasks: {turned: {labels: {shift: 10}}}",
            "tasks.turned.labels.shift: expected at most 9, as there are 10 classes, found 10",
        ),
        (
            "tasks: {turned: {labels: {classes: [3, 10]}}}",
            "tasks.turned.labels.classes[1]: expected at most 9, as there are 10 classes, found 10",
        ),
        (
            "anb: {splits: {dissimilar: {classes: {B: [0, 2, 10]}}}}",
            "anb.splits.dissimilar.classes.B[2]: expected at most 9, as there are 10 classes, found 10",
        ),
        (
            "anb: {splits: {dissimilar: {classes: {B: [0, 4, 1]}}}}",
            "anb.splits.dissimilar.classes.B: expected no class that is in A ([9, 1, 4]), found [1, 4]",
        ),
        (
            "tasks: {odd: {dataset: clothes, train: {split: test, rows: [0, 9]}, test: {split: test, rows: [9, 19]}, "
            "labels: {half: A}}}\nanb: {splits: {similar: {task: odd}}}",
            "anb.splits.similar.task: expected a task without labels (anb sets them), found 'odd'",
        ),
        (
            "datasets: {far: {loader: textures, classes: 3}}\n"
            "tasks: {far: {dataset: far, train: {split: all, rows: [0, 500]}, test: {split: all, rows: [500, 1000]}}}\n"
            "anb: {splits: {similar: {task: far}}}",
            "anb.splits.similar.task: expected a task of 4 classes or more, found 'far', which has 3",
        ),
        (
            "similarity: {randomness: [0, 9, 10]}",
            "similarity.randomness[2]: expected at most 9, as there are 10 classes, found 10",
        ),
        (
            "similarity: {randomness: [0, 8]}",
            "similarity.randomness: expected 9 (fully random labels of 10 classes) among them, found [0, 8]",
        ),
        ("similarity: {shift: 10}", "similarity.shift: expected at most 9, as there are 10 classes, found 10"),
        (
            "tasks: {second: {labels: {shift: 1}}}\nsimilarity: {finetuning: {task: second}}",
            "similarity.finetuning.task: expected a task without labels (similarity sets them), found 'second'",
        ),
        (
            "datasets: {far: {loader: textures, classes: 4}}\n"
            "tasks: {far: {dataset: far, train: {split: all, rows: [0, 500]}, test: {split: all, rows: [500, 1000]}}}\n"
            "similarity: {finetuning: {cross: far}}",
            "similarity.finetuning.cross: expected a task of 10 classes, as similarity.pretraining.task is (the "
            "head is kept), found 'far', which has 4",
        ),
    ],
)
def test_labels_must_suit_the_classes(fragment, expected, config_errors):
    (message,) = config_errors(VALID, fragment)
    assert message == f"config2.yaml:{fragment.count(chr(10)) + 1}: {expected}"


def test_classes_that_are_not_known_yet_are_not_judged(load_config):
    labels = load_config(VALID, "tasks: {pictured: {labels: {randomness: 99}}}")["tasks"]["pictured"]["labels"]
    assert labels == {"randomness": 99}
    load_config(VALID, "anb: {splits: {dissimilar: {task: pictured, classes: {A: [0, 99], B: [1, 98]}}}}")


def test_the_similar_split_has_every_treatment(config_errors):
    fragment = "anb:\n  splits:\n    similar:\n      treatments: [transfer]\n"
    assert config_errors(VALID, fragment) == [
        "config2.yaml:4: anb.splits.similar.treatments: expected all five (figures compare them), found ['transfer']"
    ]
