"""A network module by module: what it costs to set each back, and how wide the valley on its way from there is."""

import copy
from collections.abc import Sequence

from torch import nn

from transferscope.landscape.criticality import TOLERANCE, criticality
from transferscope.landscape.path import settle
from transferscope.landscape.probe import Probe
from transferscope.landscape.valley import UNTOUCHED, rewind, valley
from transferscope.terms.basins import DIRECT, OPTIMISATION


def explore_modules(
    final: nn.Module,
    checkpoints: Sequence[nn.Module],
    test: Probe,
    train: Probe,
    statistics: Probe | None,
    alphas: Sequence[float],
    sigmas: Sequence[float],
    draws: int,
    seed: int,
) -> tuple[list[dict], list[dict]]:
    """What becomes of a network when one module at a time is set back, or moved and disturbed (figures 5 and 6).

    final, checkpoints, alphas, sigmas, draws, seed: as in `valley.valley`; with checkpoints after the initial one, the
        way of the optimisation is explored beside the direct one.
    test: examples on which modules are set back; train: those on which they are moved and disturbed.
    statistics: as in `path.along_path`.
    Returns two lists of rows. For each module and path: module, depth (from 0), path, distance (of the module's final
    from its initial value), rewound (test accuracy with the module at its initial value), accuracy (of the network),
    drop (accuracy - rewound; with two classes these three are AUC), mu and width (see `criticality.Criticality`). For
    each point beside: module, path, alpha, sigma, error and loss (on train, means over draws), epsilon (the error up to
    which a point passes). In both batch_norm, as in `path.along_path`: "interpolated" also where statistics are set
    back with their module.
    """
    scores = rewind(final, checkpoints[0], test, statistics)
    accuracy = scores.pop(UNTOUCHED).measured
    # the network's own error, with the statistics of batch norm that it has at every other point, too
    settled = copy.deepcopy(final).to(train.device)
    batch_norm = settle(settled, statistics)
    epsilon = 1 - train.score(settled).accuracy + TOLERANCE
    ways = {DIRECT: checkpoints[:1]} | ({OPTIMISATION: checkpoints} if len(checkpoints) > 1 else {})
    modules, points, of_network = [], [], {"epsilon": epsilon, "batch_norm": batch_norm}
    for depth, (module, rewound) in enumerate(scores.items()):
        drop = {"rewound": rewound.measured, "accuracy": accuracy, "drop": accuracy - rewound.measured}
        for path, way in ways.items():
            seen = valley(final, way, module, alphas, sigmas, draws, seed, train, statistics)
            found = criticality(seen.alphas, seen.distances, seen.sigmas, seen.errors, epsilon)
            where = {"module": module, "path": path}
            of_valley = {"distance": float(seen.distances[-1]), "mu": found.mu, "width": found.width}
            modules.append({**where, "depth": depth, **of_valley, **drop, "batch_norm": batch_norm})
            points += [
                {**where, "alpha": alpha, "sigma": sigma, "error": error, "loss": loss, **of_network}
                for alpha, errors, losses in zip(alphas, seen.errors.tolist(), seen.losses.tolist(), strict=True)
                for sigma, error, loss in zip(sigmas, errors, losses, strict=True)
            ]
    return modules, points
