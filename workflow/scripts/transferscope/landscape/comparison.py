"""Networks compared in pairs: what they compute, what they get wrong, where they lie and what lies between them.

Everywhere, `networks` are found by name, `pairs` are (what the two are to each other, name of one, name of the other),
and each row has a key `pair` with the first of these.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from transferscope.landscape.barrier import barriers
from transferscope.landscape.distance import BODY, distances
from transferscope.landscape.mistakes import shared_mistakes
from transferscope.landscape.path import along_path
from transferscope.landscape.probe import Probe
from transferscope.layer_change import block_grams
from transferscope.similarity.cka import layerwise_cka
from transferscope.terms.basins import TOTAL

Networks = Mapping[str, nn.Module]
Pairs = Iterable[tuple[str, str, str]]


def mistake_rows(networks: Networks, pairs: Pairs, probe: Probe) -> list[dict]:
    """What each pair gets wrong of a probe's examples: see `mistakes.shared_mistakes`.

    Keys: common (both wrong), first_only, second_only, neither, same_label (both wrong with the same label), jaccard
    and kappa.
    """
    pairs = list(pairs)
    guesses = {name: probe.score(networks[name]).guesses for name in _members(pairs)}
    rows = []
    for pair, one, other in pairs:
        found = shared_mistakes(guesses[one], guesses[other], probe.labels)
        counts = {
            **{"common": found["both_wrong"], "first_only": found["one_wrong"], "second_only": found["other_wrong"]},
            **{"neither": found["both_right"], "same_label": found["alike_wrong"]},
        }
        rows.append({"pair": pair, **counts, "jaccard": found["jaccard"], "kappa": found["kappa"]})
    return rows


def similarity_rows(
    networks: Networks,
    pairs: Pairs,
    inputs: Callable[[np.ndarray, torch.device], Tensor],
    images: np.ndarray,
    device: torch.device | str,
    precision: str = "fp32",
) -> list[dict]:
    """Linear CKA of each pair, layer by layer below the head: layer, cka (biased) and cka_debiased.

    inputs, images, precision: as in `layer_change.block_grams`. Raises InputError if a layer is constant.
    """
    pairs = list(pairs)
    grams = {name: block_grams(networks[name], inputs, images, device, precision) for name in _members(pairs)}
    rows = []
    for pair, one, other in pairs:
        similarity = layerwise_cka(grams[one], grams[other])
        numbers = zip(grams[one].layers, similarity["biased"].tolist(), similarity["debiased"].tolist(), strict=True)
        rows += [
            {"pair": pair, "layer": layer, "cka": cka, "cka_debiased": debiased} for layer, cka, debiased in numbers
        ]
    return rows


def distance_rows(networks: Networks, pairs: Pairs) -> list[dict]:
    """How far the parameters of each pair are apart: module and distance, TOTAL for all modules but the head."""
    rows = []
    for pair, one, other in pairs:
        for module, distance in distances(networks[one], networks[other]).items():
            rows.append({"pair": pair, "module": TOTAL if module == BODY else module, "distance": distance})
    return rows


def path_rows(
    networks: Networks,
    pairs: Pairs,
    points: int,
    beyond: float,
    probe: Probe,
    statistics: Probe | None = None,
) -> tuple[list[dict], list[dict]]:
    """What is seen along the straight line through each pair, and the barriers between the two.

    points: between the two networks, both included; as dense on beyond them, up to `beyond` of their distance.
    probe, statistics: as in `path.along_path`.
    Returns rows with t, loss, top1, auc (with two classes, else None) and batch_norm, and a row a pair with barrier (of
    accuracy; with two classes of AUC) and loss_barrier.
    """
    seen, heights = [], []
    for pair, one, other in pairs:
        path = along_path(networks[one], networks[other], positions(points, beyond), probe, statistics)
        quality = "accuracy" if path[0]["auc"] is None else "auc"
        t, height, loss = (np.array([row[key] for row in path]) for key in ("t", quality, "loss"))
        barrier, loss_barrier = barriers(t, height, loss)
        seen += [{"pair": pair, "top1": row.pop("accuracy"), **row} for row in path]
        heights.append({"pair": pair, "barrier": barrier, "loss_barrier": loss_barrier})
    return seen, heights


def positions(points: int, beyond: float) -> list[float]:
    """Evenly spaced t: so many from 0 to 1, both included, and beyond them all within -beyond and 1 + beyond."""
    # what lies on the edge lies within, whatever the rounding
    more = int(beyond * (points - 1) + 1e-9)
    return (np.arange(-more, points + more) / (points - 1)).tolist()


def _members(pairs: Iterable[tuple[str, str, str]]) -> dict[str, None]:
    """The networks of some pairs, each once."""
    return dict.fromkeys(name for _, *members in pairs for name in members)
