"""What a network's layers hand on for a fixed set of examples: captured once, kept in files, read by the analyses.

`capture.capture` needs torch and is not imported here: an analysis that reads a file does without.
"""

from transferscope.activations.files import Activations, read, write

__all__ = ["Activations", "read", "write"]
