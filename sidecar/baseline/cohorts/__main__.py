"""The process that groups: `python -m sidecar.baseline.cohorts QUESTION ANSWER`, both names of files.

What it cannot do it says in one line, with exit status 1; the observer shows that line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from sidecar import cohort
from sidecar.errors import SidecarError
from sidecar.features import Schema
from sidecar.scoring import artifact, sample


def main(question: Path, answer: Path) -> None:
    """Read the question, write the answer. Raises SidecarError when that cannot be done."""
    try:
        from threadpoolctl import threadpool_limits

        from sidecar.baseline.cohorts.finding import find
    except ModuleNotFoundError as error:
        raise SidecarError(
            f"grouping needs {error.name}, which is not installed; install sidecar with its extra `fit`"
        ) from error
    asked = cohort.question(question.read_bytes())
    manifest, arrays = artifact.read(Path(asked.baseline))
    with threadpool_limits(1):  # the other processors are the model's
        found = find(asked, manifest.schema, sample.values(arrays, Schema(manifest.schema)))
    answer.write_bytes(cohort.written(found))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except (SidecarError, OSError, ValueError, msgspec.MsgspecError) as error:
        sys.exit(str(error))
