"""Finished files on their way from the spool to a URL, oldest first, in a thread of their own.

An upload may take any time, fail, or never end. Failing, it's tried again, ever later; never ending, the
writer's process ends instead (`sidecar.capture.writer`) and the next one begins with the same file: what is
in the spool is safe.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from sidecar.capture.places import Place, clear, shown

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
SLOWEST = 30.0
"""Seconds between two attempts at most."""

CLEAR_SECONDS = 600.0
"""Seconds between two looks for old files: a listing of a bucket costs money."""


class Target(Place, Protocol):
    """Where uploads go: `sidecar.capture.places.Remote`."""

    def put(self, local: Path, name: str) -> None: ...


class Uploads:
    """One thread, for one place. `place` is called in it, because that may need the network, too."""

    def __init__(
        self, place: Callable[[], Target], spool: Path, keep_bytes: int, keep_seconds: float
    ) -> None:
        self.error = ""
        """Why the last attempt failed, or empty."""
        self.errors = self.files = self.file_bytes = self.deleted = 0
        self._place = place
        self._spool = spool
        self._keep = (keep_bytes, keep_seconds)
        self._began = 0.0
        self._cleared = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploads", daemon=True)
        self._thread.start()

    def busy_seconds(self) -> float:
        """How long the work that is under way has taken."""
        began = self._began
        return time.monotonic() - began if began else 0.0

    def waiting(self) -> list[Path]:
        """Files that wait, oldest first."""
        return sorted(self._spool.glob("date=*/*.parquet"))

    def waiting_bytes(self) -> int:
        """How large those files are together."""
        size = 0
        for path in self.waiting():
            with suppress(FileNotFoundError):  # it has just been uploaded
                size += path.stat().st_size
        return size

    def close(self, seconds: float) -> None:
        """Go on until everything is there, at most so long."""
        self._ended.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        place: Target | None = None
        pause = LOOK_SECONDS
        while True:
            self._began = time.monotonic()
            try:
                if place is None:
                    place = self._place()
                self._send(place)
                self._tidy(place)
                self.error, pause = "", LOOK_SECONDS
            except Exception as error:  # whatever the file system's package raises
                self.errors += 1
                if not self.error:
                    log.error("capture: upload failed, trying again: %s", shown(repr(error)))
                self.error = f"upload: {shown(str(error) or repr(error))}"
                pause = min(2 * pause, SLOWEST)
            finally:
                self._began = 0.0
            if self._ended.is_set() and (self.error or not self.waiting()):
                return
            if not self._ended.is_set():
                self._ended.wait(pause)

    def _send(self, place: Target) -> None:
        for path in self.waiting():
            self._began = time.monotonic()
            size = path.stat().st_size
            place.put(path, str(path.relative_to(self._spool)))
            path.unlink()
            self.files += 1
            self.file_bytes += size

    def _tidy(self, place: Place) -> None:
        now = time.monotonic()
        if not self._cleared or now - self._cleared >= CLEAR_SECONDS:
            self.deleted += clear(place, *self._keep, time.time())
            self._cleared = now
