"""What the claims of this paper are tested on, and how what is measured in each seed becomes evidence."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from transferscope import statistics
from transferscope.claims import Evidence, NotRun
from transferscope.tables import pairs
from transferscope.tables.pairs import Tables
from transferscope.terms.basins import TUNED

if TYPE_CHECKING:
    import pandas as pd

Found = TypeVar("Found")  # of one target


@dataclass(frozen=True)
class Case:
    """What a claim is tested on.

    tables: of this paper. roles: for each target, related or far. estimator: the column of similarity.csv that is CKA.
    """

    tables: Tables
    roles: Mapping[str, str]
    estimator: str

    def targets(self, table: "pd.DataFrame") -> list[str]:
        """The targets in a table. Raises NotRun if there is none."""
        found = [target for target in self.roles if target in pairs.targets(table)]
        if not found:
            raise NotRun("no target was trained on")
        return found

    def name(self, target: str) -> str:
        """A target in words: where AUC stands for accuracy, this is said."""
        return f"{target} (AUC)" if pairs.measure(self.tables.accuracy, target) == "auc" else target

    def by_accuracy(self, found: Mapping[str, Found]) -> dict[str, Found]:
        """What is found, of those targets alone whose networks are measured by accuracy. Raises NotRun if none is.

        For a limit in points of accuracy: AUC, of which chance has one half, has less far to fall.
        """
        kept = {
            target: each for target, each in found.items() if pairs.measure(self.tables.accuracy, target) == "accuracy"
        }
        if not kept:
            raise NotRun(f"networks are not measured by accuracy on {', '.join(found)}")
        return kept

    def shuffled(self, *roles: str) -> list[str]:
        """The targets with one of these roles whose images were shuffled, too. Raises NotRun if there is none."""
        accuracy = self.tables.accuracy
        found = [
            target
            for target in self.targets(accuracy)
            if self.roles[target] in roles and len(pairs.accuracies(accuracy, target, TUNED).columns) > 1
        ]
        if not found:
            raise NotRun(f"no {' or '.join(roles)} target was run with shuffled images")
        return found

    def cka(self, target: str, pair: str) -> "pd.DataFrame":
        """CKA of a pair by stage, as `pairs.similarity`."""
        return pairs.similarity(self.tables.similarity, target, pair, self.estimator)

    def drops(self, treatment: str) -> dict[str, "pd.DataFrame"]:
        """What rewinding a module costs on each explored target: a row a seed, a column a module.

        Raises NotRun for less than three modules.
        """
        modules, found = self.tables.modules, {}
        for target in self.targets(modules):
            found[target] = pairs.by_module(modules, target, treatment)
            if len(found[target].columns) < 3:
                missing = "a first module, a last one and a head"
                raise NotRun(f"no seed has rewound {treatment} with {missing} on {target}")
        return found

    def barriers(self, *names: str) -> dict[str, list["pd.Series"]]:
        """The barriers of these pairs on each explored target, by seed. Raises NotRun if no seed has one of them."""
        barriers, found = self.tables.barriers, {}
        for target in self.targets(barriers):
            of_pairs = pairs.by_seed(barriers, "barrier", "pair", target=target)
            missing = [pair for pair in names if pair not in of_pairs]
            if missing:
                raise NotRun(f"no seed has the path between {' or between '.join(missing)} on {target}")
            found[target] = [of_pairs[pair] for pair in names]
        return found

    def names(self, targets: Iterable[str]) -> str:
        """Several targets in words."""
        return ", ".join(map(self.name, targets))

    def by_checkpoint(self) -> dict[str, "pd.DataFrame"]:
        """Accuracy of P-T on each target by the epoch of P that it started from, as `pairs.from_checkpoints`.

        Targets that were not trained on from three checkpoints are left out, and those where networks are measured by
        AUC. Raises NotRun if all are.
        """
        accuracy = self.tables.accuracy
        found = {target: pairs.from_checkpoints(accuracy, target) for target in self.targets(accuracy)}
        several = {target: values for target, values in found.items() if len(values.columns) > 2}
        if not several:
            raise NotRun("no target was trained on from three checkpoints of P")
        return self.by_accuracy(several)


def evidence(found: Mapping[str, "pd.Series"], tested: str, limit: float = 0.0, below: bool = False) -> Evidence:
    """Evidence of named values, one a seed. Raises NotRun if no seed has all of them."""
    import pandas as pd

    values = pd.concat(found, axis=1).dropna()
    if values.empty:
        raise NotRun(f"no seed has all of: {'; '.join(found)}")
    return Evidence(values.to_numpy(), tested, limit, below, names=list(values))


def expect(where: "pd.DataFrame | pd.Series", what: str) -> None:
    """Raise NotRun if what is known by seeds is known of none."""
    if where.empty:
        raise NotRun(f"no seed has {what}")


def points(fraction: float) -> str:
    """A difference of accuracies in words."""
    return f"{100 * fraction:g} point{'' if fraction == 0.01 else 's'}"


def rank_correlation(values: "pd.DataFrame") -> "pd.Series":
    """Of each seed's values with their columns' order; what has no order has 0. Infinite values rank highest."""
    from scipy.stats import rankdata

    if len(values.columns) < 2:
        raise NotRun("one value has no order")
    order = np.arange(len(values.columns))
    return values.apply(
        lambda row: statistics.rank_correlation(order, rankdata(row)) if row.nunique() > 1 else 0.0, axis=1
    )


Measured = Callable[[Case], Evidence]
