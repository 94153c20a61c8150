"""What each paper asks for: its networks, their passes, its jobs and what stays on disk. A function a paper."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from transferscope.cost.sizes import Size
from transferscope.cost.work import (
    CAPTURE_BATCH,
    FLOAT32_BYTES,
    PROBE_BATCH,
    Passes,
    Work,
    capturing,
    classes_in,
    gram_bytes,
    images_of,
    showing,
    state_bytes,
    training,
)
from transferscope.runs import batches
from transferscope.runs.anb import AnbRun, anb_runs
from transferscope.runs.basins import BasinRun, Pair, basin_runs, pairs_on
from transferscope.runs.quanta import SOURCE_RUNS, Sweep, quanta_sources, quanta_sweeps
from transferscope.runs.similarity import Run, similarity_runs
from transferscope.runs.training import TrainingRun
from transferscope.terms.basins import MIXED_PAIR, PRETRAINED, SCRATCH_PAIR, TUNED_PAIR
from transferscope.terms.quanta import TRAINED
from transferscope.training.recipe import Kept, Recipe

# what networks of Orhand et al. 2021 are for
GRID_PART, SCRATCH_PART, SOURCE_PART = "the paper's networks with a gate", "without a gate", "source networks"
CONTROL_PART, RATE_PART, JOINT_PART = (
    f"{what}, which the paper has not" for what in ("controls", "`sensitivity`", "`joint`")
)
QUANTA_PARTS = (GRID_PART, SCRATCH_PART, SOURCE_PART, CONTROL_PART, RATE_PART, JOINT_PART)
Trained = AnbRun | BasinRun | Run | Sweep | TrainingRun
# (name of a model, classes, selection and reuse of layers) -> its size
Sizes = Callable[[str, int, str, str], Size]


def trained(config: Mapping, run: Trained, size: Size) -> list[Passes]:
    """The passes of a training run under one seed; of a sweep, those of all its networks.

    size: of its networks.
    """
    images, recipe = images_of(config, run.task), Recipe(**run.recipe)
    if isinstance(run, Sweep):
        return _side_by_side(run, size, images, recipe, config["quanta"]["share_source"])
    frozen = run.n if isinstance(run, AnbRun) and run.frozen else 0
    tests = len(Kept(**run.checkpoints).steps) if isinstance(run, Run) else 0
    return [training(size, images, recipe, frozen, tests)]


def _train(work: Work, config: Mapping, run: Trained, size: Size, seeds: int) -> None:
    """Add a training run under so many seeds."""
    networks = len(run.networks) if isinstance(run, Sweep) else 1
    work.passes += [passes.times(seeds) for passes in trained(config, run, size)]
    work.networks += seeds * networks
    work.state = max(work.state, networks * state_bytes(size, Recipe(**run.recipe)))


def _side_by_side(
    sweep: Sweep, size: Size, images: tuple[int, int], recipe: Recipe, share_source: bool
) -> list[Passes]:
    """The passes of a sweep's networks, and of the source up to their gates: once for all, or once for each."""
    gates = [network.layer for network in sweep.networks if network.layer is not None]
    reached = ([max(gates)] if share_source else gates) if gates else []
    shown = recipe.epochs * images[0] + (1 + recipe.epochs) * images[1]
    passes = [showing(size, shown, recipe.batch_size, layer + 1) for layer in reached]
    return [training(size, images, recipe).times(len(sweep.networks)), *passes]


def tas(config: Mapping, sizes: Sizes) -> Work:
    """Magai & Soroka 2023: every model fine-tuned on every target, and captured at every checkpoint."""
    paper, recipe, work = config["tas"], Recipe(**config["tas"]["recipe"]), Work()
    checkpoints = len(Kept(**paper["checkpoints"]).names(recipe.epochs))
    seeds, n, jobs = len(paper["seeds"]), paper["examples"], len(batches.seed_batches(config, "tas"))
    for model in paper["models"]:
        source = config["models"][model]["source"]
        if "task" in source:
            task = config["tasks"][source["task"]]
            size = sizes(model, classes_in(config, task), paper["layers"], paper["reused"])
            _train(work, config, TrainingRun(model, task, source["recipe"]), size, 1)
            work.gpu_jobs += 1
        work.jobs += 1
        for target in paper["targets"]:
            task = config["tasks"][target]
            size = sizes(model, classes_in(config, task), paper["layers"], paper["reused"])
            tuned = training(size, images_of(config, task), recipe, tests=len(paper["checkpoints"]["steps"]))
            work.passes += [tuned.times(seeds), capturing(size, n).times(1 + seeds * checkpoints)]
            work.networks += seeds
            work.state = max(work.state, state_bytes(size, recipe))
            # fine-tuning, capture and comparison
            work.jobs += jobs + 2
            work.gpu_jobs += jobs + 1
            work.kept += seeds * checkpoints * FLOAT32_BYTES * size.tensors + (1 + seeds) * gram_bytes(size, n)
            work.scratch = max(work.scratch, seeds * (checkpoints - 1) * gram_bytes(size, n))
        work.kept += FLOAT32_BYTES * size.tensors
    # claims and figures
    work.jobs += 2
    return work


