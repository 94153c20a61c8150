"""Random draws named by seed and purpose."""

import numpy as np
import pytest
import torch

from transferscope import randomness


def test_every_seed_and_every_purpose_has_draws_of_its_own():
    seeds = {
        randomness.seed_for(seed, *purpose)
        for seed in range(20)
        for purpose in [(), ("order",), ("order", 1), ("order", 11), ("order", "1"), ("forward", 1), ("ord", "er1")]
    }
    assert len(seeds) == 20 * 7
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_seeds_are_the_same_on_every_machine_and_for_ever():
    assert randomness.seed_for(3, "order", 1) == 9181715853084680002


@pytest.mark.parametrize(
    "draw",
    [
        lambda *name: randomness.numpy_generator(*name).standard_normal(4),
        lambda *name: torch.randn(4, generator=randomness.torch_generator(*name)).numpy(),
    ],
    ids=["numpy", "torch"],
)
def test_draws_repeat_whatever_was_drawn_before(draw):
    first = draw(0, "head")
    draw(0, "order", 5)
    assert np.array_equal(draw(0, "head"), first)
    assert not np.array_equal(draw(1, "head"), first)
