"""What the papers' scale costs: the page says what the command derives, and the command counts what would run."""

import re
from collections import Counter

import yaml
from running import ROOT, listed, run

PAPER = ROOT / "config" / "paper.yaml"
PAGE = ROOT / "docs" / "cost.md"


def test_the_page_is_what_the_command_writes(tmp_path):
    outcome = run(tmp_path, "cost", config=PAPER)
    assert outcome.returncode == 0, outcome.stdout
    assert (tmp_path / "results/cost.md").read_text() == PAGE.read_text()


def test_the_page_counts_the_jobs_that_would_run(tmp_path):
    jobs, with_a_gpu = Counter(), Counter()
    papers = {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")} & yaml.safe_load(PAPER.read_text()).keys()
    for job in listed(tmp_path, PAPER):
        ((log,), _) = job["log"]
        folder = log.split("/")[1]
        name = folder if folder in papers else "report" if job["rule"] == "write_config" else "images"
        jobs[name] += 1
        with_a_gpu[name] += job["gpu"]
    # those without a script: the report itself, and the target of all
    jobs["report"] += 2
    rows = re.findall(r"^\| (\w+) \| [\d,]+ \| ([\d,]+) \| ([\d,]+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: (int(count), int(gpus)) for name, count, gpus in rows} == {
        name: (jobs[name], with_a_gpu[name]) for name in ["images", *papers, "report"]
    }