def similarity(config: Mapping, sizes: Sizes) -> Work:
    """Goerttler & Obermayer 2022: every run under every seed, captured at every checkpoint on its probes."""
    paper, runs = config["similarity"], similarity_runs(config)
    seeds, n, work = len(paper["seeds"]), paper["examples"], Work()
    for run in runs:
        size = sizes(paper["model"], classes_in(config, run.task), paper["layers"], "last")
        recipe, kept = Recipe(**run.recipe), Kept(**run.checkpoints)
        checkpoints = seeds * len(kept.names(recipe.epochs, end=recipe.memorise is not None))
        _train(work, config, run, size, seeds)
        work.passes.append(capturing(size, n).times(checkpoints * len(run.probes)))
        work.kept += checkpoints * FLOAT32_BYTES * size.tensors
        work.scratch += checkpoints * len(run.probes) * gram_bytes(size, n)
    trainings = len(batches.similarity_batches(config))
    # of each phase a capture and a comparison, then claims and figures
    work.gpu_jobs, work.jobs = trainings + 2, trainings + 2 + 2 + 2
    return work


def anb(config: Mapping, sizes: Sizes) -> Work:
    """Yosinski et al. 2014: networks whose first n layers come from another one."""
    paper, runs, work = config["anb"], anb_runs(config), Work()
    seeds = len(paper["seeds"])
    for run in runs:
        size = sizes(paper["model"], classes_in(config, run.task), "blocks", "last")
        _train(work, config, run, size, seeds)
        work.kept += seeds * FLOAT32_BYTES * size.tensors
    work.gpu_jobs = len(batches.anb_batches(config))
    # claims and figures
    work.jobs = work.gpu_jobs + 2
    return work


def quanta(config: Mapping, sizes: Sizes) -> Work:
    """Orhand et al. 2021: source networks, and sweeps of networks with gates beside a pass of the source."""
    work, joint = Work(), int("joint" in config["quanta"])
    for part in quanta_parts(config, sizes).values():
        work.networks += part.networks
        work.passes += part.passes
        work.kept += part.kept
        work.state = max(work.state, part.state)
    # the sources share a job
    work.gpu_jobs = 1 + len(batches.quanta_batches(config)) + joint
    # claims and figures, and of the joint figure its table and the figure itself
    work.jobs = work.gpu_jobs + 2 + 2 * joint
    return work


def quanta_parts(config: Mapping, sizes: Sizes) -> dict[str, Work]:
    """The networks of Orhand et al. 2021, by what they are for: those of the paper itself, and what comes on top."""
    paper, seeds = config["quanta"], len(config["quanta"]["seeds"])
    parts = {name: Work() for name in QUANTA_PARTS}
    for run in quanta_sources(config):
        size, recipe = sizes(paper["model"], classes_in(config, run.task), "blocks", "last"), Recipe(**run.recipe)
        part = parts[SOURCE_PART if run.name == SOURCE_RUNS[TRAINED] else CONTROL_PART]
        _train(part, config, run, size, seeds)
        part.kept += seeds * len(Kept().names(recipe.epochs)) * FLOAT32_BYTES * size.tensors
    for sweep in quanta_sweeps(config):
        model = paper["model"] if sweep.half is None else config["anb"]["model"]
        size = sizes(model, classes_in(config, sweep.task), "blocks", "last")
        gated = [network for network in sweep.networks if network.layer is not None]
        alone = [network for network in sweep.networks if network.layer is None]
        name = _part_of(sweep)
        for part, networks in ((parts[name], gated), (parts[SCRATCH_PART], alone)):
            _train(part, config, replace(sweep, networks=networks), size, seeds)
        # all networks of a sweep are in one state
        parts[name].state = max(parts[name].state, len(sweep.networks) * state_bytes(size, Recipe(**sweep.recipe)))
    return {name: part for name, part in parts.items() if part.networks}


def _part_of(sweep: Sweep) -> str:
    """What a sweep's networks with a gate are for."""
    if sweep.half:
        return JOINT_PART
    if sweep.source != TRAINED:
        return CONTROL_PART
    return GRID_PART if sweep.rate_factor == 1 else RATE_PART


