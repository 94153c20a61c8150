"""A table joint.csv, and the three tables that it is made of, whose every value is known."""

import pandas as pd

from transferscope.tables import joint

# by layer from the bottom: lambda_S falls with depth, and so does accuracy, but at its first two layers
LAMBDAS = (0.98, 0.97, 0.93, 0.90, 0.62, 0.50, 0.30)
ACCURACIES = (0.89, 0.90, 0.86, 0.83, 0.80, 0.72, 0.60)
SIMILARITIES = (0.99, 0.98, 0.96, 0.90, 0.91, 0.80, 0.55)
BASES = {"A": 0.92, "B": 0.90}
SPREAD = {0: 0.0, 1: 0.004, 2: -0.004}  # by seed: it changes no order


def final_table(layers: int = 5, seeds: int = 3) -> pd.DataFrame:
    """Gates of the joint sweeps, and another one that has nothing to do with them."""
    rows = [
        {"target": "joint", "half": half, "seed": seed, "layer": layer, "initial": 0.5}
        | {"lambda_source": LAMBDAS[layer] + SPREAD[seed], "share": LAMBDAS[layer] ** 2}
        for seed in range(seeds)
        for half in "AB"
        for layer in range(layers)
    ]
    rows.append({"target": "AnB", "half": None, "seed": 0, "layer": 0, "initial": 0.9, "lambda_source": 0, "share": 0})
    # of a scratch network there is no layer: the column holds floats
    rows.append({"target": "AnA", "half": None, "seed": 0, "layer": None, "initial": None})
    return pd.DataFrame(rows)


def accuracy_table(layers: int = 5, seeds: int = 3) -> pd.DataFrame:
    """AnB between similar halves, with its base networks, and what a reader of the table must pass over."""
    rows = []
    for seed in range(seeds):
        for half, base in BASES.items():
            shared = {"split": "similar", "half": half, "seed": seed}
            rows.append(shared | {"treatment": "base", "n": None, "accuracy": base})
            for n in range(1, layers + 1):
                frozen = {"treatment": "transfer", "n": n, "accuracy": base * (ACCURACIES[n - 1] + SPREAD[seed])}
                rows += [shared | frozen, shared | frozen | {"treatment": "selffer", "accuracy": 0.1}]
                rows.append(shared | frozen | {"split": "dissimilar", "accuracy": 0.2})
    return pd.DataFrame(rows)


def change_table(layers: int = 5, seeds: int = 3) -> pd.DataFrame:
    rows = [
        {"seed": seed, "half": half, "n": n, "layer": f"conv{n}"}
        | {"cka": SIMILARITIES[n - 1] + SPREAD[seed] / 4, "cka_debiased": SIMILARITIES[n - 1] - 0.02}
        for seed in range(seeds)
        for half in "AB"
        for n in range(1, layers + 1)
    ]
    return pd.DataFrame(rows)


def joint_table(layers: int = 5, seeds: int = 3) -> pd.DataFrame:
    found = joint.rows(*(make(layers, seeds) for make in (final_table, accuracy_table, change_table)), "similar")
    return pd.DataFrame(found)
