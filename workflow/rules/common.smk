# What all rules share: the validated config, and the questions they ask of it.
import os
import re
import sys
from dataclasses import asdict
from itertools import product
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW / "scripts"))

from transferscope import configuration, fetching, provenance
from transferscope.errors import InputError
from transferscope.machine.exclusive import hold, require_idle, require_writable
from transferscope.machine.gpus import gpus_here, gpus_in_cluster
from transferscope.machine.slurm import cancel_orphans, require_own_logs
from transferscope.runs.anb import anb_runs
from transferscope.runs.basins import basin_runs
from transferscope.runs.quanta import quanta_sources, quanta_sweeps
from transferscope.runs.similarity import similarity_runs
from transferscope.training.recipe import Kept

# left alone, glibc hands memory back to the system after every batch and asks for it anew: a third of all time
os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**30))
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**32))
# for the report, which a second Snakemake makes. Params would say that it changes when its folder is moved
os.environ |= {"TRANSFERSCOPE_PYTHON": sys.executable, "TRANSFERSCOPE_SNAKEFILE": str(workflow.main_snakefile)}


def or_exit(function, *arguments):
    """What a function returns; where it finds a mistake of the user's, all ends with its message."""
    try:
        return function(*arguments)
    except InputError as error:
        sys.exit(str(error))


def result_folders():
    """The folders that results lie in, as far as they are there."""
    return ["results", *Path("results").glob("*/")]


config.update(or_exit(configuration.load, workflow.configfiles, config))
# Snakemake keeps its notes here, even those of a dry run
or_exit(require_writable, ".", ".snakemake")
# set where jobs are submitted to a cluster
ON_CLUSTER = workflow.global_resources["_nodes"].value is not None
# where Snakemake's executor for SLURM learns about partitions, from whatever folder it is called
os.environ.setdefault("SNAKEMAKE_SLURM_PARTITIONS", str(WORKFLOW / "profiles" / "slurm" / "partitions.yaml"))
# on one machine, jobs that want a GPU take turns; a cluster sees to that itself
if not ON_CLUSTER and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", max(gpus_here(), 1))

try:
    require_writable(*result_folders())
except InputError as error:
    # no obstacle to a dry run; any other ends before its first job
    print(f"note: {error}", file=sys.stderr)


wildcard_constraints:
    phase="pretrain|finetune",
    dataset=configuration.NAME,
    model=configuration.NAME,
    target=configuration.NAME,
    seed=r"\d+",
    checkpoint=r"(epoch|step)\d+",


PAPERS = {
    "tas": "Magai & Soroka 2023: transferability score",
    "similarity": "Goerttler & Obermayer 2022: pre-trained and fine-tuned representations",
    "anb": "Yosinski et al. 2014: how transferable are features",
    "quanta": "Orhand et al. 2021: quantifying transferability (QUANTA)",
    "convergent": "Li et al. 2016: convergent learning",
    "basins": "Neyshabur et al. 2020: what is being transferred",
}
# gates on the networks of `anb`: asked for, or nothing
JOINT = config.get("quanta", {}).get("joint")
FIGURES = {
    "tas": ["table1", "figure1", "figure1_debiased", "figure2"],
    "similarity": ["figure1", "figure2", "figure3", "figure4", "figure5", "estimators", "controls"],
    "anb": ["figure2", "figure3", "decomposition", "table1"],
    "quanta": ["figure3", "figure4", "figure5", "controls", "table1", *(["joint"] if JOINT else [])],
    "convergent": ["figure1", "filters", "correlations", "layers", "patches", "mapping", "clusters"],
    "basins": [
        *("figure2", "figure3", "curves", "figure4", "figure5", "figure6", "figure7"),
        *("mistakes", "profile", "table1", "table2", "distances", "numbers"),
    ],
}
# those that the config asks for
ASKED = [paper for paper in PAPERS if paper in config]
MODELS = config["models"]
# datasets with files of their own; the others are embedded or generated
ROOTED = [name for name, dataset in config["datasets"].items() if "root" in dataset]
# models of Magai & Soroka 2023 whose weights are not trained here
FETCHED = [name for name in config.get("tas", {}).get("models", []) if "task" not in MODELS[name]["source"]]


