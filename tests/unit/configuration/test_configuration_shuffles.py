"""What the config asks of shuffled images: blocks that fit, and no paper that shows all seeds the same images."""

import pytest
from valid_config import VALID

SHUFFLED = """tasks:
  shuffled:
    dataset: clothes
    train: {split: test, rows: [0, 9]}
    test: {split: test, rows: [9500, 10000]}
    images: [invert, CHANGE]
"""


@pytest.mark.parametrize(("size", "fits"), [(14, True), (1, True), (28, False), (5, False), (56, False)])
def test_blocks_must_divide_the_image_and_be_more_than_one(size, fits, load_config, config_errors):
    fragment = SHUFFLED.replace("CHANGE", f"shuffle_blocks: {{size: {size}}}")
    if fits:
        load_config(VALID, fragment)
    else:
        assert config_errors(VALID, fragment) == [
            "config2.yaml:6: tasks.shuffled.images[1].shuffle_blocks.size: expected one of 1, 2, 4, 7, 14, which cut "
            f"images of 28 pixels into two blocks or more, found {size}"
        ]


def test_blocks_must_divide_images_whose_size_is_an_option(load_config, config_errors):
    fragment = SHUFFLED.replace("CHANGE", "shuffle_blocks: {size: 112}").replace("clothes", "far")
    far = "datasets: {far: {loader: CIFAR10}}\n" + fragment.replace("112", "16")
    assert load_config(VALID, far)["tasks"]["shuffled"]["images"][1] == {
        "shuffle_blocks": {"size": 16, "per_image": False}
    }
    real = "datasets: {far: {loader: DomainNet, domain: real, size: 224}}\n" + fragment.replace(
        "split: test", "split: train"
    )
    load_config(VALID, real)
    (message,) = config_errors(VALID, real.replace("224", "200"))
    assert "shuffle_blocks.size: expected one of 1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, which cut" in message


@pytest.mark.parametrize("change", ["shuffle_pixels", "shuffle_blocks: {size: 7}"])
@pytest.mark.parametrize(
    ("section", "path"),
    [
        ("tas: {targets: {shuffled: near}}", "tas.targets.shuffled"),
        ("similarity: {pretraining: {task: shuffled}}", "similarity.pretraining.task"),
        ("similarity: {finetuning: {cross: shuffled}}", "similarity.finetuning.cross"),
        ("anb: {splits: {similar: {task: shuffled}}}", "anb.splits.similar.task"),
        ("convergent: {task: shuffled}", "convergent.task"),
    ],
)
def test_what_all_seeds_are_shown_cannot_be_shuffled_by_the_seed(change, section, path, config_errors):
    expected = f"{path}: expected a task without shuffled images (each seed would have other ones), found 'shuffled'"
    assert f"config2.yaml:7: {expected}" in config_errors(VALID, SHUFFLED.replace("CHANGE", change) + section)
