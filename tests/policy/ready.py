"""The ready-made policies of this repository."""

from pathlib import Path

DIRECTORY = Path(__file__).parent.parent.parent / "policies"
FILES = sorted(DIRECTORY.glob("*.yaml"))
