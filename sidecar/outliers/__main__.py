"""Rows of a cohort as JSON on standard input, a file of them on standard output: `python -m sidecar.outliers
parquet`.

For the console, which has no room for pyarrow. Counterpart: `sidecar.console.exports`.
"""

from __future__ import annotations

import sys

import msgspec

from sidecar.errors import SidecarError
from sidecar.outliers import files
from sidecar.outliers.admin import Rows


def main() -> int:
    """Status 1, and the reason on standard error, where it can't be written."""
    rows = msgspec.json.decode(sys.stdin.buffer.read(), type=Rows)
    try:
        sys.stdout.buffer.write(files.content(sys.argv[1], rows))
    except SidecarError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
