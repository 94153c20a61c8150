"""What the section of Li et al. 2016 asks of others."""

import pytest
from valid_config import VALID


@pytest.mark.parametrize(("labels", "key"), [("{half: A}", "half"), ("{randomness: 3}", "randomness")])
def test_networks_that_are_to_learn_the_same_have_the_same_labels(labels, key, load_config, config_errors):
    fragment = "tasks: {turned: {labels: LABELS}}\nconvergent: {task: turned}"
    assert config_errors(VALID, fragment.replace("LABELS", labels)) == [
        "config2.yaml:2: convergent.task: expected a task whose labels are the same in every seed (all networks learn "
        f"the same), found 'turned', which draws its labels.{key} from the seed"
    ]
    load_config(VALID, fragment.replace("LABELS", "{classes: [1, 3]}"))


def test_units_are_compared_on_images_enough_to_halve(config_errors):
    fragment = "tasks: {turned: {test: {rows: [9000, END]}}}\nconvergent: {task: turned}\ntas: {examples: 8}"
    assert (
        "config2.yaml:1: tasks.turned.test.rows: expected 4 images or more (convergent.task shows them to its "
        "networks, in two halves), found 3"
    ) in config_errors(VALID, fragment.replace("END", "9003"))
