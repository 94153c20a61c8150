"""Compare each layer of every run of a phase with the same layer of what the run is measured against."""

import functools
from pathlib import Path

from transferscope import activations, store
from transferscope.job import job_log
from transferscope.runs.similarity import Run, references
from transferscope.similarity import Grams, layerwise

COLUMNS = (
    *("run", "phase", "condition", "randomness", "size", "seed", "checkpoint", "epoch", "step", "probe"),
    *("reference", "layer", "measure", "value"),
)


# kept for as long as one comparison and the next have it in common; each is large, and so are the ranks it gains
@functools.lru_cache(maxsize=6)
def read(path):
    found, facts = activations.read(path)
    return Grams.of_matrices(found.grams, found.content, found.layers, overwrite=True), facts


with job_log(snakemake) as job:
    params = snakemake.params
    folders = {Path(folder).name: Path(folder) for folder in snakemake.input}
    rows = []
    for run in (Run(**fields) for fields in params.runs):
        described = {key: getattr(run, key) for key in ("phase", "condition", "randomness", "size")}
        for probe in run.probes:
            for dump in sorted((folders[run.phase] / probe / run.name).glob("seed*/*.h5")):
                seed = int(dump.parent.name.removeprefix("seed"))
                state, facts = read(dump)
                at = {"seed": seed, "checkpoint": dump.stem, "epoch": facts["epoch"], "step": facts["step"]}
                for name, (phase, *other) in references(run, seed, dump.stem, params.seeds).items():
                    reference, _ = read(folders[phase] / probe / "{}/seed{}/{}.h5".format(*other))
                    for measure, values in layerwise(state, reference).items():
                        what = {"run": run.name, **described, **at, "probe": probe}
                        what |= {"reference": name, "measure": measure}
                        rows += [
                            what | {"layer": layer, "value": value}
                            for layer, value in zip(state.layers, values.tolist(), strict=True)
                        ]
        print(run.name, flush=True)
    store.write_table(snakemake.output[0], COLUMNS, rows, job.facts())
