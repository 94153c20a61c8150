"""transferscope: what is transferred in transfer learning, layer by layer, from nothing to every figure."""

import fcntl
import os
import sys

if not workflow.configfiles:
    # demo scale; `--configfile config/paper.yaml` replaces it whole
    workflow.configfiles.append(os.path.relpath(os.path.join(workflow.basedir, "config", "config.yaml")))


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/report.smk"


for paper in ASKED:

    include: f"workflow/rules/{paper}.smk"

    rule:
        """All of one paper: `snakemake --cores all tas`."""
        name:
            paper
        input:
            results_of(paper),


rule fetch:
    """All that the config needs from the internet, so that no other job does: `snakemake --cores 1 fetch`."""
    input:
        to_fetch,


onstart:
    # Snakemake's own lock outlives a killed run; this one goes with the process that holds it
    workflow.globals["held"] = open(".snakemake/running", "w")
    try:
        fcntl.flock(workflow.globals["held"], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another snakemake is at work in {os.getcwd()}: wait until it ends, or use another --directory")


rule all:
    """Every figure, table and claim of every paper, and the report on them."""
    default_target: True
    input:
        "results/report.html",