def one_of(names):
    """A wildcard's constraint: one of these names, or nothing at all where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def code(script):
    """The digest of a script and its library, so that a change of either re-runs its rule."""
    return provenance.code_digest(WORKFLOW / "scripts" / script)


def gpus():
    """GPUs that a job which trains or captures asks for: one where the config wants one or there is one, else none."""
    if config["device"] == "auto":
        return int(gpus_in_cluster() if ON_CLUSTER else gpus_here() > 0)
    return int(config["device"] == "cuda")


def note_what_is_submitted():
    """Have Snakemake note how a job makes its files when it submits it: it may be killed before the job ends."""
    started = workflow.persistence.started

    def noted(job, *submission):
        workflow.async_run(workflow.persistence.finished(job))
        # until the job itself says that it has ended, what there is of its files is incomplete
        started(job, *submission)

    workflow.persistence.started = noted


def tell_what_is_unknown():
    """Say which files no notes of Snakemake's tell the making of: whether they fit config and code, nobody knows."""
    jobs = [job for job in workflow.dag.jobs if workflow.dag.reason(job).no_metadata and not workflow.dag.needrun(job)]
    files = sorted(str(file) for job in jobs for file in job.output)
    if files:
        more = f" and {len(files) - 1} more" if files[1:] else ""
        reason = "no notes tell by what config and code they were made (see docs/results.md)"
        print(f"note: {files[0]}{more} are taken as they are: {reason}", file=sys.stderr)


def growing(amount):
    """A resource that grows with each attempt at a job."""
    return lambda wildcards, attempt: amount * attempt


def prepared(dataset):
    """The file of a dataset."""
    return f"results/data/{dataset}.h5"


def source_of(model):
    """The checkpoint that a model of Magai & Soroka 2023 is fine-tuned from."""
    return f"results/tas/models/{model}/source.safetensors"


def to_fetch(wildcards):
    """What `fetch` brings. Its size is told when it is asked for, before anything starts, and so in a dry run, too."""
    print(fetching.listing(config), file=sys.stderr)
    return [*expand("results/downloads/{dataset}.json", dataset=ROOTED), *map(source_of, FETCHED)]


def dataset_of(task):
    """The file of a task's dataset."""
    return prepared(config["tasks"][task]["dataset"])


def seed_batches(paper):
    """The seeds of a paper's runs in groups that share a job."""
    seeds, size = config[paper]["seeds"], config[paper]["seeds_per_job"]
    return [seeds[first : first + size] for first in range(0, len(seeds), size)]


def batch_name(paper, name, seeds):
    """What a job is called that runs these seeds."""
    return name if seeds == config[paper]["seeds"] else f"{name}_seeds_{'_'.join(map(str, seeds))}"


def runs_of(phase):
    """The runs of Goerttler & Obermayer 2022 in a phase, by name."""
    return {name: run for name, run in RUNS.items() if run.phase == phase}


def run_batches():
    """The runs of Goerttler & Obermayer 2022 in groups that share a job: a run is never with one that it starts from."""
    runs, size = list(RUNS.values()), config["similarity"]["runs_per_job"]
    starts = {run.start for run in runs}
    groups = [[run] for run in runs if run.name in starts]
    for phase in ("pretrain", "finetune"):
        groups += dealt([run for run in runs_of(phase).values() if run.name not in starts], size)
    return groups


def transfer_batches():
    """The networks of Yosinski et al. 2014 in groups that share a job, base networks apart from those with copies."""
    size, runs = config["anb"]["runs_per_job"], TRANSFERS.values()
    base, copied = ([run for run in runs if (run.n == 0) == is_base] for is_base in (True, False))
    return dealt(base, size) + dealt(copied, size)


