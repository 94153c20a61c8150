"""The claims of Magai & Soroka 2023 about the Transferability Score (TAs), TAS-1 to TAS-7, over the table of scores."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from transferscope import statistics
from transferscope.claims import Claim, Evidence, NotRun, judge

if TYPE_CHECKING:
    import pandas as pd

VIT, RESNET, DENSENET = "ViT-B/16", "ResNet-50", "DenseNet-121"
PLATEAU = 0.005  # accuracy has plateaued if it changes by less, as a fraction, over the last fifth of the steps
STEADY = 0.05  # relative change of TAs that TAS-6 allows meanwhile
ZERO = 1e-6  # below this, TAs is rounding in float32 Gram matrices


@dataclass(frozen=True)
class Case:
    """What a claim is tested on.

    scores: rows of scores.csv of one estimator. cast: the model that stands for each of the paper's architectures.
    targets: the distance of each target, near, far or control. table_target: the target of Table 1.
    """

    scores: "pd.DataFrame"
    cast: Mapping[str, str]
    targets: Mapping[str, str]
    table_target: str

    def models(self, *architectures: str) -> list[str]:
        """The models that stand for these architectures. Raises NotRun if one is missing."""
        missing = [architecture for architecture in architectures if architecture not in self.cast]
        if missing:
            raise NotRun(f"no model stands for {' or '.join(missing)}")
        return [self.cast[architecture] for architecture in architectures]

    def targets_at(self, *distances: str) -> list[str]:
        """The targets at one of these distances. Raises NotRun if there is none."""
        found = [target for target, distance in self.targets.items() if distance in distances]
        if not found:
            raise NotRun(f"no target is {' or '.join(distances)}")
        return found

    def final(self, column: str, models: Sequence[str], targets: Sequence[str]) -> np.ndarray:
        """A column at the last checkpoint, (seeds, models, targets), of the seeds that have all of them.

        Raises NotRun if there is no such seed.
        """
        last = self.scores[self.scores["checkpoint"] == f"epoch{self.scores['epoch'].max():g}"]
        pairs = list(itertools.product(models, targets))
        by_seed = last.pivot(index="seed", columns=["model", "target"], values=column).reindex(columns=pairs).dropna()
        if by_seed.empty:
            raise NotRun(f"no seed has scores of {', '.join(models)} on {', '.join(targets)}")
        return by_seed.to_numpy().reshape(-1, len(models), len(targets))

    def of_table1(self, column: str) -> np.ndarray:
        """A column of Table 1, (3, seeds): of ViT-B/16, ResNet-50 and DenseNet-121."""
        return self.final(column, self.models(VIT, RESNET, DENSENET), [self.table_target])[:, :, 0].T


def evaluate(
    scores: "pd.DataFrame", roles: Mapping[str, str | None], targets: Mapping[str, str], table_target: str, scale: str
) -> list[dict]:
    """Every claim judged by the scores: rows with the keys `claims.COLUMNS`.

    scores: the table scores.csv. roles: for each model the paper's architecture that it stands for, or None.
    targets: for each target its distance, near, far or control. table_target: the target of Table 1.
    Verdicts are by biased CKA over all layers, as in the paper. Where several models stand for one architecture (the
    CNNs at two image sizes, say), claims that compare architectures have a row for each cast.
    """
    rows = []
    for claim in CLAIMS:
        for cast in _casts(roles):
            biased, debiased = (
                judge(claim.measured, Case(scores[scores["estimator"] == estimator], cast, targets, table_target))
                for estimator in ("biased", "debiased")
            )
            row = claim.row(biased, debiased["verdict"], scale)
            if row not in rows:
                rows.append(row)
    return rows


def _casts(roles: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Who stands for whom: the first model of each architecture, then the second, and so on.

    An architecture with fewer models than others keeps its last one.
    """
    models = {role: [model for model in roles if roles[model] == role] for role in (VIT, RESNET, DENSENET)}
    return [
        {role: names[min(take, len(names) - 1)] for role, names in models.items() if names}
        for take in range(max(1, *map(len, models.values())))
    ]


def _architectures_by_tas(case: Case) -> Evidence:
    vit, resnet, densenet = case.of_table1("tas")
    names = case.models(VIT, RESNET, DENSENET)
    tested = f"{' < '.join(f'TAs({name})' for name in names)} on {case.table_target}"
    return Evidence(np.column_stack([resnet - vit, densenet - resnet]), tested)


def _architectures_by_accuracy(case: Case) -> Evidence:
    vit, resnet, densenet = case.of_table1("top1")
    names = case.models(VIT, RESNET, DENSENET)
    tested = f"{' > '.join(f'accuracy({name})' for name in names)} on {case.table_target}"
    return Evidence(np.column_stack([vit - resnet, resnet - densenet]), tested)


def _rank_of_tas_and_accuracy(case: Case) -> Evidence:
    pairs = zip(case.of_table1("tas").T, case.of_table1("top1").T, strict=True)
    # ties all through leave no ranks to correlate
    ranks = [statistics.rank_correlation(*pair) if all(map(np.ptp, pair)) else 0.0 for pair in pairs]
    tested = f"rank correlation is -1 over {', '.join(case.models(VIT, RESNET, DENSENET))} on {case.table_target}"
    return Evidence(ranks, tested, limit=-1 + 1e-9, below=True)