def convergent(config: Mapping, sizes: Sizes) -> Work:
    """Li et al. 2016: networks that differ in their seed, and passes that tell how their units vary together."""
    paper, work = config["convergent"], Work()
    task, seeds, recipe = config["tasks"][paper["task"]], len(paper["seeds"]), Recipe(**paper["recipe"])
    size, images = sizes(paper["model"], classes_in(config, task), "blocks", "last"), images_of(config, task)
    _train(work, config, TrainingRun("network", task, paper["recipe"]), size, seeds)
    # untrained and trained; before and after the activation function, by positions and by sums; and two networks again
    shown = 2 * (4 * seeds + 2)
    work.passes.append(showing(size, images[1], CAPTURE_BATCH).times(shown))
    work.gpu_jobs = len(batches.seed_batches(config, "convergent")) + 1
    # matching, claims and figures
    work.jobs = work.gpu_jobs + 3
    work.kept = seeds * len(Kept().names(recipe.epochs)) * FLOAT32_BYTES * size.tensors
    # correlations, float64, of all units of a layer: two states, each in two halves of the images and three variants
    work.scratch = 2 * 5 * 8 * sum((seeds * units) ** 2 for units in size.units)
    return work


def basins(config: Mapping, sizes: Sizes) -> Work:
    """Neyshabur et al. 2020: P, networks that start from it or at random, and the landscape between and around them."""
    paper, runs, work = config["basins"], basin_runs(config), Work()
    seeds = len(paper["seeds"])
    for run in runs:
        size = sizes(paper["model"], classes_in(config, run.task), "blocks", "last")
        _train(work, config, run, size, seeds)
        work.kept += seeds * len(run.checkpoints) * FLOAT32_BYTES * size.tensors
    compared = {run.name: run for run in runs if run.checkpoints}
    for target in paper["targets"]:
        task = config["tasks"][target]
        size = sizes(paper["model"], classes_in(config, task), "blocks", "last")
        shown = _compared(paper, target, pairs_on(target, compared), images_of(config, task)[1])
        members = {name for pair in pairs_on(target, compared) for name in (pair.one, pair.other)}
        work.passes.append(capturing(size, paper["examples"]).times(seeds * len(members)))
        work.passes.append(showing(size, shown, PROBE_BATCH).times(seeds))
    explored = batches.exploration_batches(config)
    for batch, some in explored:
        size = sizes(paper["model"], classes_in(config, batch[0].task), "blocks", "last")
        work.passes += [exploration(config, run, size).times(len(some)) for run in batch]
    # trainings; comparisons; explorations
    work.gpu_jobs = len(batches.basin_batches(config)) + len(batches.seed_batches(config, "basins")) + len(explored)
    # claims and figures
    work.jobs = work.gpu_jobs + 2
    return work


def _compared(paper: Mapping, target: str, pairs: Sequence[Pair], tested: int) -> int:
    """Images that networks on a target, and those between them, are shown in one seed. tested: images for testing."""
    landscape, papers = paper["landscape"], (TUNED_PAIR, SCRATCH_PAIR, MIXED_PAIR)
    # mistakes are counted of the networks of the paper's own pairs
    shown = tested * len({name for pair in pairs if pair.name in papers for name in (pair.one, pair.other)})
    if target not in landscape["targets"]:
        return shown
    points = landscape["points"] + 2 * int(landscape["beyond"] * (landscape["points"] - 1) + 1e-9)
    return shown + points * sum(PRETRAINED not in pair for pair in pairs) * (tested + _estimated(landscape))


def exploration(config: Mapping, run: BasinRun, size: Size) -> Passes:
    """The passes of a network whose modules are explored, under one seed. size: of the network."""
    landscape, modules = config["basins"]["landscape"], len(size.below)
    tested = images_of(config, run.task)[1]
    # each module is set back, and moved and disturbed on one way or two
    ways = 1 + bool(landscape["checkpoints"])
    valley = len(landscape["alphas"]) * len(landscape["sigmas"]) * landscape["draws"]
    shown = (modules + 1) * (tested + _estimated(landscape))
    shown += modules * ways * valley * (landscape["images"] + _estimated(landscape))
    return showing(size, shown, PROBE_BATCH)


def _estimated(landscape: Mapping) -> int:
    """Images that batch norm is estimated from, wherever a network was not trained."""
    return landscape["images"] * landscape["recalibrate"]


PAPERS = {
    "tas": tas,
    "similarity": similarity,
    "anb": anb,
    "quanta": quanta,
    "convergent": convergent,
    "basins": basins,
}
