"""Digests that tell whether a result is out of date, and the facts that files carry."""

import hashlib
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from transferscope import provenance


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library in place of the real one; returns its folder."""
    files = {
        "__init__.py": "",
        "top.py": "def top():\n    return 1\n",
        "unused.py": "VALUE = 1\n",
        "late.py": "VALUE = 1\n",
        "package/__init__.py": "from transferscope.package.inner import inner\n",
        "package/inner.py": "from . import sibling\nfrom .. import top\nfrom ..above import above\n\ninner = 1\n",
        "package/sibling.py": "VALUE = 1\n",
        "package/module.py": "import transferscope.dotted.name\n",
        "above.py": "def above():\n    return 1\n",
        "dotted/__init__.py": "",
        "dotted/name.py": "import numpy\n\nasync def fetch():\n    return 1\n",
    }
    folder = tmp_path / "transferscope"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(provenance, "LIBRARY", folder)
    return folder


def script(library: Path, text: str) -> Path:
    path = library.parent / "script.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("statement", "reached"),
    [
        ("from transferscope import top", {"top.py", "__init__.py"}),
        ("from transferscope.top import top", {"top.py", "__init__.py"}),
        ("import transferscope.top", {"top.py", "__init__.py"}),
        ("import transferscope.top as other, os", {"top.py", "__init__.py"}),
        ("def late():\n    from transferscope.late import VALUE", {"late.py", "__init__.py"}),
        ("import transferscope.dotted.name", {"dotted/name.py", "dotted/__init__.py", "__init__.py"}),
        ("import numpy, os.path", set()),
        (
            "from transferscope.package import module",
            {
                "package/module.py",
                "dotted/name.py",
                "dotted/__init__.py",
                # the package's own __init__ runs first, and what that imports
                "package/__init__.py",
                "package/inner.py",
                "package/sibling.py",
                "top.py",
                "above.py",
                "__init__.py",
            },
        ),
    ],
)
def test_the_digest_changes_with_each_file_that_is_imported_and_no_other(library, statement, reached):
    path = script(library, statement)
    before = provenance.code_digest(path)
    for file in sorted(library.rglob("*.py")):
        text = file.read_text()
        file.write_text(text + "\nADDED = 1\n")
        name = file.relative_to(library).as_posix()
        assert (provenance.code_digest(path) != before) == (name in reached), name
        file.write_text(text)
    assert provenance.code_digest(path) == before


def test_comments_docstrings_and_layout_do_not_count(library):
    plain = script(library, "from transferscope import top\ndef work(x):\n    return top.top() + x\n")
    before = provenance.code_digest(plain)
    (library / "top.py").write_text('"""What lives here."""\n\n\ndef top():\n    """One."""\n    return (1)  # one\n')
    documented = (
        '"""A script."""\n# why\nfrom transferscope import top\ndef work(\n    x,\n):\n  "x"\n  return top.top()+x\n'
    )
    assert provenance.code_digest(script(library, documented)) == before
    (library / "top.py").write_text("def top():\n    return 2\n")
    assert provenance.code_digest(plain) != before


def test_a_change_of_the_script_itself_counts(library):
    assert provenance.code_digest(script(library, "x = 1")) != provenance.code_digest(script(library, "x = 2"))


def test_modules_that_import_each_other_end(library):
    (library / "top.py").write_text("from transferscope import late\n")
    (library / "late.py").write_text("from transferscope import top\n")
    assert provenance.code_digest(script(library, "from transferscope import top"))


def test_the_digest_of_every_real_script_is_found():
    scripts = sorted(provenance.LIBRARY.parent.glob("*.py"))
    assert scripts
    assert all(len(provenance.code_digest(path)) == 16 for path in scripts)


SCRIPTS = {path.name: path for path in provenance.LIBRARY.parent.glob("*.py")}
# what takes long at the papers' scale, and the paper whose names it knows
TRAIN = [name for name in SCRIPTS if name.startswith(("train_", "pretrain", "finetune"))]
CAPTURE = [name for name in SCRIPTS if name.startswith("capture_")]
PAPER = {"capture_units.py": "convergent", "compare_transfer.py": "anb"}
PAPER |= dict.fromkeys(["compare_networks.py", "explore_modules.py"], "basins")


def reached(script: str) -> list[tuple[str, ...]]:
    """The library files that a script reaches, as the parts of their paths without the suffix."""
    files = provenance.reached(SCRIPTS[script]).keys() - {SCRIPTS[script]}
    return [file.relative_to(provenance.LIBRARY).with_suffix("").parts for file in files]


@pytest.mark.parametrize("script", [*TRAIN, *CAPTURE, *PAPER])
def test_what_takes_long_is_not_done_again_for_an_edit_of_a_message_a_table_or_another_paper(script):
    files = reached(script)
    assert ("store",) in files and ("data", "tasks") in files
    assert not {folder for folder, *_ in files} & {"configuration", "claims", "figures", "tables", "cost"}
    papers = {module for folder, module, *_ in (each for each in files if len(each) > 1) if folder in ("runs", "terms")}
    assert papers - {"__init__"} <= {PAPER.get(script)}


@pytest.mark.parametrize("script", [*TRAIN, *CAPTURE])
def test_what_trains_or_captures_knows_no_analysis_and_no_list_of_runs(script):
    files = reached(script)
    assert not {folder for folder, *_ in files} & {"runs", "similarity"}
    assert not set(files) & {("convergence", module) for module in ("clusters", "mapping", "matching")}


def test_the_check_of_the_config_is_no_part_of_any_result():
    assert [name for name in SCRIPTS if any(folder == "configuration" for folder, *_ in reached(name))] == []


def test_a_digest_knows_values_and_not_the_order_of_keys():
    value = {"a": 1, "b": [1, 2.5, None, "x"]}
    assert provenance.digest(value) == provenance.digest({"b": [1, 2.5, None, "x"], "a": 1})
    others = [{"a": 1}, {"a": 1, "b": [2.5, 1, None, "x"]}, {"a": "1", "b": [1, 2.5, None, "x"]}]
    assert len({provenance.digest(other) for other in [value, *others]}) == 4


def test_the_digest_of_a_file_is_its_sha_256(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1_000_000)
    assert provenance.file_digest(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_versions_are_those_installed_and_nothing_is_imported_for_them():
    found = provenance.versions()
    assert found["python"] == platform.python_version()
    assert found["torch"] == metadata.version("torch")
    code = "import sys; from transferscope import provenance; provenance.versions(); print(*sys.modules)"
    folder = provenance.LIBRARY.parent
    output = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "pandas", "matplotlib"} & set(output.split())
