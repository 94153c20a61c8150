"""The one exception that means: the user can put this right."""


class InputError(ValueError):
    """A mistake in a config, a file or an argument.

    The message names the place, what was found, what was expected and what to do; it is shown without a traceback.
    """
