"""The config's JSON schema: fills in defaults, turns text into numbers, and says in words what was expected.

Beside JSON schema's own keywords it knows `expected`: what a value should be, in words, where a pattern or a
combination would not tell a reader; and `ranges`: whether a list of integers may have entries like 0-397, which stand
for all of them.
"""

import contextlib
import copy
import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import yaml

from transferscope.configuration.settings import Settings
from transferscope.configuration.wording import advice, nearest, shown

SCHEMA_FILE = Path(__file__).parents[3] / "schemas" / "config.schema.yaml"

KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
WORDS = {"true": True, "false": False, "null": None}


def _is_number(_, value: object) -> bool:
    """JSON schema counts infinity and NaN among the numbers; no key here can mean them."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number),
)


class Schema:
    """The schema that every config follows."""

    def __init__(self):
        self._root = _read()

    def complete(self, settings: Settings) -> None:
        """Fill in every default, and turn text into numbers where numbers are wanted."""
        settings.values = self._completed(settings.values, self._root)

    def check(self, settings: Settings) -> None:
        """Note every key and value that the schema does not allow."""
        for error in Validator(self._root).iter_errors(settings.values):
            self._note(settings, error)

    def _completed(self, value: object, schema: dict) -> object:
        for part in self._applicable(value, schema):
            value = _as_kind(value, part.get("type"))
            if isinstance(value, dict):
                properties, others = part.get("properties", {}), part.get("additionalProperties") or {}
                for key, below in properties.items():
                    defaults = [part["default"] for part in self._applicable(None, below) if "default" in part]
                    if key not in value and defaults:
                        value[key] = copy.deepcopy(defaults[0])
                value |= {key: self._completed(item, properties.get(key, others)) for key, item in value.items()}
            elif isinstance(value, list):
                if part.get("ranges"):
                    value = [number for item in value for number in _of_range(item)]
                value = [self._completed(item, part.get("items", {})) for item in value]
        return value

    def _applicable(self, value: object, schema: dict) -> Iterator[dict]:
        """A schema and those that it leads to for this value, by reference or by condition."""
        yield schema
        if "$ref" in schema:
            yield from self._applicable(value, self._referenced(schema))
        for part in schema.get("allOf", []):
            yield from self._applicable(value, part)
        if "if" in schema and Validator(schema["if"]).is_valid(value):
            yield from self._applicable(value, schema["then"])

    def _referenced(self, schema: dict) -> dict:
        return self._root["$defs"][schema["$ref"].removeprefix("#/$defs/")]

    def _note(self, settings: Settings, error: jsonschema.ValidationError) -> None:
        """Put one of jsonschema's errors into words."""
        path, found = tuple(error.absolute_path), error.instance
        match error.validator:
            case "additionalProperties":
                valid = error.schema["properties"]
                for key in found.keys() - valid.keys():
                    settings.reject_key((*path, key), "unknown", advice(key, valid, "keys"))
            case "required":
                for key in error.validator_value:
                    if key not in found:
                        expected = self._words(error.schema["properties"][key])
                        settings.reject_key((*path, key), "missing", f"expected {expected}")
            case "enum":
                valid = error.validator_value
                # a reader finds the right one of a few without help
                near = nearest(found, valid) if isinstance(found, str) and len(valid) > 4 else None
                question = f": did you mean '{near}'?" if near else ""
                settings.reject(path, self._words(error.schema), shown(found) + question)
            case _:
                is_name = "propertyNames" in error.absolute_schema_path
                settings.reject((*path, found) if is_name else path, self._words(error.schema), shown(found))

    def _words(self, schema: dict) -> str:
        """What a value of this schema is, in words."""
        if "expected" in schema:
            return schema["expected"]
        if "$ref" in schema:
            return self._words(self._referenced(schema))
        if "enum" in schema:
            return f"one of {', '.join(map(str, schema['enum']))}"
        kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        limits = [f"{sign} {schema[limit]}" for limit, sign in LIMITS.items() if limit in schema]
        return " ".join([" or ".join(KINDS[kind] for kind in kinds), " and ".join(limits)]).strip()


@functools.cache
def _read() -> dict:
    """The schema's file, read once."""
    return yaml.safe_load(SCHEMA_FILE.read_text())


def _as_kind(value: object, kinds: str | list[str] | None) -> object:
    """The value, or the number, truth value or null that it spells where the schema wants one.

    YAML 1.1 takes 5e-5 for text, and Snakemake everything within the braces of a `--config` setting.
    """
    if kinds is None:
        return value
    meant = _spelled(value) if isinstance(value, str) else value
    if isinstance(meant, float) and meant.is_integer() and "integer" in kinds:
        meant = int(meant)
    return meant if Validator({"type": kinds}).is_valid(meant) else value


def _of_range(item: object) -> list:
    """The integers from the first to the last one that a text like 0-397 spells, or else the item alone."""
    ends = re.fullmatch(r"(\d+)-(\d+)", item) if isinstance(item, str) else None
    return list(range(int(ends[1]), int(ends[2]) + 1)) if ends and int(ends[1]) <= int(ends[2]) else [item]


def _spelled(text: str) -> object:
    """The number, truth value or null that a text spells, or else the text."""
    if text in WORDS:
        return WORDS[text]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
