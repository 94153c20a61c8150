"""How error messages name keys, show values and suggest the nearest name."""

import difflib
from collections.abc import Iterable

# mapping keys and list positions, from the top: ("tas", "seeds", 0)
KeyPath = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """A key path as people write it: tas.seeds[0]."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def shown(value: object) -> str:
    """A value as people write it: text in quotes, mappings by their keys, long values cut."""
    if isinstance(value, dict):
        return f"a mapping with the keys {', '.join(map(str, value))}" if value else "an empty mapping"
    text = {True: "true", False: "false", None: "null"}[value] if isinstance(value, bool | None) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(found: str, valid: Iterable[str]) -> str | None:
    """The valid name that a wrong one probably meant, whatever its case."""
    by_lower_case = {name.lower(): name for name in valid}
    near = difflib.get_close_matches(found.lower(), by_lower_case, n=1)
    return by_lower_case[near[0]] if near else None


def advice(found: str, valid: Iterable[str], kind: str) -> str:
    """What to write instead of a wrong name: the nearest valid one, or any of them (kind: what they are, in plural)."""
    names = list(valid)
    near = nearest(found, names)
    return f"did you mean '{near}'?" if near else f"valid {kind}: {', '.join(names) or 'none'}"
