"""Runs the process that groups flagged rows, at low priority; it has scikit-learn, and ends with its answer.

Counterparts: `sidecar.observer.cohorts` decides when; `sidecar.baseline.cohorts` is what runs in there.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from sidecar import cohort
from sidecar.cohort import Answer, Question
from sidecar.observer.cohorts import LONGEST_SEARCH, Cohorts
from sidecar.observer.fitting import run

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often it's looked whether a search is due."""


async def keep_grouping(cohorts: Cohorts, run_dir: Path, clock: Callable[[], float]) -> None:
    """Search whenever it's due, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        question = cohorts.due(clock())
        if question is None:
            continue
        answer = await search(question, run_dir)
        if isinstance(answer, str):
            if answer != cohorts.failure:  # once is enough: without scikit-learn it stays so
                log.error("the search for cohorts failed: %s", answer)
            cohorts.failed(answer, clock())
        else:
            cohorts.answered(answer, clock())


async def search(question: Question, run_dir: Path) -> Answer | str:
    """The answer, or why there is none. A search that takes longer than it may is killed."""
    asked, answered = run_dir / "cohorts.question", run_dir / "cohorts.answer"
    try:
        await asyncio.to_thread(asked.write_bytes, cohort.written(question))
        command = (sys.executable, "-m", "sidecar.baseline.cohorts", str(asked), str(answered))
        failure = await run(command, LONGEST_SEARCH, "the search")
        return failure or cohort.answer(await asyncio.to_thread(answered.read_bytes))
    except (OSError, msgspec.MsgspecError) as error:
        return f"the search could not be done: {error}"
    finally:
        with suppress(OSError):
            asked.unlink(missing_ok=True)
            answered.unlink(missing_ok=True)
