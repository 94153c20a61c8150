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


rule fetch:
    """All that the config needs from the internet, so that no other job does: `snakemake --cores 1 fetch`."""
    input:
        to_fetch,


onstart:
    or_exit(require_writable, *result_folders())
    # Snakemake's own lock outlives a killed run; this one goes with the process that holds it
    held = workflow.globals["held"] = or_exit(hold, ".snakemake/running")
    if workflow.executor_plugin.name == "slurm":
        or_exit(require_own_logs, workflow.executor_settings.logdir)
        or_exit(cancel_orphans, held is not None)
        note_what_is_submitted()
    else:
        or_exit(require_none_submitted)
    or_exit(require_idle)
    tell_what_is_unknown()


rule all:
    """Every figure, table and claim of every paper, and the report on them."""
    default_target: True
    input:
        "results/report.html",