def _far_above_near(case: Case) -> Evidence:
    models, far, near = case.models(RESNET, VIT), case.targets_at("far"), case.targets_at("near")
    tas = case.final("tas", models, far + near)
    margins = tas[:, :, : len(far), None] - tas[:, :, None, len(far) :]
    tested = f"TAs on each of {', '.join(far)} > TAs on each of {', '.join(near)}, for {' and '.join(models)}"
    return Evidence(margins, tested)


def _transformer_below_cnn(case: Case) -> Evidence:
    models, targets = case.models(VIT, RESNET), case.targets_at("near", "far")
    vit, resnet = np.moveaxis(case.final("tas", models, targets), 1, 0)
    tested = f"TAs({models[0]}) < TAs({models[1]}) on each of {', '.join(targets)}"
    return Evidence(resnet - vit, tested)


def _steady_at_plateau(case: Case) -> Evidence:
    """The largest relative change of TAs in each seed, over its runs whose accuracy has plateaued."""
    transfers = case.scores[case.scores["target"].isin(case.targets_at("near", "far"))]
    runs = [run.sort_values("step") for _, run in transfers.groupby(["model", "target", "seed"])]
    steady = [end for end in map(_last_fifth, runs) if np.ptp(end["top1"]) < PLATEAU]
    if not steady:
        raise NotRun(f"test accuracy has plateaued in none of {len(runs)} runs")
    worst = {}
    for end in steady:
        seed, change = end["seed"].iloc[0], np.ptp(end["tas"]) / max(end["tas"].max(), ZERO)
        worst[seed] = max(change, worst.get(seed, 0.0))
    tested = f"TAs changes by < {STEADY:.0%} in each of {len(steady)} runs (of {len(runs)}) that have plateaued"
    return Evidence(list(worst.values()), tested, limit=STEADY, below=True)


def _last_fifth(run: "pd.DataFrame") -> "pd.DataFrame":
    """The checkpoints that span the last fifth of a run's steps, from the last one before it on."""
    steps = run["step"]
    return run[steps >= steps[5 * steps <= 4 * steps.max()].max()]


def _nothing_moved_at_step_0(case: Case) -> Evidence:
    start = case.scores[case.scores["checkpoint"] == "epoch0"]
    if start.empty:
        raise NotRun("no scores of epoch 0")
    worst = start.groupby("seed")["tas_without_head"].max()
    runs = len(start[["model", "target", "seed"]].drop_duplicates())
    return Evidence(worst, f"TAs without head is < {ZERO:g} at epoch 0 of each of {runs} runs", limit=ZERO, below=True)


_NEEDS_PRETRAINING = (
    "not to be expected at demo scale: small vision transformers without large-scale pre-training transfer worse than "
    "small CNNs"
)
CLAIMS = (
    Claim(
        "TAS-1",
        "CIFAR-10: TAs(ViT-B/16) < TAs(ResNet-50) < TAs(DenseNet-121)",
        "smallest margin in TAs",
        _architectures_by_tas,
        at_demo=_NEEDS_PRETRAINING,
    ),
    Claim(
        "TAS-2",
        "CIFAR-10: accuracy(ViT-B/16) > accuracy(ResNet-50) > accuracy(DenseNet-121)",
        "smallest margin in accuracy",
        _architectures_by_accuracy,
        at_demo=_NEEDS_PRETRAINING,
    ),
    Claim(
        "TAS-3",
        "CIFAR-10: over the three architectures the rank correlation of TAs with accuracy is -1",
        "rank correlation",
        _rank_of_tas_and_accuracy,
        caveat="almost no evidence: three architectures have this order with probability 1/6 by chance",
        at_demo=_NEEDS_PRETRAINING,
    ),
    Claim(
        "TAS-4",
        "ResNet-50 and ViT-B/16: min(TAs(PCAM), TAs(EuroSAT)) > max(TAs(DTD), TAs(CIFAR-10), TAs(Cars))",
        "smallest margin in TAs",
        _far_above_near,
        at_demo="at demo scale to be expected of the CNN, not of an under-trained vision transformer",
    ),
    Claim(
        "TAS-5",
        "on each of the five targets: TAs(ViT-B/16) < TAs(ResNet-50)",
        "smallest margin in TAs",
        _transformer_below_cnn,
        at_demo=_NEEDS_PRETRAINING,
    ),
    Claim(
        "TAS-6",
        "where test accuracy changes by < 0.5 points over the last 20 % of steps, TAs changes by < 5 % meanwhile",
        "largest relative change of TAs",
        _steady_at_plateau,
        at_demo="at demo scale accuracy may still rise when fine-tuning ends",
    ),
    Claim(
        "TAS-7",
        "TAs without head is 0 at step 0, with the body untouched",
        "largest TAs without head",
        _nothing_moved_at_step_0,
    ),
)
