"""What the section of Neyshabur et al. 2020 asks of others and its keys of each other, each mistake in exact words."""

import pytest
from valid_config import VALID


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("model: stak", "model: expected a name under models, found 'stak': did you mean 'stack'?"),
        ("source: {task: fist}", "source.task: expected a name under tasks, found 'fist': did you mean 'first'?"),
        (
            "targets: {turnd: far}",
            "targets.turnd: expected a name under tasks, found 'turnd': did you mean 'turned'?",
        ),
        (
            "shuffled: {targets: [digit]}",
            "shuffled.targets[0]: expected a name under basins.targets, found 'digit': did you mean 'digits'?",
        ),
        (
            "landscape: {targets: [turned, digit]}",
            "landscape.targets[1]: expected a name under basins.targets, found 'digit': did you mean 'digits'?",
        ),
        (
            "landscape: {targets: []}",
            "landscape.targets: expected a list of different names under basins.targets, one or more, found []",
        ),
        (
            "landscape: {targets: [digits, digits]}",
            "landscape.targets: expected a list of different names under basins.targets, one or more, found ['digits', "
            "'digits']",
        ),
        (
            "source: {checkpoints: [1, 5]}",
            "source.checkpoints[1]: expected at most 4, the epochs of basins.source.recipe, found 5",
        ),
        (
            "source: {checkpoints: [4]}",
            "source.checkpoints: expected at least one epoch below 4, the last of basins.source.recipe, which comes by "
            "itself, found [4]",
        ),
        (
            "recipes: {random: {augment: {crop: 2}}}",
            "recipes.random.augment.crop: expected 0, as images of basins.shuffled, whose blocks have one order, are "
            "trained on by it, too (mixup keeps the order), found 2",
        ),
        ("last_epochs: 4", "last_epochs: expected at most 3, the epochs of basins.recipes, found 4"),
        (
            "landscape: {checkpoints: [1, 3]}",
            "landscape.checkpoints[1]: expected at most 2, before the last epoch of either of basins.recipes, found 3",
        ),
        (
            "shuffled: {sizes: [7, 28]}",
            "shuffled.sizes[1]: expected 0 (all values change places) or one of 1, 2, 4, 7, 14, which cut the 28 "
            "pixels of task 'digits' into two blocks or more, found 28",
        ),
        (
            "shuffled: {per_image: true}",
            "shuffled.per_image: expected false with size 0, where all values change places in one order for all "
            "images, found true",
        ),
        (
            "landscape: {alphas: [0, 0.7, 0.5, 1]}",
            "landscape.alphas: expected ascending numbers from 0 to 1, both included, found [0, 0.7, 0.5, 1]",
        ),
        (
            "landscape: {alphas: [0.5, 1]}",
            "landscape.alphas: expected ascending numbers from 0 to 1, both included, found [0.5, 1]",
        ),
        (
            "landscape: {images: 501}",
            "landscape.images: expected at most 500, the training images of task 'digits', found 501",
        ),
        (
            # of several targets, the one with the fewest images sets the bound
            "landscape: {targets: [turned, digits], images: 501}",
            "landscape.images: expected at most 500, the training images of task 'digits', found 501",
        ),
        (
            "landscape: {points: 4}",
            "landscape.points: expected an odd integer >= 3, so that one is in the middle, found 4",
        ),
        (
            "source: {checkpoints: []}",
            "source.checkpoints: expected a list of different integers >= 0, one or more, found []",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(fragment, expected, config_errors):
    assert config_errors(VALID, f"basins: {{{fragment}}}") == [f"config2.yaml:1: basins.{expected}"]


def test_training_images_are_not_moved_after_they_were_shuffled(config_errors, load_config):
    moved = {"rotation": 15, "shift": 0.1, "zoom": 0.1, "crop": 2, "flip": "true"}
    for name, value in moved.items():
        (message,) = config_errors(VALID, f"basins: {{recipes: {{pretrained: {{augment: {{{name}: {value}}}}}}}}}")
        assert f"recipes.pretrained.augment.{name}: expected " in message and message.endswith(f", found {value}")
    # P does not see them, and mixup leaves pixels where they are
    others = "{source: {recipe: {augment: {crop: 2}}}, recipes: {random: {augment: {mixup: 0.7, flip: false}}}}"
    assert load_config(VALID, f"basins: {others}")["basins"]["recipes"]["random"]["augment"]["mixup"] == 0.7


def test_a_landscape_of_one_target_is_a_list_of_one(config_errors):
    assert config_errors(VALID, "basins: {landscape: {target: digits}}") == [
        "unknown key 'target' under basins.landscape (config2.yaml:1): did you mean 'targets'?"
    ]


def test_networks_are_not_compared_on_images_that_they_were_trained_on(config_errors):
    overlapping = "tasks: {digits: {test: {split: all, rows: [400, 1100]}}}"
    assert any("digits" in message for message in config_errors(VALID, overlapping))
    # P has seen the images on which its descendants are tested
    seen = "tasks: {turned: {test: {split: test, rows: [4000, 4500]}}}"
    assert any("first" in message for message in config_errors(VALID, seen))


def test_per_image_orders_go_with_blocks(load_config):
    found = load_config(VALID, "basins: {shuffled: {sizes: [14, 7], per_image: true}}")
    assert found["basins"]["shuffled"] == {"targets": ["digits"], "sizes": [14, 7], "per_image": True}
    assert load_config(VALID)["basins"]["shuffled"]["per_image"] is False
