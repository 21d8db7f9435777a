"""PyOD's worker: a process that scores with PyOD itself what has no compiled form.

    a baseline's rows, parameters, seed -> fitted again -> tried on rows whose scores are stored -> answers

The supervisor starts it where a baseline needs it, and starts it again when it dies. A data plane asks over a
Unix socket and never waits longer than its patience; while the detectors are fitted the answer is that they
are. If one batch holds PyOD up for minutes, this process ends itself. No pickle is ever read: a detector is
fitted from the rows that the baseline holds, and refused when it then scores differently.

Counterparts: `sidecar.scoring.apart` asks, `sidecar.baseline.uncompiled` fits and tries.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from sidecar.baseline import uncompiled
from sidecar.baseline.uncompiled import Uncompiled
from sidecar.errors import SidecarError
from sidecar.link import Frames, bound, framed
from sidecar.scoring import artifact
from sidecar.scoring.apart import DEADLINE, REFUSED, STARTING, Ask, Told
from sidecar.scoring.detector import need
from sidecar.wanted import read

log = logging.getLogger(__name__)

NICE = 5
"""The model's traffic goes first."""

STUCK_SECONDS = 60.0
"""A batch that takes PyOD longer holds up all others for good: the process ends, and is started again."""

KEPT = 2
"""Baselines held at once: the one in use and the next."""

READ_BYTES = 262_144

_asks = msgspec.msgpack.Decoder(Ask)

Detectors = dict[str, Uncompiled]


class Bench:
    """The baselines that this process has fitted again, is fitting, or has refused. On the event loop
    only."""

    def __init__(self) -> None:
        self._found: dict[str, Detectors | Told] = {}
        """By digest: the detectors, or what to say instead."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._fitting = ThreadPoolExecutor(1, thread_name_prefix="fit")
        self._scoring = ThreadPoolExecutor(1, thread_name_prefix="score")

    async def answer(self, ask: Ask) -> Told:
        """Score, or say why not."""
        found = self._found.get(ask.digest)
        if found is None:
            self.fit(ask.directory, ask.digest)
            return Told(reason=STARTING)
        if isinstance(found, Told):
            return found
        if ask.detector not in found:
            return Told(
                reason=REFUSED, detail=f"{ask.directory}: has no detector {ask.detector} for the worker"
            )
        return await asyncio.get_running_loop().run_in_executor(
            self._scoring, score, found[ask.detector], ask
        )

    def fit(self, directory: str, digest: str) -> None:
        """Begin to fit what the worker is to score of a baseline; the latest are kept."""
        while len(self._found) >= KEPT:
            del self._found[next(iter(self._found))]
        self._found[digest] = Told(reason=STARTING)
        task = asyncio.get_running_loop().create_task(self._fit(directory, digest), name="fit again")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fit(self, directory: str, digest: str) -> None:
        try:
            work = partial(refitted, Path(directory), digest)
            found: Detectors | Told = await asyncio.get_running_loop().run_in_executor(self._fitting, work)
        except SidecarError as error:
            log.error("the baseline's detectors cannot be fitted again: %s", error)
            found = Told(reason=REFUSED, detail=str(error))
        except Exception as error:
            log.exception("the baseline's detectors cannot be fitted again")
            found = Told(reason=REFUSED, detail=f"{directory}: {error}")
        if digest in self._found:
            self._found[digest] = found

    def close(self) -> None:
        for pool in (self._fitting, self._scoring):
            pool.shutdown(wait=False, cancel_futures=True)


def refitted(directory: Path, digest: str) -> Detectors:
    """The detectors of a baseline that have no compiled form, fitted again. Raises SidecarError when the
    baseline cannot be read, is another one by now, or a detector comes out different."""
    manifest, arrays = artifact.read(directory)
    if not manifest.digest.startswith(digest):
        raise SidecarError(f"{directory}: is not the baseline {digest} any more")
    entries = [entry for entry in manifest.detectors if entry.apart]
    if not entries:
        return {}
    try:
        rows = need(arrays, artifact.ROWS, np.float64, -1, -1)
        checks = need(arrays, artifact.CHECKS, np.float64, -1, rows.shape[1])
        found: Detectors = {}
        for entry in entries:
            (wanted,) = read(entry.wanted)
            began = time.monotonic()
            found[entry.name] = uncompiled.again(
                wanted,
                rows[: entry.rows],
                manifest.split.seed,
                alone=entry.alone,
                rows=checks[need(arrays, f"{entry.name}/{artifact.CHECKED_ROWS}", np.int64, -1)],
                scores=need(arrays, f"{entry.name}/{artifact.CHECKED}", np.float64, -1),
            )
            log.info("%s is fitted again, in %.1f s", entry.wanted, time.monotonic() - began)
    except (ValueError, IndexError) as error:
        raise SidecarError(f"{directory / artifact.ARRAYS}: {error}") from error
    return found


def score(detector: Uncompiled, ask: Ask) -> Told:
    """Score the rows, unless nobody waits for them any more."""
    if time.monotonic() > ask.expires:
        return Told(reason=DEADLINE)
    faulthandler.dump_traceback_later(
        STUCK_SECONDS, exit=True
    )  # also when PyOD never lets go of the interpreter
    try:
        rows = np.frombuffer(ask.rows, dtype="<f8").reshape(-1, ask.columns).astype(np.float64)
        return Told(detector.score_many(rows).astype("<f8").tobytes())
    except Exception as error:
        log.exception("PyOD could not score %s", ask.detector)
        return Told(reason=f"not-a-score:{ask.detector}", detail=str(error))
    finally:
        faulthandler.cancel_dump_traceback_later()


async def _serve(bench: Bench, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One data plane, one question at a time, until it hangs up."""
    frames = Frames()
    try:
        while data := await reader.read(READ_BYTES):
            for body in frames.update(data):
                writer.write(framed(await bench.answer(_asks.decode(body))))
                await writer.drain()
    except (ValueError, OSError, msgspec.MsgspecError) as error:
        log.warning("a data plane's connection is closed: %s", error)
    finally:
        writer.transport.abort()


async def serve(path: Path, baseline: str) -> None:
    """Answer on the socket at `path` until SIGTERM. `baseline`: the directory to begin with, if there is
    one."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the supervisor says when
    os.nice(NICE)
    bench = Bench()
    with threadpool_limits(1):  # the cores are the model's
        server = await asyncio.start_unix_server(partial(_serve, bench), sock=bound(path), limit=READ_BYTES)
        if baseline:
            with contextlib.suppress(SidecarError):  # whoever asks for it will be told
                bench.fit(baseline, artifact.read(Path(baseline))[0].digest[:12])
        await asked.wait()
        server.close()
        bench.close()
    os._exit(0)  # whatever PyOD is in the middle of, nobody waits for it
