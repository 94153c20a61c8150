"""Where a result comes from: the facts that every file carries, and the digests that tell whether it is out of date."""

import ast
import functools
import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path

LIBRARY = Path(__file__).parent


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute, as installed here (no package is imported)."""
    found = {"python": platform.python_version()}
    for package in ("numpy", "torch", "torchvision", "timm", "h5py", "pandas", "matplotlib"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def digest(value: object) -> str:
    """Digest of a JSON-like value (SHA-256, 16 hex digits), the same whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code_digest(script: str | Path) -> str:
    """Digest of a script and of every library file that it reaches by import.

    Snakemake re-runs a rule when its script changes, but not when the library under the script does; a rule that
    carries this digest among its parameters is re-run for both. Comments, docstrings and layout do not count.
    """
    return digest(sorted(reached(script).values()))


def reached(script: str | Path) -> dict[Path, str]:
    """The digests of a script and of every library file that it reaches by import, each by its path."""
    pending, seen = [Path(script)], {}
    while pending:
        path = pending.pop()
        if path in seen:
            continue
        seen[path], imports = _read_module(path, path.read_text())
        pending += imports
    return seen


# scripts share most of the library: each file is parsed once, not once a script
@functools.cache
def _read_module(path: Path, text: str) -> tuple[str, list[Path]]:
    """The code of a module, as a digest that ignores its docstrings, and the library files that it imports."""
    tree = ast.parse(text, str(path))
    imports = _library_imports(tree, path)
    return digest(ast.dump(_without_docstrings(tree))), imports


def _library_imports(tree: ast.AST, path: Path) -> list[Path]:
    """Files of this library that the module at `path` imports, at its top or inside a function.

    The packages that a module lies in are imported before it, so they count as well.
    """
    root = LIBRARY.parent
    stems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            stems += [root.joinpath(*alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # one dot is the module's own package, each further dot the package around it
            start = path.parents[node.level - 1] if node.level else root
            module = start.joinpath(*(node.module or "").split("."))
            stems += [module, *(module / alias.name for alias in node.names)]
    reached = {part for stem in stems for part in (stem, *stem.parents) if part.is_relative_to(LIBRARY)}
    files = (file for stem in reached for file in (stem.with_suffix(".py"), stem / "__init__.py"))
    return [file for file in files if file.is_file()]


def _without_docstrings(tree: ast.AST) -> ast.AST:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree
