"""Where access log lines go: a file, or standard output; in a thread, bounded, never waited for.

Counterpart: `sidecar.observer.access`, which makes the lines. A full disk or a reader that hangs costs lines,
which are counted, and nothing else. The file is opened anew for each batch of lines, so that a rotated one is
let go.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading

log = logging.getLogger(__name__)

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of lines that may wait to be written."""

CLOSE_SECONDS = 2.0


class AccessFile:
    """One per observer. `write` is called on the loop, everything else happens in a thread."""

    def __init__(self, path: str) -> None:
        """`path`: of a file, or `-` for standard output."""
        self.dropped = 0
        """Lines that could not be kept or written."""
        self._path = path
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._bytes = 0
        self._lock = threading.Lock()
        self._complained = False
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def write(self, lines: bytes) -> None:
        """Have these lines written. Never waits."""
        with self._lock:
            if self._bytes + len(lines) > MOST_BYTES:
                self.dropped += lines.count(b"\n")
                return
            self._bytes += len(lines)
        self._waiting.put(lines)

    def close(self) -> None:
        """Write what waits, for a short while."""
        self._waiting.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while (lines := self._waiting.get()) is not None:
            batch = [lines]
            ended = False
            while not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    ended = True
                    break
                batch.append(more)
            self._put(b"".join(batch))
            if ended:
                return

    def _put(self, lines: bytes) -> None:
        try:
            self._append(lines)
            self._complained = False
        except OSError as error:
            self.dropped += lines.count(b"\n")
            if not self._complained:
                log.error("access-log %s: %s; lines are lost until it can be written", self._path, error)
                self._complained = True
        finally:
            with self._lock:
                self._bytes -= len(lines)

    def _append(self, lines: bytes) -> None:
        if self._path == "-":
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
            return
        # Opened for each batch, a few times a second: whoever rotates the file need not tell us.
        place = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            view = memoryview(lines)
            while view:
                view = view[os.write(place, view) :]
        finally:
            os.close(place)
