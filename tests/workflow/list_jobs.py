"""Writes what Snakemake would hand to each job's script, in an order that they can run in: config, output, targets."""

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, DAGSettings, OutputSettings, Quietness, ResourceSettings

ROOT = Path(__file__).parents[2]


def plain(value):
    """The same value without types of Snakemake's own."""
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, str | Path) else value


def files(named):
    """All files, and those that have a name by it: one, or a list."""
    return list(map(str, named)), plain(dict(named.items()))


def described(job, config):
    """A job in builtin types."""
    return {
        "rule": job.rule.name,
        "script": str((ROOT / "workflow" / "rules" / job.rule.script).resolve()),
        "environment": Path(job.rule._conda_env).stem,
        "input": files(job.input),
        "output": files(job.output),
        "log": files(job.log),
        "wildcards": files(job.wildcards),
        "params": ([], plain(dict(job.params.items()))),
        "config": plain(config),
        **{name: job.resources.get(name, 0) for name in ("gpu", "mem_mb", "runtime")},
    }


configfile, output, *targets = sys.argv[1:]
with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
    settings = ConfigSettings(configfiles=[Path(configfile)])
    flow = api.workflow(ResourceSettings(cores=1), settings, snakefile=ROOT / "Snakefile", workdir=Path.cwd())
    flow.dag(DAGSettings(targets=set(targets), forceall=True)).execute_workflow(executor="dryrun")
    # what the interface does not hand on: the graph of jobs itself
    workflow = flow._workflow
    levels = workflow.dag.toposorted()
    jobs = [described(job, workflow.config) for level in levels for job in level if job.rule.script]
Path(output).write_bytes(pickle.dumps(jobs))
