"""What the config knows of loaders and changes of images, without loading what reads them, is what they say."""

import yaml

from transferscope.configuration.schema import SCHEMA_FILE
from transferscope.data import datasets, known, listed, tasks
from transferscope.models import zoo


def test_the_config_knows_every_loader_its_options_and_its_splits():
    dataset = yaml.safe_load(SCHEMA_FILE.read_text())["$defs"]["dataset"]
    assert set(dataset["properties"]["loader"]["enum"]) == datasets.LOADERS.keys()
    assert known.SPLITS.keys() == known.CLASSES.keys() == datasets.LOADERS.keys()
    for condition in dataset["allOf"]:
        rule = condition["if"]["properties"]["loader"]
        for loader in rule.get("enum", [rule.get("const")]):
            options = condition["then"]["properties"].keys() - {"loader"}
            assert {"folder" if key == "root" else key for key in options} == set(datasets.LOADERS[loader].parameters)
    for loader in ("fashion_mnist_sample", "digits"):
        collection = datasets.LOADERS[loader].read()
        assert {part.split: part.count for part in collection.parts} == known.SPLITS[loader]
        assert len(collection.class_names) == known.CLASSES[loader]


def test_the_config_knows_every_change_of_images_domain_and_finding():
    definitions = yaml.safe_load(SCHEMA_FILE.read_text())["$defs"]
    assert definitions["change"]["then"]["enum"] == [*tasks.TRANSFORMS, "shuffle_pixels"]
    options = {
        condition["if"]["properties"]["loader"].get("const"): condition["then"]["properties"]
        for condition in definitions["dataset"]["allOf"]
    }
    assert options["DomainNet"]["domain"]["enum"] == list(listed.DOMAINS)
    assert options["CheXpert"]["finding"]["enum"] == list(listed.FINDINGS)


def test_the_config_refuses_the_options_of_a_model_that_the_zoo_refuses():
    options = yaml.safe_load(SCHEMA_FILE.read_text())["$defs"]["model"]["properties"]["options"]
    assert options["propertyNames"]["not"]["enum"] == list(zoo.WEIGHTS_OPTIONS)


def test_the_size_of_images_is_known_by_the_loader_or_by_an_option():
    for name, loader in datasets.LOADERS.items():
        assert (name in known.SIZES) != ("size" in loader.parameters)
    for loader in ("fashion_mnist_sample", "digits"):
        shape = datasets.LOADERS[loader].read().parts[0].read(0, 1)[0].shape
        assert shape[1:3] == (known.SIZES[loader],) * 2
