"""CKA between a source model's layers and those of its fine-tuned selves, and the scores made of it."""

import itertools
from functools import partial
from pathlib import Path

import numpy as np

from transferscope import activations, store
from transferscope.errors import InputError
from transferscope.job import job_log
from transferscope.similarity import ESTIMATORS, Grams, cka_estimates
from transferscope.transferability import compare_fine_tunings

COLUMNS = (
    *("model", "target", "seed", "checkpoint", "epoch", "step", "estimator", "layers", "tas", "tas_without_head"),
    *("tas_diagonal", "low", "high", "null", "top1", "parameter_change"),
)


def grams_of(found):
    return Grams.of_matrices(found.grams, found.content, found.layers, overwrite=True)


def read_grams(path, examples):
    found, _ = activations.read(path)
    if not np.array_equal(found.examples, examples):
        raise InputError(f"{path} was captured on other examples than the source model: delete it and run again")
    return grams_of(found)


def facts_of(path):
    with store.open_hdf5(path, "activations") as file:
        return store.read_facts(file)


def accuracies(path):
    """Test accuracy by step."""
    history = store.read_table(path, ["step", "split", "top1"])
    return history[history.split == "test"].set_index("step").top1.to_dict()


def stacked(matrices):
    return np.stack([matrices[estimator] for estimator in ESTIMATORS])


with job_log(snakemake) as job:
    params, subject = snakemake.params, dict(snakemake.wildcards.items())
    facts = subject | {"seeds": params.seeds}
    captured, _ = activations.read(snakemake.input.source)
    source = grams_of(captured)
    dumps = {(seed, params.last): path for seed, path in zip(params.seeds, snakemake.input.last, strict=True)}
    for seed, name in itertools.product(params.seeds, params.passing):
        dumps[seed, name] = Path(snakemake.input.passing, f"seed{seed}", f"{name}.h5")
    tuned = {
        seed: {
            name: partial(read_grams, dumps[seed, name], captured.examples) for name in [*params.passing, params.last]
        }
        for seed in params.seeds
    }
    top1 = {seed: accuracies(path) for seed, path in zip(params.seeds, snakemake.input.histories, strict=True)}
    rows = []
    with store.write_hdf5(snakemake.output.similarity, "similarity", job.facts(**facts)) as file:
        file.attrs["estimators"] = ESTIMATORS
        file["layers"], file["logits"] = list(source.layers), captured.logits
        file["m1"] = stacked(cka_estimates(source, batch=params.minibatch))
        for compared in compare_fine_tunings(source, tuned, captured.logits, params.minibatch, params.resamples):
            file[f"m2/{compared.seed}/{compared.checkpoint}"] = stacked(compared.m2)
            captured_at = facts_of(dumps[compared.seed, compared.checkpoint])
            more = {key: captured_at[key] for key in ("epoch", "step", "parameter_change")}
            more["top1"] = top1[compared.seed][captured_at["step"]]
            rows += [subject | row | more for row in compared.rows]
            print(f"seed {compared.seed}, {compared.checkpoint}: TAs {compared.rows[0]['tas']:.4f}", flush=True)
    store.write_table(snakemake.output.scores, COLUMNS, rows, job.facts(**facts))
