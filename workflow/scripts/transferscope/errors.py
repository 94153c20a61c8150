"""The one exception that means: the user can put this right."""


class InputError(ValueError):
    """A mistake in a config, a file or an argument.

    The message names the place, what was found, what was expected and what to do; it is shown without a traceback.
    """


def expect(holds: bool, key: str, expected: str, found: object) -> None:
    """Raise InputError if a key of the config does not hold what is expected of it."""
    if not holds:
        raise InputError(f"{key}: expected {expected}, found {found!r}: correct it in the config")
