"""Real runs: what they leave behind, and that they repeat to the bit."""

import itertools
import json
import re

import h5py
import numpy as np
import pandas as pd
from running import assert_same_results, changed, run, table
from safetensors.numpy import load_file

FIGURES = {
    "tas": ("table1", "figure1", "figure1_debiased", "figure2"),
    "similarity": ("figure1", "figure2", "figure3", "figure4", "figure5", "estimators", "controls"),
    "anb": ("figure2", "figure3", "decomposition", "table1"),
    "quanta": ("figure3", "figure4", "figure5", "controls", "sensitivity", "table1", "joint"),
    "convergent": ("figure1", "filters", "correlations", "layers", "patches", "mapping", "clusters"),
    "basins": (
        *("figure2", "figure3", "curves", "figure4", "figure5", "figure6", "figure6_loss", "figure7"),
        *("mistakes", "profile", "table1", "table2", "distances", "numbers"),
    ),
}

MODELS = ("residual", "transformer")


def test_a_run_leaves_every_result_and_nothing_unfinished(finished):
    results = finished / "results"
    for paper, names in FIGURES.items():
        for name in names:
            assert (results / paper / f"figures/{name}.png").stat().st_size > 10_000
            assert (results / paper / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
            assert f"{paper}/figures/{name}.png" in (results / "report.html").read_text()
    assert [path for path in results.rglob("unfinished/**/*") if path.is_file()] == []
    hidden = [path for path in results.rglob(".*") if path.name != ".snakemake_timestamp"]
    assert hidden == []


def test_tables_hold_every_model_target_seed_checkpoint_and_estimator(finished):
    scores = table(finished, "tas/tables/scores.csv")
    assert set(scores.estimator) == {"biased", "debiased", "minibatch"}
    assert scores.tas.notna().all()
    assert len(scores) == 2 * 2 * 2 * 4 * 3  # models, targets, seeds, checkpoints (epochs 0 to 2, step 1), estimators


def test_tables_hold_every_run_reference_layer_and_measure(finished):
    similarity = table(finished, "similarity/tables/similarity.csv")
    assert similarity.value.notna().all()
    assert list(similarity.layer.unique()) == ["block1", "block2", "block3", "block4", "head"]
    assert set(similarity.measure) == {"cka", "cka_debiased", "rsa"}
    assert set(similarity.reference) == {"init", "pre", "other seed", "untrained"}
    assert set(similarity.run) == {
        *("pretrain-random0", "pretrain-random1", "pretrain-random9", "pretrain-random9-size50"),
        *("finetune-random0", "finetune-random1", "finetune-random9", "finetune-shifted1"),
        *("finetune-cross", "finetune-cross-random9"),
    }
    itself = similarity[(similarity.checkpoint == "epoch0") & (similarity.reference.isin(["init", "pre"]))]
    itself = itself[(itself.phase == "pretrain") | (itself.reference == "pre")]
    assert np.allclose(itself.value, 1)


def test_frozen_layers_are_those_of_the_network_that_they_come_from(finished):
    models = finished / "results/anb/models"
    source = load_file(models / "similar-baseA/seed0/epoch1.safetensors")
    frozen = load_file(models / "similar-A3B/seed0/epoch1.safetensors")
    tuned = load_file(models / "similar-A3B+/seed0/epoch1.safetensors")
    copied = [name for name in source if name.startswith(("conv1.", "conv2.", "conv3."))]
    assert len(copied) == 6
    for name in source:
        same = np.array_equal(source[name], frozen[name])
        assert same == (name in copied), name
        assert not np.array_equal(source[name], tuned[name]), name
    accuracy = table(finished, "anb/tables/accuracy.csv")
    assert len(accuracy) == 2 * (2 + 5 * 3 * 2 + 2 + 2 * 3 * 2)  # seeds; bases, then treatments, layers, directions


def test_tables_hold_every_gate_with_a_lambda_that_learned(finished):
    final = table(finished, "quanta/tables/final.csv")
    # seeds; the source network, then in AnA and AnB layers and initial values and one from scratch, then both controls,
    # and both other learning rates
    assert len(final) == 2 * (1 + 2 * (3 * 2 + 1) + 2 * 3 + 2 * 3)
    assert final.rate_factor.value_counts().to_dict() == {1: 2 * (2 * 3 * 2 + 2 * 3), 0.1: 2 * 3, 10: 2 * 3}
    gated = final[final.layer.notna()]
    assert gated.lambda_source.between(0, 1).all() and gated.share.between(0, 1).all()
    assert (gated.lambda_source != gated.initial).all()
    joint = table(finished, "quanta/tables/joint.csv")
    assert len(joint) == 2 * 2 * 3  # seeds, halves, layers
    assert np.allclose(joint.cka_change, 1 - joint.cka) and joint.relative_accuracy.notna().all()
    correlations = table(finished, "quanta/tables/joint_correlations.csv")
    assert not correlations.duplicated(["x", "y"]).any() and len(correlations) == 13
    assert np.isfinite(correlations[["correlation", "low", "high"]]).all(axis=None)


def test_units_have_counterparts_in_every_kind_of_activations_before_and_after_training(finished):
    layers, matches = (table(finished, f"convergent/tables/{name}.csv") for name in ("layers", "matches"))
    assert len(layers) == 2 * 2 * 2 * 5 * 3  # states, activations, samples, layers; semi-matching twice, matching once
    assert set(layers.layer) == {"conv1", "conv2", "conv3", "conv4", "fc5"}
    assert matches[matches.method == "semi-matching"].partner.notna().all()
    pairs = matches[matches.method == "matching"].dropna(subset="partner")
    kind = ["state", "activations", "samples", "layer"]
    assert not pairs.duplicated([*kind, "unit"]).any() and not pairs.duplicated([*kind, "partner"]).any()
    # trained and untrained ones are not the same networks
    means = layers[layers.method == "matching"].pivot_table(index=kind[1:], columns="state", values="mean")
    assert (means.trained != means.untrained).all()
    mapping = table(finished, "convergent/tables/mapping.csv")
    assert len(mapping) == 2 * 4 * 2 * 3  # states, convolutional layers, directions, decays
    assert not (finished / "results/convergent/units").exists()


def test_networks_may_differ_in_their_initialisation_alone(finished, tmp_path):
    config = changed(tmp_path, lambda config: config["convergent"].update(same_order=True))
    folders = [f"results/convergent/models/network/seed{seed}" for seed in (0, 1)]
    outcome = run(tmp_path, *folders, config=config)
    assert outcome.returncode == 0, outcome.stdout
    same = {}
    for folder, name in itertools.product(folders, ("epoch0", "epoch1")):
        one, other = (load_file(place / folder / f"{name}.safetensors") for place in (finished, tmp_path))
        same[folder[-5:], name] = all(np.array_equal(one[key], other[key]) for key in one)
    # the order is that of the lowest seed, and another one than the other network's own
    assert [key for key, found in same.items() if not found] == [("seed1", "epoch1")]


def test_networks_start_from_what_their_names_say(finished):
    models = finished / "results/basins/models"

    def weights(run: str, epoch: int, seed: int = 0) -> dict[str, np.ndarray]:
        tensors = load_file(models / run / f"seed{seed}/epoch{epoch}.safetensors")
        return {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}

    def same(one: dict, other: dict) -> set[bool]:
        return {np.array_equal(one[name], other[name]) for name in one}

    assert same(weights("P", 2), weights("rotated-PT1", 0)) == {True}
    assert same(weights("P", 0), weights("rotated-RIT1", 0)) == {False}
    assert same(weights("rotated-PT1", 2), weights("rotated-PT2", 2)) == {False}
    assert same(weights("P", 2), weights("P", 2, seed=1)) == {False}


def test_tables_hold_every_network_pair_and_module(finished):
    tables = {path.stem: pd.read_csv(path, comment="#") for path in (finished / "results/basins/tables").iterdir()}
    accuracy = tables["accuracy"]
    # seeds; P, two targets by four networks and two more, two sizes by two, two earlier checkpoints by two targets
    assert len(accuracy) == 2 * (1 + 2 * 4 + 2 + 2 * 2 + 2 * 2)
    assert accuracy.accuracy.between(0, 1).all() and accuracy.auc.isna().all()
    # its own is that of a network that starts from P's end
    assert accuracy[accuracy.start.notna()].source_accuracy.notna().all()
    assert len(tables["mistakes"]) == 2 * 2 * 3
    assert (tables["mistakes"][["common", "first_only", "second_only", "neither"]].sum(axis=1) == 100).all()
    assert len(tables["similarity"]) == 2 * (5 + 7) * 5
    assert len(tables["distance"]) == 2 * (5 + 7) * 7
    heads = tables["distance"][tables["distance"].module == "head"]
    # the targets have as many classes as the source
    assert heads.distance.notna().all()
    assert len(tables["path"]) == 2 * 5 * 3 and (tables["barriers"].barrier >= 0).all()
    assert len(tables["modules"]) == 2 * 2 * 6 * 2 and len(tables["criticality"]) == 2 * 2 * 6 * 2 * 2 * 1
    # of the network that all its modules are of
    assert tables["modules"].groupby(["treatment", "seed"]).accuracy.nunique().eq(1).all()


def test_every_file_carries_its_provenance(finished):
    results = finished / "results"
    for path in [path for paper in FIGURES for path in results.glob(f"{paper}/**/*.csv")]:
        facts = json.loads(path.read_text().splitlines()[0].removeprefix("# "))
        assert {"rule", "config_digest", "versions", "date", "wall_seconds"} <= facts.keys(), path
    files = [path for folder in ("data", "tas", "convergent") for path in results.glob(f"{folder}/**/*.h5")]
    assert files
    for path in files:
        with h5py.File(path) as file:
            assert "config_digest" in json.loads(file.attrs["facts"]), path


def test_another_run_with_other_jobs_on_fewer_cores_is_equal_to_the_bit(finished, tmp_path):
    one_seed_a_job = changed(tmp_path, lambda config: config["tas"].update(seeds_per_job=1))
    outcome = run(tmp_path, "tas", "--cores", "1", config=one_seed_a_job)
    assert outcome.returncode == 0, outcome.stdout
    assert_same_results(finished, tmp_path)


def test_on_one_gpu_jobs_that_want_it_take_turns(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    config = changed(tmp_path, lambda config: config.update(device="auto"))
    targets = [f"results/tas/models/{model}/source.safetensors" for model in MODELS]
    # with a logger that tells when a job begins and ends
    outcome = run(tmp_path, *targets, "--workflow-profile", "none", config=config)
    assert outcome.returncode == 0, outcome.stdout
    events = re.findall(r"^(?:local)?(rule) pretrain:|^(Finished) .*pretrain", outcome.stdout, re.MULTILINE)
    assert ["".join(event) for event in events] == ["rule", "Finished"] * 2
