"""What each paper asks for: its networks, their passes, its jobs and what stays on disk. A function a paper."""

from collections.abc import Callable, Mapping, Sequence

from transferscope.cost.sizes import Size
from transferscope.cost.work import (
    CAPTURE_BATCH,
    FLOAT32_BYTES,
    PROBE_BATCH,
    Work,
    capturing,
    classes_in,
    gram_bytes,
    groups,
    images_of,
    showing,
    training,
)
from transferscope.runs.anb import anb_runs
from transferscope.runs.basins import Pair, basin_runs, pairs_on
from transferscope.runs.quanta import quanta_sources, quanta_sweeps
from transferscope.runs.similarity import similarity_runs
from transferscope.terms.basins import MIXED_PAIR, PRETRAINED, SCRATCH, SCRATCH_PAIR, TUNED, TUNED_PAIR
from transferscope.training.recipe import Kept, Recipe

# (name of a model, classes, selection and reuse of layers) -> its size
Sizes = Callable[[str, int, str, str], Size]


def tas(config: Mapping, sizes: Sizes) -> Work:
    """Magai & Soroka 2023: every model fine-tuned on every target, and captured at every checkpoint."""
    paper, recipe, work = config["tas"], Recipe(**config["tas"]["recipe"]), Work()
    checkpoints = len(Kept(**paper["checkpoints"]).names(recipe.epochs))
    seeds, n, jobs = len(paper["seeds"]), paper["examples"], groups(len(paper["seeds"]), paper["seeds_per_job"])
    for model in paper["models"]:
        source = config["models"][model]["source"]
        if "task" in source:
            task = config["tasks"][source["task"]]
            size = sizes(model, classes_in(config, task), paper["layers"], paper["reused"])
            work.passes.append(training(size, images_of(config, task), Recipe(**source["recipe"])))
            work.networks += 1
            work.gpu_jobs += 1
        work.jobs += 1
        for target in paper["targets"]:
            task = config["tasks"][target]
            size = sizes(model, classes_in(config, task), paper["layers"], paper["reused"])
            tuned = training(size, images_of(config, task), recipe, tests=len(paper["checkpoints"]["steps"]))
            work.passes += [tuned.times(seeds), capturing(size, n).times(1 + seeds * checkpoints)]
            work.networks += seeds
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
        trained = training(size, images_of(config, run.task), recipe, tests=len(kept.steps))
        work.passes += [trained.times(seeds), capturing(size, n).times(checkpoints * len(run.probes))]
        work.networks += seeds
        work.kept += checkpoints * FLOAT32_BYTES * size.tensors
        work.scratch += checkpoints * len(run.probes) * gram_bytes(size, n)
    starts = {run.start for run in runs if run.start}
    others = [
        [run for run in runs if run.phase == phase and run.name not in starts] for phase in ("pretrain", "finetune")
    ]
    trainings = len(starts) + sum(groups(len(each), paper["runs_per_job"]) for each in others)
    # of each phase a capture and a comparison, then claims and figures
    work.gpu_jobs, work.jobs = trainings + 2, trainings + 2 + 2 + 2
    return work


def anb(config: Mapping, sizes: Sizes) -> Work:
    """Yosinski et al. 2014: networks whose first n layers come from another one."""
    paper, runs, work = config["anb"], anb_runs(config), Work()
    seeds = len(paper["seeds"])
    for run in runs:
        size = sizes(paper["model"], classes_in(config, run.task), "blocks", "last")
        frozen = run.n if run.frozen else 0
        work.passes.append(training(size, images_of(config, run.task), Recipe(**run.recipe), frozen).times(seeds))
        work.networks += seeds
        work.kept += seeds * FLOAT32_BYTES * size.tensors
    base = sum(run.n == 0 for run in runs)
    work.gpu_jobs = sum(groups(count, paper["runs_per_job"]) for count in (base, len(runs) - base))
    # claims and figures
    work.jobs = work.gpu_jobs + 2
    return work


