# What all rules share: the validated config, and the questions they ask of it.
import re
import shutil
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
sys.path.insert(0, str(WORKFLOW / "scripts"))

from transferscope import configuration, provenance
from transferscope.errors import InputError
from transferscope.training.recipe import Kept

try:
    config.update(configuration.load(workflow.configfiles, config))
except InputError as error:
    sys.exit(str(error))


wildcard_constraints:
    dataset=configuration.NAME,
    model=configuration.NAME,
    target=configuration.NAME,
    seed=r"\d+",
    checkpoint=r"(epoch|step)\d+",


PAPERS = {"tas": "Magai & Soroka 2023: transferability score"}
MODELS = config["models"]
TRAINED = [name for name, model in MODELS.items() if "task" in model["source"]]
FETCHED = [name for name in MODELS if name not in TRAINED]
# datasets with files of their own; the others are embedded or generated
ROOTED = [name for name, dataset in config["datasets"].items() if "root" in dataset]
TAS = config["tas"]
# names of the checkpoints that a fine-tuning keeps, the last epoch's last
LAST = f"epoch{TAS['recipe']['epochs']}"
PASSING = [name for name in Kept(**TAS["checkpoints"]).names(TAS["recipe"]["epochs"]) if name != LAST]
KEPT = [*PASSING, LAST]

CHECKPOINT = "results/tas/models/{model}/{target}/seed{seed}/{checkpoint}.safetensors"
HISTORY = "results/tas/models/{model}/{target}/seed{seed}/history.csv"
DUMPS = "results/tas/activations/{model}/{target}"


def one_of(names):
    """A wildcard's constraint: one of these names, or nothing at all where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def code(script):
    """The digest of a script and its library, so that a change of either re-runs its rule."""
    return provenance.code_digest(WORKFLOW / "scripts" / script)


def gpus():
    """GPUs that a job which trains or captures asks for: one where the config or this machine has any, else none."""
    if config["device"] == "auto":
        return int(shutil.which("nvidia-smi") is not None)
    return int(config["device"] == "cuda")


def growing(amount):
    """A resource that grows with each attempt at a job."""
    return lambda wildcards, attempt: amount * attempt


def dataset_of(task):
    """The prepared file of a task's dataset."""
    return f"results/data/{config['tasks'][task]['dataset']}.h5"


def source_task(model):
    return MODELS[model]["source"]["task"]


def seed_batches(paper):
    """The seeds of a paper's runs in groups that share a job."""
    seeds, size = paper["seeds"], paper["seeds_per_job"]
    return [seeds[first : first + size] for first in range(0, len(seeds), size)]


def batch_name(name, seeds):
    """What a job is called that runs these seeds."""
    return name if seeds == TAS["seeds"] else f"{name}_seeds_{'_'.join(map(str, seeds))}"


def in_report(paper, name, label):
    """Caption, category and label of a result in the report."""
    return {"caption": f"../report/{paper}_{name}.rst", "category": PAPERS[paper], "labels": {"result": label}}


def figure(paper, name, label):
    """A figure's two files; the picture is shown in the report."""
    stem = f"results/{paper}/figures/{name}"
    return [f"{stem}.pdf", report(f"{stem}.png", **in_report(paper, name, label))]


def tas_results():
    return [
        "results/tas/claims.csv",
        "results/tas/figures/table1.csv",
        *expand(
            "results/tas/figures/{figure}.{format}",
            figure=["table1", "figure1", "figure1_debiased", "figure2"],
            format=["pdf", "png"],
        ),
    ]
