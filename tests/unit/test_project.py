"""The project's own files: that what is said in two places is the same in both."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def locked(python: str) -> dict[str, str]:
    """Version of each package in the lock file, for a Python such as "3.12"."""
    found = {}
    for name, version, condition in re.findall(
        r"^([\w-]+)==(\S+)(?: ; (.*?))? \\$", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    ):
        bounds = re.findall(r"python_full_version (<|>=) '(\d+)\.(\d+)'", condition)
        minor = int(python.split(".")[1])
        if all(minor < int(bound) if sign == "<" else minor >= int(bound) for sign, _, bound in bounds):
            found[name] = version
    return found


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environments_are_pinned_as_the_lock_file_is(path):
    *conda, pip = yaml.safe_load(path.read_text())["dependencies"]
    (python,) = (entry.removeprefix("python=") for entry in conda if entry.startswith("python="))
    pins = dict(entry.split("==") for entry in pip["pip"])
    expected = locked(python)
    assert pins == {name: expected[name] for name in pins}


def test_every_environment_of_a_rule_exists_and_every_environment_is_used():
    used = set()
    for rules in (ROOT / "workflow" / "rules").glob("*.smk"):
        used |= set(re.findall(r"conda:\s+\"\.\./\.\./envs/(\w+)\.yaml\"", rules.read_text()))
    assert used == {path.stem for path in ENVIRONMENTS}


def test_the_lock_file_has_hashes_and_names_no_index():
    text = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"\n(?=\w)", text[text.index("\n") :].strip())
    assert all("--hash=sha256:" in package for package in packages if "==" in package)
    assert "://" not in text and "--index" not in text and "--extra-index" not in text


def test_the_container_has_the_python_of_the_environments_and_the_lock_file():
    container = (ROOT / "Dockerfile").read_text()
    (python,) = {re.search(r"- python=(.+)", path.read_text())[1] for path in ENVIRONMENTS}
    assert re.findall(r"^FROM (.+)$", container, re.MULTILINE) == [f"python:{python}-slim"]
    assert "--require-hashes --requirement requirements.lock" in container
