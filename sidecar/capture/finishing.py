"""Has Parquet files made of journals, by a process that ends with each.

It holds the journal's lock, too: should the writer be killed meanwhile, the file is finished all the same,
and nobody else begins with it. Counterpart: `sidecar.capture.files`, which is what runs there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sidecar.capture.journal import Full
from sidecar.errors import SidecarError

UNWRITABLE = 65
"""Exit status when no file can be made of a journal, however often it's tried (EX_DATAERR)."""

SPARING = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Told to the process that makes files: Arrow's own pool takes 20 to 40 MB more to save no time here."""


class Unwritable(SidecarError):
    """A journal that no file can be made of."""


def finish(full: Full, folder: Path) -> int:
    """Make a file of a journal, below `folder`, and delete the journal. Returns the bytes of the file; 0 when
    the journal held nothing. Raises Unwritable, or OSError when it may go well another time."""
    made = subprocess.run(
        [sys.executable, "-m", "sidecar.capture.files", str(full.path), str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        pass_fds=(full.file,),
        env=SPARING | os.environ,
        check=False,
    )
    if made.returncode == 0:
        return int(made.stdout)
    said = made.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    if made.returncode == UNWRITABLE:
        raise Unwritable(said)
    raise OSError(said or f"the process that makes files ended with status {made.returncode}")