def basin_batches():
    """The networks of Neyshabur et al. 2020 in groups that share a job: P, those that do without it, and then others."""
    size, runs = config["basins"]["runs_per_job"], BASIN_RUNS.values()
    pretrained, scratch, tuned = ([run for run in runs if run.treatment == each] for each in ("P", "RI-T", "P-T"))
    return [pretrained, *dealt(scratch, size), *dealt(tuned, size)]


def sweep_batches():
    """The sweeps of Orhand et al. 2021 in groups that share a job, those apart that wait for networks of `anb`."""
    size, sweeps = config["quanta"]["runs_per_job"], SWEEPS.values()
    own, joint = ([sweep for sweep in sweeps if (sweep.half is None) == is_own] for is_own in (True, False))
    return dealt(own, size) + dealt(joint, size)


def dealt(runs, size):
    """Runs in groups of at most `size`, dealt out like cards: neighbours, which differ least, take equally long."""
    jobs = -(-len(runs) // size)
    return [runs[first::jobs] for first in range(jobs)]


def transfer_folders(names):
    return [f"results/anb/models/{name}" for name in names]


def quanta_folders(names):
    return [f"results/quanta/models/{name}" for name in names]


def basin_folders(names):
    return [f"results/basins/models/{name}" for name in names]


def exploration_name(seeds, target):
    """What a job is called that explores the networks of these seeds on a target."""
    name = batch_name("basins", "explore_modules", seeds)
    return name if config["basins"]["landscape"]["targets"] == [target] else f"{name}_{target}"


def landscape_settings(*keys):
    """What a rule needs of the landscape's settings, so that a change of the others does not re-run it."""
    return {key: config["basins"]["landscape"][key] for key in keys}


def landscape_table(name, seeds):
    """The file of a table of Neyshabur et al. 2020 that a job made of the networks of these seeds."""
    return f"results/basins/landscape/seed{seeds[0]}/{name}.csv"


def source_folder(sweep):
    """Where the source network of a sweep is: among this paper's, or, for the joint figure, among `anb`'s."""
    return (quanta_folders if sweep.half is None else transfer_folders)([sweep.source_run or "source"])[0]


def source_checkpoint(sweep):
    """The last checkpoint of a sweep's source network; one that is untrained is the trained one at its beginning."""
    return f"epoch{sweep.recipe['epochs'] if sweep.source_run else 0}.safetensors"


def network_run():
    """The run that leaves the networks of Li et al. 2016: another one under each seed."""
    paper = config["convergent"]
    run = {"name": "network", "task": config["tasks"][paper["task"]], "recipe": paper["recipe"]}
    return run | {"drawn_as": min(paper["seeds"])} if paper["same_order"] else run


def network_folders(seeds):
    return [f"results/convergent/models/network/seed{seed}" for seed in seeds]


def standard_of(task):
    """The task whose training images say how all images of its dataset are standardised: of the paper's, the first."""
    paper = config["similarity"]
    names = paper["pretraining"]["task"], paper["finetuning"]["task"], paper["finetuning"]["cross"]
    return next(config["tasks"][name] for name in names if config["tasks"][name]["dataset"] == task["dataset"])


def run_folders(names):
    return [f"results/similarity/models/{name}" for name in names]


def probes(phase):
    """The tasks on whose held-out images the runs of a phase are compared, by name."""
    names = dict.fromkeys(probe for run in runs_of(phase).values() for probe in run.probes)
    return {name: config["tasks"][name] for name in names}


def in_report(paper, name, label):
    """Caption, category and label of a result in the report."""
    return {"caption": f"../report/{paper}_{name}.rst", "category": PAPERS[paper], "labels": {"result": label}}


def figure(paper, name, label):
    """A figure's two files; the picture is shown in the report."""
    stem = f"results/{paper}/figures/{name}"
    return [f"{stem}.pdf", report(f"{stem}.png", **in_report(paper, name, label))]


def results_of(paper):
    """What a paper's target makes: its figures and its claims."""
    figures = expand(f"results/{paper}/figures/{{name}}.{{format}}", name=FIGURES[paper], format=["pdf", "png"])
    return [f"results/{paper}/claims.csv", f"results/{paper}/claims.html", *figures]
