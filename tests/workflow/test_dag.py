"""What would run: dry runs, targets, and configs that must not run at all."""

import re
import subprocess
import sys

import pytest
import yaml
from running import ROOT, SMOKE, changed, command, run

DEMO, PAPER = ROOT / "config" / "config.yaml", ROOT / "config" / "paper.yaml"
# the two functions of the library that download
FETCHES = re.compile(r"\b(datasets\.download|weights\.published)\(")

# runs a command and tells its peak of memory; from a small process, as what a child's parent has counts as its own
MEASURED = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
unit = 1 if sys.platform == "darwin" else 1024
print("bytes at most:", unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def jobs(output: str) -> dict[str, int]:
    """Number of jobs a rule in a dry run's table."""
    table = re.search(r"^ rule +count *\n.*?\n(.*?)\n *\n total ", output, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^ (\w[\w ]*?) +(\d+) *$", table[1], re.MULTILINE)
    return {name.replace(" ", "_"): int(count) for name, count in rows}


def test_the_papers_scale_resolves_to_the_right_jobs_without_network_and_in_little_memory(tmp_path):
    call = [sys.executable, "-c", MEASURED, *command(tmp_path, "-n", config=PAPER)]
    outcome = subprocess.run(call, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert outcome.returncode == 0, outcome.stdout
    assert int(re.search(r"^bytes at most: (\d+)$", outcome.stdout, re.MULTILINE)[1]) <= 500e6
    config = yaml.safe_load(PAPER.read_text())
    models, targets = len(config["tas"]["models"]), len(config["tas"]["targets"])
    found = jobs(outcome.stdout)
    assert found["fetch_source"] == models
    assert found["download_dataset"] == found["prepare_dataset"] == len(config["datasets"])
    finetunings = sum(count for rule, count in found.items() if re.fullmatch(r"finetune(_seeds_\w+)?", rule))
    assert finetunings == models * targets * len(config["tas"]["seeds"])
    assert found["capture_activations"] == found["compare_layers"] == models * targets
    assert "pretrain" not in found
    # Goerttler & Obermayer: 6 degrees of randomness, 5 smaller sizes; 6 degrees, shifted, cross-domain and its random
    assert sum(count for rule, count in found.items() if re.fullmatch(r"(pretrain|finetune)_runs_\d+", rule)) == 20
    # Yosinski et al.: 2 base networks a split; 7 layers, both directions, 5 treatments on one split and 2 on the other
    assert sum(count for rule, count in found.items() if rule.startswith("transfer_runs")) == 4 + (5 + 2) * 7 * 2
    # Neyshabur et al.: P under each seed; 4 networks a target, 2 more on three; 2 in 12 sizes on 3 targets; 12 earlier
    # checkpoints of P
    trained = sum(count for rule, count in found.items() if rule.startswith("train_basins"))
    assert trained == 3 + 4 * 4 + 2 * 3 + 2 * 12 * 3 + 12 * 4
    assert [found[f"compare_networks_seeds_{seed}"] for seed in config["basins"]["seeds"]] == [1, 1, 1]
    # the first P-T and the first RI-T on three targets, under each seed
    assert sum(count for rule, count in found.items() if rule.startswith("explore_modules")) == 2 * 3 * 3
    # Orhand et al.: 10 repeats of 2 targets, of 2 controls and of 2 learning rates; 2 directions for the joint figure,
    # under each seed
    assert found["train_quanta_sources"] == 1
    assert sum(count for rule, count in found.items() if rule.startswith("train_sweeps")) == 10 * (2 + 2 + 2) + 2 * 3
    # Li et al.: four networks
    assert sum(count for rule, count in found.items() if rule.startswith("train_networks")) == 4
    assert found["capture_units"] == found["match_units"] == 1


def test_the_picture_of_the_chain_shows_the_demos_rules_and_no_others(tmp_path):
    # how many jobs share the runs of a paper is the config's
    stems = {re.sub(r"_\d+$", "", rule) for rule in jobs(run(tmp_path, "-n", config=DEMO).stdout)}
    shown = re.findall(r">(\w+)</text>", (ROOT / "docs" / "rulegraph.svg").read_text())
    assert {re.sub(r"_\d+$", "", rule) for rule in shown} == stems


@pytest.mark.parametrize("paper", ["tas", "similarity", "anb", "quanta", "convergent", "basins"])
def test_a_paper_is_a_target_without_the_others_and_the_report(tmp_path, paper):
    found = jobs(run(tmp_path, "-n", paper).stdout)
    drawn = {rule for rule in found if rule.startswith("draw_")}
    assert drawn == {f"draw_{paper}_figures"} | ({"draw_joint_figure"} if paper == "quanta" else set())
    assert "make_report" not in found


def test_a_config_may_leave_a_paper_out(tmp_path):
    found = jobs(run(tmp_path, "-n", config=changed(tmp_path, lambda config: config.pop("similarity"))).stdout)
    assert "draw_tas_figures" in found and "make_report" in found
    assert "draw_similarity_figures" not in found


def test_gates_that_the_paper_has_not_may_be_left_out(tmp_path):
    def leave_out(config):
        for key in ("controls", "sensitivity", "joint"):
            del config["quanta"][key]

    found = jobs(run(tmp_path, "-n", "quanta", config=changed(tmp_path, leave_out)).stdout)
    assert {rule for rule in found if rule.startswith("draw_")} == {"draw_quanta_figures"}


def test_all_mistakes_in_a_config_are_told_at_once_before_any_job(tmp_path):
    config = tmp_path / "mistaken.yaml"
    config.write_text(SMOKE.read_text().replace("epochs: 2", "epoch: 2").replace("examples: 64", "examples: -1"))
    outcome = run(tmp_path, config=config)
    assert outcome.returncode != 0
    assert "'epoch'" in outcome.stdout and "did you mean 'epochs'?" in outcome.stdout
    assert re.search(r"mistaken\.yaml:\d+.*tas\.examples", outcome.stdout)
    assert "Traceback" not in outcome.stdout
    assert not (tmp_path / "results").exists()


def test_a_finished_run_has_nothing_to_do(finished):
    assert "Nothing to be done" in run(finished, "-n").stdout


@pytest.mark.parametrize(
    ("change", "first", "untouched"),
    [
        (lambda config: config["tas"]["recipe"].update(learning_rate=2e-3), {"finetune": 4}, {"pretrain"}),
        (lambda config: config["tas"].update(resamples=21), {"compare_layers": 4}, {"pretrain", "finetune"}),
        (lambda config: config.update(scale="reduced"), {"draw_tas_figures": 1}, {"finetune", "compare_layers"}),
        (lambda config: config["similarity"].update(examples=65), {"capture_runs": 2}, {"finetune", "pretrain_runs_1"}),
        (
            lambda config: config["anb"].update(layers=[1, 4, 5]),
            {"transfer_runs_2": 1},
            {"finetune", "transfer_runs_1"},
        ),
        (
            lambda config: config["quanta"].update(initial=[0.75, 0.5]),
            {"train_sweeps_1": 1},
            {"train_quanta_sources", "transfer_runs_1"},
        ),
        (
            lambda config: config["convergent"].update(clusters=2),
            {"capture_units": 1, "match_units": 1},  # the correlations of units were not kept
            {"train_networks_seeds_0", "finetune"},
        ),
        (
            lambda config: config["basins"]["landscape"].update(draws=2),
            {"explore_modules_1": 1},
            {"train_basins_1", "compare_networks"},
        ),
    ],
    ids=["learning rate", "resamples", "scale", "examples", "layers", "initial", "clusters", "draws"],
)
def test_a_change_of_the_config_re_runs_just_what_depends_on_it(finished, tmp_path, change, first, untouched):
    found = jobs(run(finished, "-n", config=changed(tmp_path, change)).stdout)
    assert first.items() <= found.items()
    assert not untouched & found.keys()


def test_every_rule_tells_its_log_cost_environment_and_needs():
    """Each rule but the targets declares what a cluster and a reader of results need."""
    for path in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^(?:    )?rule\b", path.read_text(), flags=re.MULTILINE)[1:]:
            for directive in ("log:", "benchmark:", "threads:", "mem_mb=growing", "runtime=growing", "conda:", '"""'):
                assert directive in rule, f"{path.name}: rule{rule.splitlines()[0]} lacks {directive}"
            # what re-runs it when its code changes
            script = re.search(r'"../scripts/(.+)"', rule)
            assert script is None or f'code=code("{script[1]}")' in rule, f"{path.name}: {rule}"
            assert "\n    run:" not in rule


def test_fetch_tells_sizes_and_brings_all_that_the_papers_need_and_nothing_else(tmp_path):
    outcome = run(tmp_path, "-n", "fetch", config=PAPER)
    assert outcome.returncode == 0, outcome.stdout
    config = yaml.safe_load(PAPER.read_text())
    found = jobs(outcome.stdout)
    assert found == {
        "download_dataset": len(config["datasets"]),
        "fetch_source": len(config["tas"]["models"]),
        "fetch": 1,
    }
    assert outcome.stdout.count("to fetch: 10.3 GB") == 1
    assert outcome.stdout.index("to fetch: 10.3 GB") < outcome.stdout.index("Job stats")
    assert "nothing to fetch" in run(tmp_path, "-n", "fetch").stdout


def test_what_reaches_for_the_internet_runs_where_snakemake_runs():
    """Compute nodes have none: scripts that fetch belong to local rules."""
    fetching = {path.name for path in (ROOT / "workflow/scripts").glob("*.py") if FETCHES.search(path.read_text())}
    assert fetching == {"download_dataset.py", "fetch_source.py"}
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^(?:    )?rule\b", path.read_text(), flags=re.MULTILINE)[1:]:
            script = re.search(r"\.\./scripts/(\w+\.py)", rule)
            assert not script or script[1] not in fetching or "localrule: True" in rule
