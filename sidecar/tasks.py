"""Background tasks that are held, named, and never lose their error.

A bare `asyncio.create_task` may be garbage-collected in mid-air and swallows what it raises; the linter
bans it. Every task of the sidecar is started here and ended with the `Tasks` that holds it. Work that nobody
waits for steps aside for what somebody does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from os import sched_yield
from typing import Any

log = logging.getLogger(__name__)


def step_aside() -> None:
    """Let whoever waits for this core run first. Called between stretches of background work of a few
    hundred microseconds: the scheduler would let us finish a slice of some milliseconds, and a call would
    wait for it (measured: docs/performance.md, "The observer steps aside")."""
    sched_yield()


class Tasks:
    """The tasks of one component. Not thread-safe: use it from its own event loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `work` in the background. An error it raises is logged under `name`."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel whatever still runs and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed: %s", task.get_name(), exc_info=error)
