"""Runs `sidecar fit` on learned rows, in a short-lived process of low priority.

So PyOD's 180 MB are there for seconds only, and a fit that crashes takes nothing with it. Counterparts:
`sidecar.observer.learning` decides when; `sidecar.baseline` is what runs in the other process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from pathlib import Path

from sidecar.observer.learning import ANSWER, Learning

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often it's looked whether there are enough rows."""

FIT_SECONDS = 600.0
"""A fit that takes longer is killed and counts as failed."""

MESSAGE_BYTES = 4_000
"""Of what a failed fit wrote, the last bytes are kept: that's where the reason stands."""

_ANSWERED = f'"{ANSWER}'.encode()

NICE = 15
"""The model's traffic goes first, then the observer, then this."""


async def keep_fitting(learning: Learning, detectors: str, run_dir: Path) -> None:
    """Fit whenever learning has collected enough, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        lines = learning.due()
        if lines is None:
            continue
        try:
            failure, out = await _try(lines, detectors, run_dir / "learned")
        except OSError as error:  # a disk may be full now and have room later
            failure, out = f"the fit could not be done: {error}", ""
        if failure:
            log.error("learning failed after %d rows, going on: %s", len(lines), failure)
            learning.failed(failure)
        else:
            log.info("learned a baseline from %d rows: %s", len(lines), out)
            learning.fitted(out)


async def _try(lines: list[bytes], detectors: str, folder: Path) -> tuple[str, str]:
    """Fit once: the reason when it failed, else empty, and the directory of the baseline. Raises OSError."""
    data, out = folder / "rows.jsonl", fresh(folder)
    command = (sys.executable, "-m", "sidecar.cli", "fit", "--data", str(data), "--out", str(out))
    try:
        await asyncio.to_thread(write, data, lines)
        failure = await run((*command, *outputs(lines), "--detectors", detectors, "--quiet"))
    finally:
        await asyncio.to_thread(data.unlink, missing_ok=True)
    if failure:
        shutil.rmtree(out, ignore_errors=True)
    return failure, str(out)


def outputs(lines: list[bytes]) -> tuple[str, ...]:
    """What to tell `sidecar fit` of the answers in these rows; nothing where there are none."""
    return ("--outputs", f"{ANSWER}*") if any(_ANSWERED in line for line in lines) else ()


async def run(command: tuple[str, ...], seconds: float = FIT_SECONDS, what: str = "the fit") -> str:
    """Run a command at low priority; what it complained about when it failed, else empty."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        return f"{what} took longer than {seconds:g} s and was killed"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return ""
    message = said[-MESSAGE_BYTES:].decode("utf-8", "replace").strip()
    return message or f"{what} ended with status {process.returncode} and said nothing"


def write(path: Path, lines: list[bytes]) -> None:
    """One line of JSON for each row."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)


def fresh(folder: Path) -> Path:
    """A directory name below `folder`, which is made, that no earlier fit has used. Raises OSError."""
    folder.mkdir(exist_ok=True)
    numbers = (path.name.removeprefix("baseline-") for path in folder.glob("baseline-*"))
    return folder / f"baseline-{max((int(n) for n in numbers if n.isdigit()), default=0) + 1}"
