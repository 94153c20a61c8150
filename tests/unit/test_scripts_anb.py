"""The scripts of Yosinski et al. 2014 on a few images: what their networks are trained on, and the tables of all."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from training_runs import same, tensors

from transferscope import store
from transferscope.data import datasets
from transferscope.runs import anb

SCRIPTS = Path(anb.__file__).parents[2]
DATASET = "results/data/textures.h5"
MODELS = Path("results/anb/models")
RECIPE = {"epochs": 1, "batch_size": 8, "optimiser": "adam", "learning_rate": 1e-3}
PLAIN = {"dataset": "textures", "train": {"split": "all", "rows": [0, 32]}, "test": {"split": "all", "rows": [32, 48]}}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with a dataset of 48 images in 4 classes."""
    monkeypatch.chdir(tmp_path)
    datasets.prepare({"loader": "textures", "images": 48, "classes": 4, "size": 8}, "downloads", DATASET, {})


def networks(task: dict = PLAIN, split: str = "similar", treatments: tuple = ("transfer",)) -> list[anb.AnbRun]:
    """The base networks of a split of the classes 0 and 1 against 2 and 3, and those with one layer copied."""
    entry = {"task": "task", "classes": {"A": [0, 1], "B": [2, 3]}, "treatments": treatments}
    paper = {"splits": {split: entry}, "layers": [1], "recipe": RECIPE}
    return anb.anb_runs({"anb": paper, "tasks": {"task": task}})


def run(script: str, folders: list[str], outputs: object, layers: tuple = (1,), **params) -> None:
    """Run a script as Snakemake does."""
    more = {"device": "cpu", "precision": "fp32", "seeds": [0], "scale": "demo"}
    job = {"rule": "anb", "log": ["log"], "config": {"anb": {"layers": list(layers)}}, "input": folders}
    snakemake = SimpleNamespace(**job, output=outputs, params=SimpleNamespace(**more | params))
    runpy.run_path(str(SCRIPTS / script), {"snakemake": snakemake})


def train(runs: list[anb.AnbRun], models: Path = MODELS, **given) -> None:
    """Train networks in one job."""
    folders = [str(models / run.name) for run in runs]
    model = {"library": "small", "name": "layered", "channels": 1, "image_size": 8, "options": {"widths": [2, 2]}}
    params = {"runs": list(map(vars, runs)), "datasets": [DATASET] * len(runs), "model": model}
    run("train_transfers.py", [], folders, **params, unfinished="unfinished", code="code", **given)


def normalisation(name: str, models: Path = MODELS) -> dict:
    return store.read_checkpoint(models / name / "seed0" / "epoch1.safetensors")[1]["normalisation"]


def test_halves_of_a_task_are_standardised_alike_and_other_tasks_of_the_dataset_by_themselves():
    plain, inverted = networks(), networks(PLAIN | {"images": ["invert"]}, "dissimilar")
    bases = [*plain[:2], *inverted[:2]]
    train(bases)
    for split in ("similar", "dissimilar"):
        assert normalisation(f"{split}-baseA") == normalisation(f"{split}-baseB")
    means = [normalisation(f"{split}-baseA")["mean"][0] for split in ("similar", "dissimilar")]
    assert sum(means) == pytest.approx(1) and means[0] != pytest.approx(0.5, abs=0.01)
    # however many share a job
    for base in bases:
        train([base], Path("alone"))
        found, expected = (tensors(models / base.name / "seed0", "epoch1") for models in (Path("alone"), MODELS))
        assert same(found, expected)


def test_more_layers_than_the_network_has_are_refused_before_anything_is_trained():
    with pytest.raises(SystemExit) as ending:
        train(networks()[:2], layers=(1, 4))
    assert "anb.layers: expected 3 at most, the layers of layered below its head, found 4" in str(ending.value)
    assert not MODELS.exists() and not Path("unfinished").exists()


def test_tables_say_which_network_each_row_is_of_and_what_it_could_be():
    runs = networks()
    train(runs[:2])
    train(runs[2:])
    tables = {name: f"{name}.csv" for name in ("accuracy", "history", "claims")}
    params = {"runs": list(map(vars, runs)), "last_epochs": 1, "paper": "Yosinski et al. 2014"}
    outputs = SimpleNamespace(**tables, page="claims.html")
    run("judge_anb_claims.py", [MODELS / one.name for one in runs], outputs, **params)
    accuracy, history = (store.read_table(tables[name]) for name in ("accuracy", "history"))
    assert accuracy["run"].tolist() == ["similar-baseA", "similar-baseB", "similar-B1A", "similar-A1B"]
    assert accuracy["source"].fillna("").tolist() == ["", "", "B", "A"]
    assert set(accuracy["classes"]) == {2} and set(accuracy["layers"]) == {3}
    assert list(history)[:7] == list(accuracy)[:7] == list(anb.DESCRIBED)
    described = history[list(anb.DESCRIBED)].drop_duplicates(ignore_index=True)
    pd.testing.assert_frame_equal(described, accuracy[list(anb.DESCRIBED)])
    assert history["part"].tolist() == ["test", "train", "test"] * len(runs)
