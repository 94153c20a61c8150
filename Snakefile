"""transferscope: what is transferred in transfer learning, layer by layer, from nothing to every figure."""

import os

if not workflow.configfiles:
    # demo scale; `--configfile config/paper.yaml` replaces it whole
    workflow.configfiles.append(os.path.relpath(os.path.join(workflow.basedir, "config", "config.yaml")))


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/similarity.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    """Every figure, table and claim of every paper, and the report on them."""
    default_target: True
    input:
        "results/report.html",


rule tas:
    """Magai & Soroka 2023: CKA and the Transferability Score TAs."""
    input:
        tas_results(),
