"""Runs a refit: two short-lived processes of low priority, one that fits and one that holds the contest.

Counterparts: `sidecar.observer.refit` says when and with what; `sidecar.baseline` is what runs in both.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from pathlib import Path

import msgspec

from sidecar import contest
from sidecar.contest import Contest
from sidecar.observer.fitting import fresh, outputs, run, write
from sidecar.observer.observer import Observer
from sidecar.observer.refit import WEIGHT, Refused, Rows

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often it's looked whether a refit is due."""

CONTEST_SECONDS = 300.0
"""A contest that takes longer is killed, and the challenger with it."""


async def keep_refitting(observer: Observer, run_dir: Path) -> None:
    """Refit whenever it's due, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if observer.refit.due(observer.clock()):
            await refit(observer, run_dir)


async def refit(observer: Observer, run_dir: Path) -> None:
    """One refit, from the rows to the decision."""
    folder = run_dir / "learned"
    try:
        await _refit(observer, folder, fresh(folder))
    except OSError as error:  # a disk may be full now and have room later
        log.error("no refit: %s", error)
        observer.refit.refused(f"it could not be done: {error}", observer.clock())


async def _refit(observer: Observer, folder: Path, out: Path) -> None:
    try:
        rows = observer.rows_to_refit()
        observer.refit.begun(rows)
        found = await _tried(observer, rows, folder, out)
        observer.check_quiet()  # an alarm may have been raised while it was fitted
    except Refused as refused:
        log.warning("no refit: %s", refused)
        observer.refit.refused(str(refused), observer.clock())
    else:
        if observer.refit.decided(found, observer.clock()):
            log.info("refitted: %s takes the place of %s", out, found.champion.directory)
            return
        assert observer.refit.outcome is not None
        log.warning("the baseline in use stays: %s", observer.refit.outcome.reason)
    shutil.rmtree(out, ignore_errors=True)


async def _tried(observer: Observer, rows: Rows, folder: Path, out: Path) -> Contest:
    """Fit the challenger and hold the contest. Raises Refused with what went wrong."""
    data, tried, answer = folder / "refit.jsonl", folder / "contest.jsonl", folder / "contest.answer"
    try:
        await asyncio.to_thread(write, data, rows.fit)
        await asyncio.to_thread(write, tried, rows.tried)
        fit = ("-m", "sidecar.cli", "fit", "--data", str(data), "--out", str(out), "--weights", WEIGHT)
        detectors = ("--detectors", observer.wanted, "--like", observer.baseline, "--quiet")
        if failure := await run((sys.executable, *fit, *outputs(rows.fit), *detectors)):
            raise Refused(failure)
        sides = ("-m", "sidecar.baseline.contest", observer.baseline, str(out), str(tried))
        how = (str(observer.settings.threshold), str(answer))
        if failure := await run((sys.executable, *sides, *how), CONTEST_SECONDS, "the contest"):
            raise Refused(failure)
        return contest.read(await asyncio.to_thread(answer.read_bytes))
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused(f"it could not be done: {error}") from error
    finally:
        for file in (data, tried, answer):
            file.unlink(missing_ok=True)
