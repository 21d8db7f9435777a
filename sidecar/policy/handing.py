"""The hand-over of policies: written by the process that checks them, read by data planes and observer.

Two files in the run directory, each swapped whole. `policies.json` holds the policies in force.
`policies-status.json` says what became of the last change, also when it was refused and the old ones stay.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sidecar.policy.rules import Policies

IN_FORCE = "policies.json"
STATUS = "policies-status.json"


class Status(msgspec.Struct, frozen=True):
    """What became of the last change. Times are Unix seconds; the counts are since `sidecar run` began."""

    applied: int = 0
    refused: int = 0
    applied_at: float = 0.0
    refused_at: float = 0.0
    errors: tuple[str, ...] = ()
    """What is wrong with the files as they are now; empty when they are in force."""
    warnings: tuple[str, ...] = ()


def write(directory: Path, name: str, value: Policies | Status) -> None:
    """Write a file whole, or not at all. Raises OSError."""
    part = directory / f"{name}.part"
    part.write_bytes(msgspec.json.encode(value))
    part.replace(directory / name)


def policies(directory: Path) -> Policies:
    """The policies in force. Raises OSError or msgspec.MsgspecError."""
    return msgspec.json.decode((directory / IN_FORCE).read_bytes(), type=Policies)


def status(directory: Path) -> Status:
    """What became of the last change, as far as it can be read."""
    try:
        return msgspec.json.decode((directory / STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return Status()
