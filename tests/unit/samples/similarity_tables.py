"""The tables similarity.csv and history.csv of runs that never were, in which every claim of the paper is true."""

import itertools

import numpy as np
import pandas as pd

LAYERS = ["block1", "block2", "block3", "block4", "head"]
DEPTH = np.arange(5) / 4
DEGREES = (0, 3, 9)
SIZES = (100, 1000)
FIXED = {"pretrain": 8, "finetune": 6}
CHECKPOINTS = {"pretrain": (0, 1, 4, 8), "finetune": (0, 3, 6)}
# epochs until labels are memorised: true ones; random and shifted ones
TRUE, GOES_ON = 12, 30
# how much further from 1 each measure is
MEASURES = {"cka": 1.0, "cka_debiased": 1.1, "rsa": 1.2}


def runs(degrees=DEGREES, sizes=SIZES) -> list[dict]:
    """The columns that name a run, of every run."""
    found = [("pretrain", "random", d, None, f"pretrain-random{d}") for d in degrees]
    found += [("pretrain", "size", 9, n, f"pretrain-random9-size{n}") for n in sizes]
    found += [("finetune", "random", d, None, f"finetune-random{d}") for d in degrees]
    found += [
        ("finetune", "shifted", None, None, "finetune-shifted1"),
        ("finetune", "cross", 0, None, "finetune-cross"),
    ]
    found += [("finetune", "cross random", 9, None, "finetune-cross-random9")]
    return [dict(zip(("phase", "condition", "randomness", "size", "run"), run, strict=True)) for run in found]


def final(run: dict) -> dict[str, np.ndarray]:
    """Similarity of each layer at the end of a run to each reference."""
    d, null = run["randomness"], {"other seed": 0.5 - 0.3 * DEPTH}
    match run["phase"], run["condition"]:
        case "pretrain", "random":
            return null | {"init": 0.90 - 0.55 * DEPTH + 0.008 * d}
        case "pretrain", "size":
            decades = np.log10(run["size"])
            return null | {"init": 0.995 - (0.002 + 0.125 * DEPTH) * decades}
        case _, "random":
            init = 0.88 - 0.60 * DEPTH + (0.19 * DEPTH - 0.08) * d / 9
            return null | {"pre": 1 - 0.05 * DEPTH - (0.03 + 0.04 * DEPTH) * d, "init": init}
        case _, "shifted":
            return null | {"pre": 0.90 - 0.15 * DEPTH, "init": 0.86 - 0.5 * DEPTH}
        case _, "cross":
            return null | {"pre": 0.85 - 0.20 * DEPTH, "init": 0.83 - 0.5 * DEPTH}
    return null | {"pre": 0.60 - 0.40 * DEPTH, "init": 0.65 - 0.4 * DEPTH}


def epochs_of(run: dict) -> int:
    """Epochs until a run ended."""
    return TRUE if run["randomness"] == 0 else GOES_ON


def similarity_table(seeds=range(4), degrees=DEGREES, sizes=SIZES) -> pd.DataFrame:
    """similarity.csv: seeds are alike; a run approaches its final similarities by halves."""
    rows = []
    for run, seed in itertools.product(runs(degrees, sizes), seeds):
        probe = "digits" if "cross" in run["condition"] else "fashion"
        moments = [(f"epoch{epoch}", epoch) for epoch in CHECKPOINTS[run["phase"]]] + [("end", epochs_of(run))]
        for checkpoint, epoch in moments:
            row = {**run, "seed": seed, "checkpoint": checkpoint, "epoch": epoch, "step": 10 * epoch, "probe": probe}
            similarities = {name: 1 - (1 - values) * (1 - 0.5**epoch) for name, values in final(run).items()}
            if checkpoint == "epoch0" and run["run"] == "pretrain-random0":
                similarities["untrained"] = 0.6 - 0.1 * DEPTH
            for reference, values in similarities.items():
                for (layer, value), (measure, factor) in itertools.product(
                    zip(LAYERS, values, strict=True), MEASURES.items()
                ):
                    value = 1 - factor * (1 - value)
                    rows.append({**row, "reference": reference, "layer": layer, "measure": measure, "value": value})
    # runs from scratch are seen on images of the other domain, too: of interest of untrained nets alone
    scratch = [row for row in rows if row["phase"] == "pretrain"]
    elsewhere = [
        {**row, "probe": "digits", "value": 0.9 * row["value"] if row["reference"] == "untrained" else -1.0}
        for row in scratch
    ]
    return pd.DataFrame(elsewhere + rows)


def history_table(seeds=range(4)) -> pd.DataFrame:
    """history.csv: the more random the labels, the higher the loss; in the end all are memorised."""
    rows = []
    for run, seed in itertools.product(runs(), seeds):
        d = run["randomness"] or 0
        for epoch in range(epochs_of(run) + 1):
            done = 1 - 0.5 ** (10 * epoch / epochs_of(run))
            row = {**run, "seed": seed, "epoch": epoch, "step": 10 * epoch}
            test = 0.1 + 0.75 * (1 - d / 9) * done
            rows.append({**row, "split": "test", "loss": 1 + d / 9, "top1": test})
            if epoch:
                rows.append({**row, "split": "train", "loss": (1 + d) * 0.8**epoch, "top1": 0.1 + 0.895 * done})
    return pd.DataFrame(rows)
