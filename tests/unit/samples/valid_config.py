"""The text of a config that is valid and asks for all papers, to be changed in one place."""

from pathlib import Path

VALID = Path(__file__).with_name("valid.yaml").read_text()