def quanta(config: Mapping, sizes: Sizes) -> Work:
    """Orhand et al. 2021: source networks, and sweeps of networks with gates beside a pass of the source."""
    paper, sources, sweeps, work = config["quanta"], quanta_sources(config), quanta_sweeps(config), Work()
    seeds = len(paper["seeds"])
    for run in sources:
        size, recipe = sizes(paper["model"], classes_in(config, run.task), "blocks", "last"), Recipe(**run.recipe)
        work.passes.append(training(size, images_of(config, run.task), recipe).times(seeds))
        work.networks += seeds
        work.kept += seeds * len(Kept().names(recipe.epochs)) * FLOAT32_BYTES * size.tensors
    for sweep in sweeps:
        model = paper["model"] if sweep.half is None else config["anb"]["model"]
        size = sizes(model, classes_in(config, sweep.task), "blocks", "last")
        images, recipe = images_of(config, sweep.task), Recipe(**sweep.recipe)
        gates = [network.layer for network in sweep.networks if network.layer is not None]
        # the source computes up to the gate: once for all, or once for each
        reached = [max(gates)] if paper["share_source"] else gates
        shown = recipe.epochs * images[0] + (1 + recipe.epochs) * images[1]
        work.passes.append(training(size, images, recipe).times(seeds * len(sweep.networks)))
        work.passes += [showing(size, shown, recipe.batch_size, layer + 1).times(seeds) for layer in reached]
        work.networks += seeds * len(sweep.networks)
    joint = int("joint" in paper)
    work.gpu_jobs = 1 + groups(len(sweeps), paper["runs_per_job"]) + joint
    # claims and figures, and of the joint figure its table and the figure itself
    work.jobs = work.gpu_jobs + 2 + 2 * joint
    return work


def convergent(config: Mapping, sizes: Sizes) -> Work:
    """Li et al. 2016: networks that differ in their seed, and passes that tell how their units vary together."""
    paper, work = config["convergent"], Work()
    task, seeds, recipe = config["tasks"][paper["task"]], len(paper["seeds"]), Recipe(**paper["recipe"])
    size, images = sizes(paper["model"], classes_in(config, task), "blocks", "last"), images_of(config, task)
    work.passes.append(training(size, images, recipe).times(seeds))
    # untrained and trained; before and after the activation function, by positions and by sums; and two networks again
    shown = 2 * (4 * seeds + 2)
    work.passes.append(showing(size, images[1], CAPTURE_BATCH).times(shown))
    work.networks = seeds
    work.gpu_jobs = groups(seeds, paper["seeds_per_job"]) + 1
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
        work.passes.append(training(size, images_of(config, run.task), Recipe(**run.recipe)).times(seeds))
        work.networks += seeds
        work.kept += seeds * len(run.checkpoints) * FLOAT32_BYTES * size.tensors
    compared = {run.name: run for run in runs if run.checkpoints}
    for target in paper["targets"]:
        task = config["tasks"][target]
        size = sizes(paper["model"], classes_in(config, task), "blocks", "last")
        shown = _landscape(paper, target, pairs_on(target, compared), images_of(config, task)[1], len(size.below))
        members = {name for pair in pairs_on(target, compared) for name in (pair.one, pair.other)}
        work.passes.append(capturing(size, paper["examples"]).times(seeds * len(members)))
        work.passes.append(showing(size, shown, PROBE_BATCH).times(seeds))
    trainings = [sum(run.treatment == each for run in runs) for each in (SCRATCH, TUNED)]
    # P by itself; comparisons and explorations
    work.gpu_jobs = 1 + sum(groups(count, paper["runs_per_job"]) for count in trainings)
    work.gpu_jobs += (1 + len(paper["landscape"]["targets"])) * groups(seeds, paper["seeds_per_job"])
    # claims and figures
    work.jobs = work.gpu_jobs + 2
    return work


def _landscape(paper: Mapping, target: str, pairs: Sequence[Pair], tested: int, modules: int) -> int:
    """Images that networks on a target, and those between and around them, are shown in one seed.

    tested: images for testing. modules: of a network, the head among them.
    """
    landscape, papers = paper["landscape"], (TUNED_PAIR, SCRATCH_PAIR, MIXED_PAIR)
    # mistakes are counted of the networks of the paper's own pairs
    shown = tested * len({name for pair in pairs if pair.name in papers for name in (pair.one, pair.other)})
    if target not in landscape["targets"]:
        return shown
    # wherever a network was not trained, its batch norm is estimated from other images
    estimated = landscape["images"] * landscape["recalibrate"]
    points = landscape["points"] + 2 * int(landscape["beyond"] * (landscape["points"] - 1) + 1e-9)
    shown += points * sum(PRETRAINED not in pair for pair in pairs) * (tested + estimated)
    # of two networks, each module is set back, and moved and disturbed on one way or two
    ways = 1 + bool(landscape["checkpoints"])
    valley = len(landscape["alphas"]) * len(landscape["sigmas"]) * landscape["draws"]
    shown += 2 * (modules + 1) * (tested + estimated)
    return shown + 2 * modules * ways * valley * (landscape["images"] + estimated)


PAPERS = {
    "tas": tas,
    "similarity": similarity,
    "anb": anb,
    "quanta": quanta,
    "convergent": convergent,
    "basins": basins,
}
