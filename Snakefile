"""transferscope: what is transferred in transfer learning, layer by layer, from nothing to every figure."""

import os

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


rule all:
    """Every figure, table and claim of every paper, and the report on them."""
    default_target: True
    input:
        "results/report.html",
