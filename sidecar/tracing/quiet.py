"""Keeps the SDK from filling the log: each thing it has to say is let through once in ten minutes.

An unreachable collector is worth a line, not one for every batch and every retry.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

INTERVAL = 600.0
"""Seconds before the same message is let through again."""
MAX_MESSAGES = 256


class Quiet(logging.Handler):
    """Stands before the root's handlers for everything logged under `name`, until it is closed."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}
        self._source = logging.getLogger(name)
        self._propagated = self._source.propagate
        self._source.propagate = False
        self._source.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Pass `record` on unless its message template was passed on lately."""
        key, now = (record.name, str(record.msg)), self._clock()
        if now - self._said.get(key, -INTERVAL) < INTERVAL:
            return
        if len(self._said) >= MAX_MESSAGES:
            self._said.clear()
        self._said[key] = now
        log.handle(record)

    def close(self) -> None:
        """Let everything through again."""
        self._source.removeHandler(self)
        self._source.propagate = self._propagated
        super().close()
