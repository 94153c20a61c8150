"""What the config's schema allows, and the exact words in which it refuses values, keys and names."""

import re

import pytest
import yaml
from valid_config import VALID

from transferscope import configuration
from transferscope.configuration.schema import SCHEMA_FILE
from transferscope.data import datasets, listed
from transferscope.errors import InputError
from transferscope.runs.anb import TREATMENTS

CHANGES = "one of rotate_90, invert, edges, equalise, shuffle_pixels, or a mapping of shuffle_blocks"
CLASSES = "expected a list of two or more different classes, by number from 0, or ranges of them such as 0-397, found "
DEGREES = "a list of at least two different integers >= 0, 0 (true labels) among them"


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
        ("tas: {recipe: {drops: 30}}", "tas.recipe.drops: expected a list of different integers >= 1, found 30"),
        (
            "tas: {recipe: {drops: [2, 2]}}",
            "tas.recipe.drops: expected a list of different integers >= 1, found [2, 2]",
        ),
        ("tas: {recipe: {drop_factor: 1}}", "tas.recipe.drop_factor: expected a number > 0 and < 1, found 1"),
        (
            "tas: {recipe: {learning_rate_decay: -1e-6}}",
            "tas.recipe.learning_rate_decay: expected a number >= 0, found -1e-06",
        ),
        (
            "tas: {recipe: {augment: {rotation: 200}}}",
            "tas.recipe.augment.rotation: expected a number >= 0 and <= 180, found 200",
        ),
        (
            "tas: {recipe: {augment: {crop: 0.1}}}",
            "tas.recipe.augment.crop: expected an integer >= 0, found 0.1",
        ),
        ("tas: {recipe: {augment: {flip: 1}}}", "tas.recipe.augment.flip: expected true or false, found 1"),
        ("tas: {recipe: {augment: true}}", "tas.recipe.augment: expected a mapping, found true"),
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
            f"tasks.turned.images[0]: expected {CHANGES}, found 'rotate': did you mean 'rotate_90'?",
        ),
        ("tasks: {turned: {images: [invert, 7]}}", f"tasks.turned.images[1]: expected {CHANGES}, found 7"),
        *(
            (
                f"tasks: {{turned: {{images: [shuffle_blocks: {blocks}]}}}}",
                f"tasks.turned.images[0].shuffle_blocks{expected}",
            )
            for blocks, expected in (
                ("{size: 0}", ".size: expected an integer >= 1, found 0"),
                ("{size: 7, per_image: often}", ".per_image: expected true or false, found 'often'"),
                ("7", ": expected a mapping, found 7"),
            )
        ),
        (
            "tasks: {turned: {labels: {randomness: -1}}}",
            "tasks.turned.labels.randomness: expected an integer >= 0, found -1",
        ),
        ("tasks: {turned: {labels: {permuted: false}}}", "tasks.turned.labels.permuted: expected true, found false"),
        ("tasks: {turned: {labels: {shift: 0}}}", "tasks.turned.labels.shift: expected an integer >= 1, found 0"),
        *(
            (
                f"tasks: {{turned: {{labels: {labels}}}}}",
                "tasks.turned.labels: expected exactly one of randomness, shift, permuted, classes and half, "
                f"found {found}",
            )
            for labels, found in (
                ("{shift: 1, randomness: 1}", "a mapping with the keys shift, randomness"),
                ("{}", "an empty mapping"),
            )
        ),
        *(
            (f"similarity: {{randomness: {degrees}}}", f"similarity.randomness: expected {DEGREES}, found {degrees}")
            for degrees in ("[0]", "[1, 9]", "[0, 9, 9]", "9")
        ),
        ("tasks: {turned: {labels: {half: C}}}", "tasks.turned.labels.half: expected one of A, B, found 'C'"),
        *(
            (f"tasks: {{turned: {{labels: {{classes: {found}}}}}}}", f"tasks.turned.labels.classes: {CLASSES}{found}")
            for found in ("[1]", "[1, 2, 1]", "3")
        ),
        ('tasks: {turned: {labels: {classes: [3, "2-4"]}}}', f"tasks.turned.labels.classes: {CLASSES}[3, 2, 3, 4]"),
        *(
            (
                f'tasks: {{turned: {{labels: {{classes: [1, "{found}"]}}}}}}',
                "tasks.turned.labels.classes[1]: expected a class, by number from 0, or a range of them such as 0-397, "
                f"found '{found}'",
            )
            for found in ("4-2", "two", "-1-3")
        ),
        *(
            (f"anb: {{splits: {{similar: {{classes: {classes}}}}}}}", f"anb.splits.similar.classes{expected}")
            for classes, expected in (
                ("halves", ": expected random, or a mapping of A and B to lists of classes, found 'halves'"),
                ("[1, 2]", ": expected random, or a mapping of A and B to lists of classes, found [1, 2]"),
                ("{A: [1], B: [2, 3]}", f".A: {CLASSES}[1]"),
            )
        ),
        (
            "anb: {splits: {similar: {treatments: [transfer, tuned]}}}",
            "anb.splits.similar.treatments[1]: expected one of selffer, transfer, selffer+, transfer+, random, "
            "found 'tuned'",
        ),
        ("anb: {layers: [0, 1]}", "anb.layers[0]: expected an integer >= 1, found 0"),
        ("anb: {layers: []}", "anb.layers: expected a list of different integers >= 1, found []"),
        (
            "anb: {recipe: {memorise: {epochs: 9}}}",
            "anb.recipe.memorise: expected no memorise (only the recipes of similarity have it), "
            "found a mapping with the keys epochs, top1",
        ),
        *(
            (f"quanta: {{initial: {initial}}}", f"quanta.initial{expected}, found {found}")
            for initial, expected, found in (
                ("[0.9, 1.2]", "[1]: expected a number > 0 and < 1", "1.2"),
                ("[0, 0.5]", "[0]: expected a number > 0 and < 1", "0"),
                ("[0.5, 5e-1]", ": expected a list of different numbers > 0 and < 1", "[0.5, 0.5]"),
                ("0.5", ": expected a list of different numbers > 0 and < 1", "0.5"),
            )
        ),
        ("quanta: {controls: {initial: 1}}", "quanta.controls.initial: expected a number > 0 and < 1, found 1"),
        (
            "quanta: {controls: {sources: [random]}}",
            "quanta.controls.sources[0]: expected one of untrained, permuted, found 'random'",
        ),
        (
            "quanta: {controls: {sources: []}}",
            "quanta.controls.sources: expected a list of different ones of untrained and permuted, found []",
        ),
        *(
            (f"quanta: {{sensitivity: {{factors: {factors}}}}}", f"quanta.sensitivity.factors{expected}, found {found}")
            for factors, expected, found in (
                ("[]", ": expected a list of different numbers > 0 other than 1", "[]"),
                ("[10, 1e1]", ": expected a list of different numbers > 0 other than 1", "[10, 10.0]"),
                ("[0]", "[0]: expected a number > 0 other than 1, which all other gates have", "0"),
                ("[10, 1.0]", "[1]: expected a number > 0 other than 1, which all other gates have", "1.0"),
            )
        ),
        (
            "quanta: {sensitivity: {target: joint}}",
            "quanta.sensitivity.target: expected one of AnA, AnB, found 'joint'",
        ),
        ("quanta: {layers: [-1]}", "quanta.layers[0]: expected an integer >= 0, found -1"),
        ("quanta: {layers: all}", "quanta.layers: expected a list of different integers >= 0, found 'all'"),
        ("quanta: {repeats: 0}", "quanta.repeats: expected an integer >= 1, found 0"),
        (
            "quanta: {gate_learning_rate: 0}",
            "quanta.gate_learning_rate: expected a number > 0, or null, found 0",
        ),
        ("quanta: {share_source: 1}", "quanta.share_source: expected true or false, found 1"),
        ("quanta: {networks_at_once: 0}", "quanta.networks_at_once: expected an integer >= 1, found 0"),
        (
            "quanta: {recipe: {memorise: {epochs: 9}}}",
            "quanta.recipe.memorise: expected no memorise (only the recipes of similarity have it), "
            "found a mapping with the keys epochs, top1",
        ),
        (
            "convergent: {seeds: [0]}",
            "convergent.seeds: expected a list of two or more different integers >= 0, found [0]",
        ),
        *(
            (f"convergent: {{decays: {decays}}}", f"convergent.decays{expected}, found {found}")
            for decays, expected, found in (
                ("[0, -1e-3]", "[1]: expected a number >= 0", "-0.001"),
                ("[1e-3, 0.001]", ": expected a list of different numbers >= 0", "[0.001, 0.001]"),
                ("[]", ": expected a list of different numbers >= 0", "[]"),
            )
        ),
        ("convergent: {clusters: 1}", "convergent.clusters: expected an integer >= 2, found 1"),
        ("convergent: {patches: 0}", "convergent.patches: expected an integer >= 1, found 0"),
        (
            "convergent: {recipe: {memorise: {epochs: 9}}}",
            "convergent.recipe.memorise: expected no memorise (only the recipes of similarity have it), "
            "found a mapping with the keys epochs, top1",
        ),
        ("similarity: {shift: 0}", "similarity.shift: expected an integer >= 1, found 0"),
        ("similarity: {sizes: [100, 1]}", "similarity.sizes[1]: expected an integer >= 2, found 1"),
        (
            "similarity: {pretraining: {recipe: {memorise: {top1: 99}}}}",
            "similarity.pretraining.recipe.memorise.top1: expected a number > 0 and <= 1, found 99",
        ),
        (
            "tas: {recipe: {memorise: {epochs: 9}}}",
            "tas.recipe.memorise: expected no memorise (only the recipes of similarity have it), "
            "found a mapping with the keys epochs, top1",
        ),
        ("models: {net: {channels: 2}}", "models.net.channels: expected one of 1, 3, found 2"),
        (
            "models: {resnet: {library: torchvision, name: resnet18, channels: 1, source: {weights: x}}}",
            "models.resnet.channels: expected 3 (torchvision's models take RGB), found 1",
        ),
        (
            "models: {net: {name: resnet}}",
            "models.net.name: expected one of residual, dense, transformer, convolutional, layered, quanta, caffenet, "
            "found 'resnet'",
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
            "datasets: {cifar: {loader: cifar10}}",
            f"datasets.cifar.loader: expected one of {', '.join(datasets.LOADERS)}, found 'cifar10': "
            "did you mean 'CIFAR10'?",
        ),
        (
            "datasets: {far: {loader: textures, classes: 11}}",
            "datasets.far.classes: expected an integer >= 2 and <= 10, found 11",
        ),
        (
            "datasets: {chests: {loader: CheXpert, uncertain: half}}",
            "datasets.chests.uncertain: expected one of zeros, ones, found 'half'",
        ),
        (
            "datasets: {chests: {loader: CheXpert, finding: pleural effusion}}",
            f"datasets.chests.finding: expected one of {', '.join(listed.FINDINGS)}, found 'pleural effusion': "
            "did you mean 'Pleural Effusion'?",
        ),
        ("models: {}\ndatasets: {far: 3}", "datasets.far: expected a mapping, found 3"),
        (
            "datasets: {../far: {loader: textures}}",
            "datasets.../far: expected a name of letters, digits, '_', '-' and single '.' that begins with a letter or "
            "a digit, found '../far'",
        ),
    ],
)
def test_a_value_that_is_wrong_in_itself_is_named_with_what_was_expected(fragment, expected, config_errors):
    line = 2 if fragment.startswith("models: {}") else 1
    assert f"config2.yaml:{line}: {expected}" in config_errors(VALID, fragment)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("tas: {recipe: {epoch: 3}}", "unknown key 'epoch' under tas.recipe (config2.yaml:1): did you mean 'epochs'?"),
        (
            "tas: {recipe: {augment: {flips: true}}}",
            "unknown key 'flips' under tas.recipe.augment (config2.yaml:1): did you mean 'flip'?",
        ),
        (
            "tasks: {turned: {labels: {random: 1}}}",
            "unknown key 'random' under tasks.turned.labels (config2.yaml:1): did you mean 'randomness'?",
        ),
        (
            "similarity: {finetuning: {checkpoints: {}}}",
            "unknown key 'checkpoints' under similarity.finetuning (config2.yaml:1): valid keys: task, cross, recipe",
        ),
        (
            "anb: {splits: {other: {task: first, classes: random}}}",
            "unknown key 'other' under anb.splits (config2.yaml:1): valid keys: similar, dissimilar",
        ),
        (
            "quanta: {targets: {BnA: second}}",
            "unknown key 'BnA' under quanta.targets (config2.yaml:1): did you mean 'AnA'?",
        ),
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
def test_an_unknown_key_is_refused_with_the_nearest_one_or_all(fragment, expected, config_errors):
    assert config_errors(VALID, fragment) == [expected]


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
            "datasets: {drawings: {loader: DomainNet}}",
            "missing key 'domain' under datasets.drawings (config2.yaml:1): expected one of clipart, infograph, ",
        ),
        (
            "tasks: {turned: {images: [shuffle_blocks: {per_image: true}]}}",
            "missing key 'size' under tasks.turned.images[0].shuffle_blocks (config2.yaml:1): expected an integer >= 1",
        ),
        (
            "anb: {splits: {similar: {classes: {A: [0, 1]}}}}",
            "missing key 'B' under anb.splits.similar.classes (config2.yaml:1): "
            "expected a list of two or more different classes",
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
def test_a_missing_key_is_named_with_what_it_should_hold(fragment, expected, config_errors):
    (message,) = config_errors(VALID, fragment)
    assert message.startswith(expected)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        *((name, True) for name in ("a", "7", "resnet50_32px", "vit-b.16", "a-._")),
        *((name, False) for name in ("", "_a", ".a", "a..b", "a.", "a/b", "a b", "é", "-a")),
    ],
)
def test_names_are_safe_in_file_names(name, valid, load_config):
    assert bool(re.fullmatch(configuration.NAME, name)) == valid
    fragment = yaml.safe_dump({"datasets": {name: {"loader": "textures"}}})
    if valid:
        assert name in load_config(VALID, fragment)["datasets"]
    else:
        with pytest.raises(InputError, match="expected a name of letters"):
            load_config(VALID, fragment)


def test_recipes_of_similarity_must_say_when_a_run_has_memorised(config_errors):
    config = yaml.safe_load(VALID)
    del config["similarity"]["finetuning"]["recipe"]["memorise"]
    (message,) = config_errors(yaml.safe_dump(config))
    expected = r"missing key 'memorise' under similarity\.finetuning\.recipe \(config.yaml:\d+\): expected a mapping"
    assert re.fullmatch(expected, message)


def test_the_config_knows_every_treatment_and_all_are_the_default(load_config):
    split = yaml.safe_load(SCHEMA_FILE.read_text())["$defs"]["split"]["properties"]["treatments"]
    assert split["items"]["enum"] == split["default"] == list(TREATMENTS)
    assert load_config(VALID)["anb"]["splits"]["similar"]["treatments"] == list(TREATMENTS)
