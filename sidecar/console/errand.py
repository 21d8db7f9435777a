"""An errand: a short-lived process of ours that does what the observer must not, such as importing pyarrow.

It reads its standard input to the end and writes to its standard output. One that takes too long is killed,
also when whoever waits for it has gone. Counterparts: `sidecar.console.exports` and `uploads`, which
send them; `sidecar.outliers.__main__` and `sidecar.labels.parquet`, which do them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import NamedTuple


class Done(NamedTuple):
    """How an errand ended: its status, its standard output, and the last line of its standard error."""

    status: int
    written: bytes
    said: str


async def errand(module: str, *arguments: str, content: bytes, seconds: float) -> Done:
    """Run `python -m module` on `content`. Raises TimeoutError when it takes longer than `seconds`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            written, said = await process.communicate(content)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return Done(process.returncode or 0, written, last)
