"""The training runs of Orhand et al. 2021 (QUANTA): source networks, and sweeps of target networks with a gate."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transferscope.runs.anb import anb_runs
from transferscope.runs.training import TrainingRun
from transferscope.terms.anb import BASE, HALVES
from transferscope.terms.quanta import ANA, ANB, PERMUTED, SOURCE, TRAINED, UNGATED, UNTRAINED

if TYPE_CHECKING:
    import pandas as pd

JOINT = "joint"  # the target of the gates on base networks of Yosinski et al., beside ANA and ANB
# names of the runs that the source networks are from; an untrained one is from none
SOURCE_RUNS = {TRAINED: "source", PERMUTED: "source-permuted"}

TESTED = ("loss", "top1", "top3", "precision", "recall")
MEASURES = ("lambda_source", "share", *TESTED)


@dataclass(frozen=True)
class Network:
    """A target network of a sweep.

    name:    unique in its sweep: "layer3-initial0.9-repeat0", or "scratch-repeat0".
    repeat:  which of the initialisations beside one source network.
    layer:   number of the layer with the gate, from 0 as in the paper: not the n of Yosinski et al., which counts
             layers and is one more. None: the network has no gate, and no source.
    initial: the gate's lambda_S before the first step, strictly between 0 and 1; None without a gate.
    """

    name: str
    repeat: int
    layer: int | None = None
    initial: float | None = None

    @classmethod
    def gated(cls, repeat: int, layer: int, initial: float) -> "Network":
        """The network with a gate at this layer."""
        return cls(f"layer{layer}-initial{initial}-repeat{repeat}", repeat, layer, initial)

    @classmethod
    def scratch(cls, repeat: int) -> "Network":
        """The network without a gate."""
        return cls(f"scratch-repeat{repeat}", repeat)


@dataclass(frozen=True)
class Sweep:
    """Networks that are trained side by side on the same batches of images, to be repeated with each seed.

    name:     unique among the sweeps of the paper, and fit for file names: "AnA", "AnB-permuted", "AnB-rate0.1" (of the
              gates' learning rate), "AnB-repeats5-9" (the others are in other sweeps), "joint-A-B" (gates on the base
              network of half A, trained on half B).
    target:   "AnA" (the source's own task), "AnB" (another) or "joint" (a half of the classes, as in Yosinski et al.).
    source:   the source network that all gates have in common: "trained", "untrained", "permuted", or, if joint, the
              name of a base run of Yosinski et al.
    half:     if joint, the half of the classes that is trained on, "A" or "B".
    task:     for `data.tasks.load`, with the sweep's seed: an entry under `tasks`.
    recipe:   the fields of a `training.recipe.Recipe`.
    gate_learning_rate: of the gates' parameters, eta_v in the paper.
    rate_factor: how many times that of all other sweeps it is: 1 but where this is what is compared.
    networks: those trained; mappings of their fields become networks.
    """

    name: str
    target: str
    source: str
    half: str | None
    task: Mapping
    recipe: Mapping
    gate_learning_rate: float
    rate_factor: float
    networks: tuple[Network, ...]

    def __post_init__(self):
        networks = [Network(**each) if isinstance(each, Mapping) else each for each in self.networks]
        # the one way to set a field of a frozen dataclass
        object.__setattr__(self, "networks", tuple(networks))

    @property
    def source_run(self) -> str | None:
        """Name of the run whose last weights the source network has: a `TrainingRun` or a base run; None: untrained."""
        return None if self.source == UNTRAINED else SOURCE_RUNS.get(self.source, self.source)


def quanta_sources(config: Mapping) -> list[TrainingRun]:
    """The source networks that have to be trained, that of the paper first: "source", then "source-permuted".

    The labels of the latter say nothing of its images.
    config: as `configuration.load` returns it, with a section `quanta`.
    """
    task, recipe = config["tasks"][config["quanta"]["source"]], config["quanta"]["recipe"]
    runs = [TrainingRun(SOURCE_RUNS[TRAINED], task, recipe)]
    if PERMUTED in _control_sources(config):
        permuted = {**task, "labels": {**task.get("labels", {}), "permuted": True}}
        runs.append(TrainingRun(SOURCE_RUNS[PERMUTED], permuted, recipe))
    return runs


def quanta_sweeps(config: Mapping) -> list[Sweep]:
    """The sweeps of Orhand et al. 2021, those with other sources or learning rates, and last those of the joint figure.

    config: as `configuration.load` returns it, with a section `quanta`.
    A sweep of the paper's has a gate at each layer, from each initial value, one a network, and a network without any,
    all this in as many repeats as the config lets share a sweep.
    """
    return [*_papers(config), *_controls(config), *_sensitivity(config), *_joint(config)]


def _papers(config: Mapping) -> Iterator[Sweep]:
    paper = config["quanta"]
    gates = list(itertools.product(paper["layers"], paper["initial"]))
    for suffix, repeats in _shared_repeats(paper):
        networks = [Network.gated(repeat, *gate) for repeat in repeats for gate in gates]
        networks += [Network.scratch(repeat) for repeat in repeats]
        for target in (ANA, ANB):
            yield _sweep(config, target + suffix, target, TRAINED, networks)


def _controls(config: Mapping) -> Iterator[Sweep]:
    for source in _control_sources(config):
        for suffix, networks in _gated_from(config["quanta"], config["quanta"]["controls"]["initial"]):
            yield _sweep(config, f"{ANB}-{source}{suffix}", ANB, source, networks)


def _sensitivity(config: Mapping) -> Iterator[Sweep]:
    asked = config["quanta"].get("sensitivity", {"factors": []})
    for factor in asked["factors"]:
        for suffix, networks in _gated_from(config["quanta"], asked["initial"]):
            yield _sweep(config, f"{asked['target']}-rate{factor}{suffix}", asked["target"], TRAINED, networks, factor)


def _gated_from(paper: Mapping, initial: float) -> Iterator[tuple[str, list[Network]]]:
    """The networks of a sweep whose gates have one initial value, at each layer, and what its name ends with."""
    for suffix, repeats in _shared_repeats(paper):
        yield suffix, [Network.gated(*gate) for gate in itertools.product(repeats, paper["layers"], [initial])]


def _shared_repeats(paper: Mapping) -> Iterator[tuple[str, range]]:
    """The repeats that share a sweep, and what its name ends with, nothing where it has them all."""
    size = paper["repeats_per_sweep"] or paper["repeats"]
    for first in range(0, paper["repeats"], size):
        repeats = range(first, min(first + size, paper["repeats"]))
        yield "" if len(repeats) == paper["repeats"] else f"-repeats{repeats[0]}-{repeats[-1]}", repeats


def _joint(config: Mapping) -> Iterator[Sweep]:
    joint = config["quanta"].get("joint")
    if joint is None:
        return
    bases = {run.half: run for run in anb_runs(config) if run.treatment == BASE and run.split == joint["split"]}
    # the gate at layer n - 1 lies where n layers are copied: both have the n-th layer as the last of the source's
    networks = tuple(Network.gated(0, n - 1, joint["initial"]) for n in config["anb"]["layers"])
    for other, half in (HALVES, HALVES[::-1]):
        learned = bases[half]
        yield Sweep(
            name=f"{JOINT}-{other}-{half}",
            target=JOINT,
            source=bases[other].name,
            half=half,
            task=learned.task,
            recipe=learned.recipe,
            gate_learning_rate=_gate_learning_rate(config, learned.recipe),
            rate_factor=1,
            networks=networks,
        )


def _sweep(
    config: Mapping, name: str, target: str, source: str, networks: Sequence[Network], factor: float = 1
) -> Sweep:
    paper = config["quanta"]
    task, rate = config["tasks"][paper["targets"][target]], factor * _gate_learning_rate(config, paper["recipe"])
    return Sweep(name, target, source, None, task, paper["recipe"], rate, factor, tuple(networks))


def _control_sources(config: Mapping) -> list[str]:
    return config["quanta"].get("controls", {}).get("sources", [])


def _gate_learning_rate(config: Mapping, recipe: Mapping) -> float:
    own = config["quanta"]["gate_learning_rate"]
    return recipe["learning_rate"] if own is None else own


def history_rows(sweep: Sweep, seed: int, history: "pd.DataFrame") -> list[dict]:
    """A sweep's lines in history.csv, under one seed; `history` is the table that its training left."""
    described = {network.name: _described(sweep, network, seed) for network in sweep.networks}
    return [{"sweep": sweep.name, **described[row.pop("network")], **row} for row in history.to_dict("records")]


def final_rows(sweep: Sweep, seed: int, history: "pd.DataFrame", last_epochs: int) -> list[dict]:
    """A sweep's lines in final.csv, one a network, under one seed.

    history: the table that its training left. last_epochs: measures are means over the tests after so many last
    epochs, as in the paper; `loss_before` and `top1_before` are of the test before the first step.
    """
    return [
        {**_described(sweep, network, seed), **_final(history[history["network"] == network.name], last_epochs)}
        for network in sweep.networks
    ]


def source_row(seed: int, history: "pd.DataFrame", last_epochs: int) -> dict:
    """The line of the paper's source network in final.csv, by what it does on its own task; arguments as above."""
    ungated = dict.fromkeys(("repeat", "layer", "initial", "rate_factor"))
    return {"target": SOURCE, "source": UNGATED, "seed": seed} | ungated | _final(history, last_epochs)


def _described(sweep: Sweep, network: Network, seed: int) -> dict:
    gated = network.layer is not None
    return {
        **{"target": sweep.target, "source": sweep.source if gated else UNGATED, "seed": seed},
        **{"repeat": network.repeat, "layer": network.layer, "initial": network.initial},
        "rate_factor": sweep.rate_factor if gated else None,
    }


def _final(history: "pd.DataFrame", last_epochs: int) -> dict:
    """Means over the last tests of one network, NaN where it has no such measure."""
    tests = history[history["split"] == "test"].sort_values("step").reindex(columns=["epoch", *MEASURES])
    before, after = tests[tests["epoch"] == 0], tests[tests["epoch"] > 0]
    means = {measure: float(after[measure].tail(last_epochs).mean()) for measure in MEASURES}
    # exactly one test before the first step: item() would not take two, or none
    begun = {f"{measure}_before": float(before[measure].item()) for measure in ("loss", "top1")}
    return {**means, **begun, "epochs": len(after)}
