"""What becomes of a network when one of its modules is rewound, or moved and disturbed, the others being final.

Neyshabur et al. 2020, figures 5 (rewinding) and 6 (valleys); Chatterji, Neyshabur & Sedghi 2020.
"""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.landscape.distance import distance
from transferscope.landscape.modules import expect_same_shapes, parameters_by_module, tensors_by_module
from transferscope.landscape.path import set_between, settle, state_of
from transferscope.landscape.probe import Probe, Score
from transferscope.randomness import torch_generator

UNTOUCHED = "(none)"  # in the place of a module: none of them is rewound


@dataclass(frozen=True)
class Valley:
    """Error and loss around a module's way from its initial to its final value.

    alphas: (A,), how far along the way, as fractions of its length. sigmas: (S,), standard deviations of the noise.
    distances: (A,), of the module's parameters from their initial values, without noise.
    errors, losses: (A, S), of the network on the probe, means over draws of the noise; an error is 1 - accuracy.
    """

    alphas: np.ndarray
    sigmas: np.ndarray
    distances: np.ndarray
    errors: np.ndarray
    losses: np.ndarray


def rewind(final: nn.Module, initial: nn.Module, probe: Probe, statistics: Probe | None = None) -> dict[str, Score]:
    """What a network makes of a probe when one module is set back to its initial value, buffers included.

    final, initial: the same network after its training and before (for fine-tuning: pre-trained weights below its own
        new head) or at any checkpoint between; neither is changed.
    probe: the examples, test images in the paper. statistics: as in `path.along_path`.
    Returns the score by module, in the network's order, the head last, after that of the network itself, UNTOUCHED.
    Raises InputError if the architectures differ.
    """
    start, end = (state_of(each, probe.device) for each in (initial, final))
    expect_same_shapes(end, start)
    network = copy.deepcopy(final).to(probe.device)
    scores = {}
    for module, names in {UNTOUCHED: [], **tensors_by_module(network)}.items():
        set_between(network, start, end, 1)
        set_between(network, end, start, 1, names)
        settle(network, statistics)
        scores[module] = probe.score(network)
    return scores


def valley(
    final: nn.Module,
    checkpoints: Sequence[nn.Module],
    module: str,
    alphas: Sequence[float],
    sigmas: Sequence[float],
    draws: int,
    seed: int,
    probe: Probe,
    statistics: Probe | None = None,
) -> Valley:
    """A network's error while one module is moved along its way from initial to final value and disturbed by noise.

    final: the trained network. checkpoints: the same network before its training and, where the way shall be that of
        the optimisation, at later times, in order: the way then leads straight from each to the next. With the initial
        one alone it is the straight way. None of them is changed.
    module: one of `modules.tensors_by_module`. alphas: positions in [0, 1] along the way.
    sigmas: noise u ~ N(0, sigma^2 I) is added to all the module's parameters: the same at all alphas, another for each
        seed, module, sigma and draw. draws: for each sigma but 0.
    probe: the examples, training images for `criticality`. statistics: as in `path.along_path`; without them the
        module's own go along with its parameters.
    Raises InputError if the architectures differ, KeyError if there is no such module.
    """
    network = copy.deepcopy(final).to(probe.device)
    way = _Way(network, [state_of(each, probe.device) for each in (*checkpoints, final)], module)
    errors, losses = np.zeros((2, len(alphas), len(sigmas)))
    for column, sigma in enumerate(sigmas):
        repeats = draws if sigma else 1
        for draw in range(repeats):
            noise = way.noise(sigma, torch_generator(seed, "valley", module, f"{sigma:g}", draw))
            for row, alpha in enumerate(alphas):
                way.go_to(alpha, noise)
                settle(network, statistics)
                score = probe.score(network)
                errors[row, column] += 1 - score.accuracy
                losses[row, column] += score.loss
        errors[:, column] /= repeats
        losses[:, column] /= repeats
    distances = np.array([way.distance_at(alpha) for alpha in alphas])
    return Valley(np.array(alphas), np.array(sigmas), distances, errors, losses)


class _Way:
    """The way of one module of a network, straight from each state to the next."""

    def __init__(self, network: nn.Module, states: Sequence[dict[str, Tensor]], module: str):
        for state in states:
            expect_same_shapes(states[-1], state)
        self._network, self._states = network, states
        self._tensors, self._parameters = tensors_by_module(network)[module], parameters_by_module(network)[module]
        steps = [distance(*pair, self._parameters) for pair in itertools.pairwise(states)]
        self._reached = np.concatenate([[0.0], np.cumsum(steps)])
        self._length = float(self._reached[-1])

    def go_to(self, alpha: float, noise: dict[str, Tensor]) -> None:
        """Set the module to the point at a fraction of the way's length, and add the noise."""
        # the last state that is reached by then, but never the end itself: there is no way from there
        part = min(np.searchsorted(self._reached, alpha * self._length, side="right"), len(self._states) - 1) - 1
        behind, ahead = self._reached[part], self._reached[part + 1]
        t = (alpha * self._length - behind) / (ahead - behind) if ahead > behind else alpha
        set_between(self._network, self._states[part], self._states[part + 1], float(t), self._tensors)
        state = self._network.state_dict()
        for name, values in noise.items():
            state[name].add_(values)

    def noise(self, sigma: float, generator: torch.Generator) -> dict[str, Tensor]:
        """Gaussian noise for each of the module's parameters."""
        state = self._states[-1]
        return {
            name: (sigma * torch.randn(state[name].shape, generator=generator)).to(state[name])
            for name in self._parameters
        }

    def distance_at(self, alpha: float) -> float:
        self.go_to(alpha, {})
        return distance(self._network.state_dict(), self._states[0], self._parameters)
