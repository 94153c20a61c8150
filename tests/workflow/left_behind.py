"""What runs leave behind: a table, all matrices, and whether two runs left the same."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / name, comment="#")


def matrices(folder: Path) -> dict[str, np.ndarray]:
    """Every similarity matrix of a run, by file and name."""
    found = {}
    for path in sorted(folder.glob("results/tas/similarity/*/*.h5")):
        with h5py.File(path) as file:
            name = str(path.relative_to(folder))
            file.visititems(
                lambda key, item, name=name: (
                    found.update({f"{name}:{key}": item[()]}) if hasattr(item, "shape") else None
                )
            )
    return found


def assert_same_results(one: Path, other: Path):
    name = "tas/tables/scores.csv"
    pd.testing.assert_frame_equal(table(one, name), table(other, name), check_exact=True)
    ours, theirs = matrices(one), matrices(other)
    assert ours.keys() == theirs.keys() and len(ours) > 0
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
