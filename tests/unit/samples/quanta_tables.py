"""Tables of networks with a gate as training leaves them: every value is known, and every claim holds."""

import numpy as np
import pandas as pd

from transferscope.terms.quanta import ANA, ANB, PERMUTED, SOURCE, TRAINED, UNGATED, UNTRAINED

# λ_S at layers 0 to 6 in the end, from 0.9: AnA dips at layer 3, AnB falls at 6, much as the paper draws them
ENDS = {
    ANA: (0.99, 0.98, 0.97, 0.85, 0.95, 0.93, 0.88),
    ANB: (0.97, 0.96, 0.95, 0.92, 0.91, 0.88, 0.6),
}
LESS = {0.9: 0.0, 0.8: 0.03, 0.75: 0.04, 0.5: 0.13}  # λ_S ends lower, by initial value
CLOSED = {TRAINED: 0.0, PERMUTED: 0.15, UNTRAINED: 0.25}  # and to sources without the source's task
MOVED = {0.1: -0.08, 1: 0.0, 10: 0.02}  # where it ends at other learning rates of the gates
ACCURACY = {ANA: 0.849, ANB: 0.59}  # at layer 0
DECLINE = {ANA: 0.0, ANB: 0.006}  # of accuracy, from layer to layer
SCRATCH = {ANA: 0.83, ANB: 0.55}
SOURCE_ACCURACY = 0.84
GUESS = {ANA: 0.1, ANB: 0.01}
SHARE = 0.9  # of λ_S is the functional share
SPREAD = {0: 0.0, 1: 0.001, 2: -0.001}  # by seed: no claim turns on it, and it leaves the mean as it is
CONTROL_INITIAL = 0.5  # of gates to other sources, and of those at other learning rates
EPOCHS, LAST_EPOCHS = 12, 2


def end(target: str, layer: int, initial: float, source: str = TRAINED, rate_factor: float = 1) -> float:
    """The mean over seeds of λ_S in the end."""
    return ENDS[target][layer] - LESS[initial] - CLOSED[source] + MOVED[rate_factor]


def accuracy(target: str, layer: int, initial: float = 0.9) -> float:
    """The mean over seeds of accuracy in the end, a fraction."""
    return ACCURACY[target] - DECLINE[target] * layer - 0.005 * (0.9 - initial)


def quanta_tables(
    layers: int = 7, seeds: int = 3, repeats: int = 1, initials: tuple[float, ...] = (0.9, 0.75, 0.5)
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """final.csv and history.csv of a net with so many layers, up to 7."""
    final, history = [], []
    for seed in range(seeds):
        for repeat in range(repeats):
            for network in _networks(layers, initials):
                named = network | {"seed": seed, "repeat": repeat}
                course = _course(**network, shift=SPREAD[seed] + 0.002 * (repeat - (repeats - 1) / 2))
                sweep = f"{network['target']}-{network['source']}"
                history += [{"sweep": sweep, **named, **row} for row in course]
                final.append(named | _final(course))
        final.append({"target": SOURCE, "source": UNGATED, "seed": seed, "repeat": 0} | _source(SPREAD[seed]))
    return pd.DataFrame(final), pd.DataFrame(history)


def _networks(layers: int, initials: tuple[float, ...]) -> list[dict]:
    found = []
    for target in (ANA, ANB):
        found.append({"target": target, "source": UNGATED} | dict.fromkeys(("layer", "initial", "rate_factor"), np.nan))
        for layer in range(layers):
            gated = {"target": target, "layer": layer, "source": TRAINED, "rate_factor": 1}
            found += [gated | {"initial": initial} for initial in initials]
            if target == ANB:
                gated["initial"] = CONTROL_INITIAL
                found += [gated | {"source": one} for one in (UNTRAINED, PERMUTED)]
                found += [gated | {"rate_factor": factor} for factor in MOVED if factor != 1]
    return found


def _course(target: str, source: str, layer: float, initial: float, rate_factor: float, shift: float) -> list[dict]:
    """A network's lines on test images, and one on training images that nothing is to be read from."""
    epochs = np.arange(EPOCHS + 1)
    scratch = source == UNGATED
    top1 = (SCRATCH[target] if scratch else accuracy(target, layer, initial)) + shift
    progress = np.minimum(1, epochs / (EPOCHS - LAST_EPOCHS + 1))
    gate = np.full(len(epochs), np.nan)
    if not scratch:
        gate = _gate(end(target, layer, initial, source, rate_factor), initial, epochs) + shift * progress
    right = GUESS[target] + (top1 - GUESS[target]) * progress
    tested = pd.DataFrame(
        {
            **{"epoch": epochs, "step": 10 * epochs, "split": "test", "loss": 2.5 - 2 * progress},
            **dict.fromkeys(("top1", "top3", "precision", "recall"), right),
            **{"seconds": 1.0, "lambda_source": gate, "share": SHARE * gate},
        }
    ).to_dict("records")
    return [*tested, tested[-1] | {"split": "train", "top1": 0.0, "lambda_source": 0.0}]


def _gate(final: float, initial: float, epochs: np.ndarray) -> np.ndarray:
    """λ_S over the epochs, from its initial value to the final one, which it has in the last of them."""
    settled = EPOCHS - LAST_EPOCHS + 1
    corners = {0.5: (0, 4, settled), 0.75: (0, 1, settled)}.get(initial, (0, settled))
    between = {0.5: [max(final - 0.05, 0.55)], 0.75: [0.7]}.get(initial, [])
    return np.interp(epochs, corners, [initial, *between, final])


def _final(course: list[dict]) -> dict:
    """A network's line in final.csv, of its lines in history.csv."""
    tested = pd.DataFrame([row for row in course if row["split"] == "test"])
    columns = ["lambda_source", "share", "loss", "top1", "top3", "precision", "recall"]
    before = {f"{column}_before": tested[column].iloc[0] for column in ("loss", "top1")}
    return tested[columns].tail(LAST_EPOCHS).mean().to_dict() | before | {"epochs": EPOCHS}


def _source(shift: float) -> dict:
    top1 = SOURCE_ACCURACY + shift
    known = {"loss": 0.5, "top1": top1, "top3": top1, "precision": top1, "recall": top1}
    unknown = dict.fromkeys(("layer", "initial", "rate_factor", "lambda_source", "share"), np.nan)
    return unknown | known | {"loss_before": 2.5, "top1_before": 0.1, "epochs": EPOCHS}
