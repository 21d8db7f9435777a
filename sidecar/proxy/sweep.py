"""One clock for all time-outs of a worker.

A timer per call would cost two heap operations on the hot path for a time-out that almost never
comes. Instead every connection remembers when it last moved, and is asked a few times a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class Sweep:
    """Calls `check` every `seconds` until closed, whatever `check` raises."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, check: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._check = check
        self._timer = loop.call_later(seconds, self._run)

    def every(self, seconds: float) -> None:
        """Check so often from the next time on."""
        self._seconds = seconds

    def _run(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._run)
        try:
            self._check()
        except Exception:
            log.exception("a time-out check failed")

    def close(self) -> None:
        self._timer.cancel()
