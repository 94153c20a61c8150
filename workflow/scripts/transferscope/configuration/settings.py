"""Settings: the values of all config files, where each was set, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from transferscope.configuration.wording import KeyPath, dotted
from transferscope.errors import InputError

TEXT_TAG = "tag:yaml.org,2002:str"
MERGE_TAG = "tag:yaml.org,2002:merge"


class Origin(NamedTuple):
    """Where a key was set; origins sort by file, in the order of reading, then by line."""

    order: int
    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Settings:
    """Values merged from config files and the command line, with the origin of each key and the errors found so far.

    A later file wins over an earlier one; mappings merge key by key, all else is replaced whole, as in Snakemake.
    A key path is a tuple of mapping keys and list positions: ("tas", "seeds", 0) is tas.seeds[0].
    """

    def __init__(self):
        self.values: dict = {}
        self._origins: dict[KeyPath, Origin] = {(): Origin(0, "--config")}
        self._files = 0
        self._errors: set[tuple[Origin, str]] = set()
        self._wrong: set[KeyPath] = set()

    def read(self, path: str | Path) -> bool:
        """Merge a YAML file over the values; note duplicate keys and keys that are no text.

        Returns False, and notes why, if the file cannot be read, is no valid YAML or is not a mapping.
        """
        self._files += 1
        file = Origin(self._files, _short(path))
        try:
            loader = yaml.SafeLoader(Path(path).read_bytes())
            node = loader.get_single_node()
            if not isinstance(node, yaml.MappingNode):
                kinds = {yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list", type(None): "an empty file"}
                return self._reject_file(file, f"expected a mapping ('key: value' lines), found {kinds[type(node)]}")
            self._origins[()] = file
            self._note_keys(node, (), file)
            _merge(self.values, loader.construct_document(node))
        except OSError as error:
            return self._reject_file(file, f"expected a config file, found none ({error.strerror})")
        except yaml.MarkedYAMLError as error:
            line = (error.problem_mark or error.context_mark).line + 1
            context = f" {error.context} (begun in line {error.context_mark.line + 1})" if error.context_mark else ""
            return self._reject_file(file._replace(line=line), f"no valid YAML: {error.problem}{context}")
        except yaml.YAMLError as error:
            return self._reject_file(file, f"no valid YAML: {error}")
        return True

    def override(self, values: Mapping) -> None:
        """Merge Snakemake's own values over the files': they hold `--config` settings beside what the files say."""
        command_line = Origin(self._files + 1, "--config")
        values = _with_text_keys(values)
        for path in list(_differences(self.values, values)):
            # what the files say below a key that is replaced does not count any more
            self._origins = {key: origin for key, origin in self._origins.items() if key[: len(path)] != path}
            for length in range(1, len(path) + 1):
                self._origins.setdefault(path[:length], command_line)
        _merge(self.values, values)

    def origin(self, path: KeyPath) -> Origin:
        """Where a key was last set; for a key that was not, where the mapping was that should have it."""
        while path not in self._origins:
            path = path[:-1]
        return self._origins[path]

    def at(self, *path: str) -> object:
        """The value at a key path; None where there is none, or where an error above, at or below it is noted."""
        if any(path[: len(wrong)] == wrong[: len(path)] for wrong in self._wrong):
            return None
        return self._value(path)

    def names(self, *path: str) -> list[str]:
        """The keys of the mapping, or the texts in the list, at a key path; none where there is neither."""
        value = self._value(path)
        return [name for name in value if isinstance(name, str)] if isinstance(value, dict | list) else []

    def reject(self, path: KeyPath, expected: str, found: str) -> None:
        """Note that a value is not as expected."""
        origin = self.origin(path)
        self._wrong.add(path)
        self._errors.add((origin, f"{origin}: {dotted(path) or 'config'}: expected {expected}, found {found}"))

    def reject_key(self, path: KeyPath, fault: str, advice: str) -> None:
        """Note that a key is itself wrong (fault: "unknown", "missing", ...), and what to do about it."""
        origin = self.origin(path)
        self._wrong.add(path)
        under = f" under {dotted(path[:-1])}" if path[:-1] else ""
        self._errors.add((origin, f"{fault} key '{path[-1]}'{under} ({origin}): {advice}"))

    def raise_errors(self) -> None:
        """Raise one InputError that lists every error noted, a line each, in the order of files and lines, if any."""
        if self._errors:
            raise InputError("\n".join(text for _, text in sorted(self._errors)))

    def _value(self, path: KeyPath) -> object:
        value = self.values
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _reject_file(self, origin: Origin, text: str) -> bool:
        self._errors.add((origin, f"{origin}: {text}"))
        return False

    def _note_keys(self, node: yaml.Node, path: KeyPath, file: Origin) -> None:
        """Note the line of every key and list item below a node of a file."""
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self._origins[*path, position] = file._replace(line=item.start_mark.line + 1)
                self._note_keys(item, (*path, position), file)
        elif isinstance(node, yaml.MappingNode):
            first_lines = {}
            # what is merged in (`<<: *anchor`) comes first: a mapping's own keys win over it
            for key, value in sorted(node.value, key=lambda pair: pair[0].tag != MERGE_TAG):
                if key.tag == MERGE_TAG:
                    for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                        self._note_keys(merged, path, file)
                elif isinstance(key, yaml.ScalarNode):
                    self._note_key(key, path, file, first_lines)
                    self._note_keys(value, (*path, key.value), file)

    def _note_key(self, key: yaml.ScalarNode, path: KeyPath, file: Origin, first_lines: dict[str, int]) -> None:
        line = key.start_mark.line + 1
        self._origins[*path, key.value] = file._replace(line=line)
        if key.tag != TEXT_TAG:
            kind = key.tag.rsplit(":", 1)[-1]
            self.reject_key((*path, key.value), "bad", f"YAML reads it as {kind}, not as text: put it in quotes")
            key.tag = TEXT_TAG
        if key.value in first_lines:
            advice = f"already set in line {first_lines[key.value]}: keep one of them"
            self.reject_key((*path, key.value), "duplicate", advice)
        first_lines.setdefault(key.value, line)


def _short(path: str | Path) -> str:
    """A path as people type it: relative to the working directory where it lies below it."""
    path = Path(path)
    return str(path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path)


def _with_text_keys(values: Mapping) -> dict:
    """Plain dicts without the keys that are no text: those came from a file, where they are noted already."""
    return {
        key: _with_text_keys(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if isinstance(key, str)
    }


def _merge(values: dict, update: Mapping) -> dict:
    """Merge `update` into `values`, in place; mappings are copied, so that an anchor's uses do not share one."""
    for key, value in update.items():
        if isinstance(value, Mapping):
            below = values.get(key)
            value = _merge(below if isinstance(below, dict) else {}, value)
        values[key] = value
    return values


def _differences(values: object, update: Mapping, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Paths of the values of `update`, mappings aside, that `values` does not have alike."""
    for key, value in update.items():
        known = values.get(key) if isinstance(values, dict) else None
        if isinstance(value, Mapping):
            yield from _differences(known, value, (*path, key))
        elif known != value or not isinstance(values, dict) or key not in values:
            yield (*path, key)
