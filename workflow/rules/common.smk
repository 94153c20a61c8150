# What all rules share: the validated config, the machine or cluster it runs on, and what they ask of both: which runs
# there are, where their files lie, what each result is, and what a job takes.
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW / "scripts"))

from transferscope import configuration, fetching, provenance
from transferscope.cost.jobs import exploring_minutes, memory_mb, preparing_minutes, training_minutes
from transferscope.errors import InputError
from transferscope.machine.exclusive import hold, require_idle, require_writable
from transferscope.machine.gpus import gpus_here, gpus_in_cluster
from transferscope.machine.slurm import cancel_orphans, require_none_submitted, require_own_logs
from transferscope.runs import batches
from transferscope.runs.anb import anb_runs
from transferscope.runs.basins import basin_runs
from transferscope.runs.quanta import quanta_sources, quanta_sweeps
from transferscope.runs.similarity import similarity_runs
from transferscope.runs.training import TrainingRun
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
# gates on the networks of `anb`, and gates with other learning rates: asked for, or nothing
JOINT, SENSITIVITY = (config.get("quanta", {}).get(key) for key in ("joint", "sensitivity"))
FIGURES = {
    "tas": ["table1", "figure1", "figure1_debiased", "figure2"],
    "similarity": ["figure1", "figure2", "figure3", "figure4", "figure5", "estimators", "controls"],
    "anb": ["figure2", "figure3", "decomposition", "table1"],
    "quanta": [
        *("figure3", "figure4", "figure5", "controls", "table1"),
        *(["sensitivity"] if SENSITIVITY else []),
        *(["joint"] if JOINT else []),
    ],
    "convergent": ["figure1", "filters", "correlations", "layers", "patches", "mapping", "clusters"],
    "basins": [
        *("figure2", "figure3", "curves", "figure4", "figure5", "figure6", "figure6_loss", "figure7"),
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
    """A resource that grows with each attempt at a job. amount: in the first, a number or a function of wildcards."""
    return lambda wildcards, attempt: (amount(wildcards) if callable(amount) else amount) * attempt


def memory(least, model, runs):
    """Megabytes that a job asks for first which runs, or trains, these with a model of the config."""
    return memory_mb(least, MODELS[model], runs, on_gpu=gpus() > 0)


def minutes(least, model, runs, seeds):
    """Minutes that a job asks for first which trains these runs under these seeds."""
    return training_minutes(least, config, MODELS[model], runs, len(seeds))


def source_training(model):
    """The training of a source model of Magai & Soroka 2023."""
    source = MODELS[model]["source"]
    return TrainingRun(model, config["tasks"][source["task"]], source["recipe"])


def fine_tuning(target):
    """A fine-tuning of Magai & Soroka 2023."""
    return TrainingRun(target, config["tasks"][target], config["tas"]["recipe"])


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


def batch_name(paper, name, seeds):
    """What a job is called that runs these seeds."""
    return name if seeds == config[paper]["seeds"] else f"{name}_seeds_{'_'.join(map(str, seeds))}"


def runs_of(phase):
    """The runs of Goerttler & Obermayer 2022 in a phase, by name."""
    return {name: run for name, run in RUNS.items() if run.phase == phase}


def transfer_folders(names):
    return [f"results/anb/models/{name}" for name in names]


def quanta_folders(names):
    return [f"results/quanta/models/{name}" for name in names]


def sweep_folders(sweeps, seeds):
    """The folders of all networks of sweeps, sweep by sweep, one a seed: those of a sweep may be of several jobs."""
    return [f"results/quanta/models/{sweep.name}/seed{seed}" for sweep in sweeps for seed in seeds]


def basin_folders(runs, seeds):
    """The folders of the networks of Neyshabur et al. 2020, run by run, one a seed."""
    return [f"results/basins/models/{run.name}/seed{seed}" for run in runs for seed in seeds]


def landscape_settings(*keys):
    """What a rule needs of the landscape's settings, so that a change of the others does not re-run it."""
    return {key: config["basins"]["landscape"][key] for key in keys}


def comparison_table(name, seeds):
    """The file of a table of Neyshabur et al. 2020 that a job made of the networks of these seeds in pairs."""
    return f"results/basins/landscape/seed{seeds[0]}/{name}.csv"


def exploration_table(name, batch, seeds):
    """The same of modules of the networks of some runs and seeds."""
    return f"results/basins/landscape/seed{seeds[0]}/{batch[0].name}/{name}.csv"


def source_folder(sweep):
    """Where the source network of a sweep is: among this paper's, or, for the joint figure, among `anb`'s."""
    return (quanta_folders if sweep.half is None else transfer_folders)([sweep.source_run or "source"])[0]


def model_of(sweeps):
    """The model of sweeps that share a job: this paper's, or, for the joint figure, `anb`'s."""
    return config["quanta" if sweeps[0].half is None else "anb"]["model"]


def source_checkpoint(sweep):
    """The last checkpoint of a sweep's source network; one that is untrained is the trained one at its beginning."""
    return f"epoch{sweep.recipe['epochs'] if sweep.source_run else 0}.safetensors"


def network_training():
    """The training of the networks of Li et al. 2016, another one under each seed."""
    paper = config["convergent"]
    return TrainingRun("network", config["tasks"][paper["task"]], paper["recipe"])


def drawn_alike():
    """The seed that all these networks draw their order of images by, where the config wants them to have the same."""
    paper = config["convergent"]
    return {"drawn_as": min(paper["seeds"])} if paper["same_order"] else {}


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
    return {"caption": f"../report/{paper}/{name}.rst", "category": PAPERS[paper], "labels": {"result": label}}


def figure(paper, name, label):
    """A figure's two files; the picture is shown in the report."""
    stem = f"results/{paper}/figures/{name}"
    return [f"{stem}.pdf", report(f"{stem}.png", **in_report(paper, name, label))]


def results_of(paper):
    """What a paper's target makes: its figures and its claims."""
    figures = expand(f"results/{paper}/figures/{{name}}.{{format}}", name=FIGURES[paper], format=["pdf", "png"])
    return [f"results/{paper}/claims.csv", f"results/{paper}/claims.html", *figures]
