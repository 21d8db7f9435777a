"""Checks the policies that a setting names and hands them over, in a process of its own that ends.

    python -m sidecar.policy.compiling PATH RUN_DIR

Started by `sidecar.policy.watching` when a file has changed. So a broken file, a huge one or a fault of the
CEL library costs nobody but this process, and nobody keeps a YAML parser in memory for a file that changes
once a week. Bad policies leave the old ones in force. The exit status is 0 when they are in force, 1 when
they were refused.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import msgspec

from sidecar.policy import handing
from sidecar.policy.checking import Checked, check
from sidecar.policy.handing import Status

MOST_ERRORS = 20
"""Sentences that are kept of what is wrong in a file."""


def main(path: Path, run_dir: Path) -> int:
    """Check, hand over, and say what became of it, as one line of JSON on standard output."""
    checked = check(path)
    if checked.policies is not None:
        handing.write(run_dir, handing.IN_FORCE, checked.policies)
    status = follow(handing.status(run_dir), checked, time.time())
    handing.write(run_dir, handing.STATUS, status)
    digest = checked.policies.digest if checked.policies is not None else ""
    print(json.dumps({"digest": digest, "errors": status.errors, "warnings": status.warnings}))
    return 0 if checked.policies is not None else 1


def follow(before: Status, checked: Checked, now: float) -> Status:
    """The status after one more check."""
    warnings = tuple(map(str, checked.warnings))
    if checked.policies is not None:
        return msgspec.structs.replace(
            before, applied=before.applied + 1, applied_at=now, errors=(), warnings=warnings
        )
    errors = tuple(map(str, checked.wrong[:MOST_ERRORS]))
    return msgspec.structs.replace(
        before, refused=before.refused + 1, refused_at=now, errors=errors, warnings=warnings
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
