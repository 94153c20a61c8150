"""What a script does around its work."""

import json
import sys
from types import SimpleNamespace

import pytest

from transferscope.errors import InputError
from transferscope.job import job_log
from transferscope.machine import exclusive


@pytest.fixture
def snakemake(tmp_path, monkeypatch):
    """What a script sees of its job, as far as `job_log` looks."""
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(rule="finetune", log=[str(tmp_path / "logs" / "finetune.log")], config={"scale": "demo"})


def log_of(snakemake) -> str:
    with open(snakemake.log[0]) as stream:
        return stream.read()


def test_what_is_printed_goes_to_the_log_at_once(snakemake, capsys):
    with job_log(snakemake):
        print("epoch 1")
        print("a warning", file=sys.stderr)
        assert log_of(snakemake) == "epoch 1\na warning\n"
    print("after")
    assert capsys.readouterr() == ("after\n", "")


def test_a_users_mistake_is_one_message_in_the_log_and_on_the_console(snakemake, capsys):
    with pytest.raises(SystemExit) as ending, job_log(snakemake):
        raise InputError("config.yaml: seeds: expected numbers")
    assert ending.value.code == "error in rule finetune: config.yaml: seeds: expected numbers"
    assert log_of(snakemake) == "error: config.yaml: seeds: expected numbers\n"
    assert capsys.readouterr() == ("", "")


def test_any_other_error_leaves_its_traceback_in_the_log_and_its_place_on_the_console(snakemake, capsys):
    with pytest.raises(SystemExit) as ending, job_log(snakemake):
        raise ZeroDivisionError("by zero")
    assert ending.value.code == f"rule finetune failed; its log: {snakemake.log[0]}"
    assert "Traceback" in log_of(snakemake)
    assert "ZeroDivisionError: by zero" in log_of(snakemake)
    assert capsys.readouterr() == ("", "")


def test_a_log_that_has_no_room_or_no_folder_is_told_without_a_traceback(snakemake, tmp_path):
    full = "error in rule finetune: no room on the disk (No space left on device): make some and run again"
    snakemake.log = ["/dev/full"]
    with pytest.raises(SystemExit) as ending, job_log(snakemake):
        print("epoch 1")
    assert ending.value.code == full
    with pytest.raises(SystemExit) as ending, job_log(snakemake):
        raise ZeroDivisionError("which the log has no room for")
    assert ending.value.code == full
    (tmp_path / "results").write_text("a file, not a folder")
    snakemake.log = [str(tmp_path / "results/logs/finetune.log")]
    with pytest.raises(SystemExit, match=r"its log cannot be written .*make its folder writable"), job_log(snakemake):
        pass


def test_a_job_is_at_work_until_its_script_ends(snakemake):
    with job_log(snakemake):
        assert [path.name.split()[0] for path in exclusive.JOBS.iterdir()] == ["finetune"]
        with pytest.raises(InputError, match="still at work"):
            exclusive.require_idle()
    exclusive.require_idle()


def test_an_interruption_is_not_taken_for_an_error(snakemake):
    with pytest.raises(KeyboardInterrupt), job_log(snakemake):
        raise KeyboardInterrupt


def test_facts_name_the_job_and_fit_into_a_file(snakemake):
    with job_log(snakemake) as job:
        facts = job.facts(seeds=[0, 1])
    assert facts["rule"] == "finetune"
    assert facts["seeds"] == [0, 1]
    assert facts["wall_seconds"] >= 0
    assert {"config_digest", "versions", "date"} < set(facts)
    assert json.loads(json.dumps(facts)) == facts
    other = SimpleNamespace(**vars(snakemake) | {"config": {"scale": "paper"}})
    with job_log(other) as job:
        assert job.facts()["config_digest"] != facts["config_digest"]
