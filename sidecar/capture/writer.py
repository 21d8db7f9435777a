"""The process that keeps files: parcels come in over a socket, reports go back; the rest is the disk's.

    python -m sidecar.capture files FD

It writes journals, and has files made of them by a process that ends when one is done: so this one stays
small. It is the observer's child and ends when the observer hangs up. It may be killed at any moment, and
kills itself when an upload never ends: parcels that it had not reported as safe are sent again to the next
one. When the disk can't take a parcel, it's tried again each second and nothing more is read, so that
whatever has to be dropped is dropped by the observer's queue, where it is counted. Counterpart:
`sidecar.capture.sink`.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import time
from collections import deque
from functools import partial
from pathlib import Path

from sidecar.capture.parcels import Orders, Report, sealed
from sidecar.capture.places import Remote
from sidecar.capture.store import Store
from sidecar.capture.uploads import Uploads
from sidecar.link import Frames

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
HUNG = 75
"""Exit status when an upload never ended (EX_TEMPFAIL)."""

LAST_SECONDS = 20
"""How long finishing may take after the observer has gone. Journals stay, and the next writer finishes
them."""

READ_BYTES = 1_048_576


class Writer:
    """One life of it."""

    def __init__(self, orders: Orders, line: socket.socket) -> None:
        self._orders = orders
        self._line = line
        self._frames = Frames()
        self._waiting: deque[bytes] = deque()
        self._said = Report(safe=-1)
        self._error = ""
        self._errors = 0
        remote = "://" in orders.place
        folder = Path(orders.spool if remote else orders.place)
        self._store = Store(orders, folder, clears=not remote)
        self._uploads: Uploads | None = None
        if remote:
            open_ = partial(Remote, orders.place)
            self._uploads = Uploads(open_, folder, orders.keep_bytes, orders.keep_seconds)

    def run(self) -> None:
        """Until the observer hangs up."""
        while True:
            kept = self._keep()
            self._report()
            timeout = self._store.seconds_left(time.time()) if kept else RETRY_SECONDS
            if self._uploads is not None:
                timeout = min(timeout, RETRY_SECONDS)
            readable, _, _ = select.select([self._line] if kept else [], [], [], timeout)
            if readable:
                data = self._read()
                if not data:
                    break
                self._waiting.extend(self._frames.update(data))
            elif not kept and self._gone():
                break
        self._end()

    def _keep(self) -> bool:
        """Keep what has come and do what is due. Whether the disk took it."""
        try:
            self._tend()
            if self._waiting and self._spool_bytes() > self._orders.spool_bytes:
                raise OSError("as much as capture-spool-bytes waits to be uploaded")
            while self._waiting:
                self._store.take(self._waiting[0], time.time())
                self._waiting.popleft()
                self._tend()
        except OSError as error:
            self._errors += 1
            if not self._error:
                log.error("capture: %s; trying again", error)
            self._error = str(error)
            return False
        if self._error:
            log.warning("capture: working again")
        self._error = ""
        return True

    def _tend(self) -> None:
        self._store.recover()
        self._store.rotate(time.time())
        # Before files are made, which takes a while: what is safe already need not be sent again if we die.
        self._report()
        self._store.tend(time.time())

    def _spool_bytes(self) -> int:
        return self._uploads.waiting_bytes() if self._uploads is not None else 0

    def _read(self) -> bytes:
        try:
            return self._line.recv(READ_BYTES)
        except ConnectionResetError:  # the observer was killed before it had read all reports
            return b""

    def _gone(self) -> bool:
        """Whether the observer hung up, while nothing is read."""
        try:
            return not self._line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True

    def _report(self) -> None:
        store, uploads = self._store, self._uploads
        hung = uploads is not None and uploads.busy_seconds() > self._orders.timeout
        error = self._error or (uploads.error if uploads else "")
        report = Report(
            safe=store.safe,
            lost=dict(store.lost),
            error=f"upload: no end after {self._orders.timeout:g} s" if hung else error,
            files=uploads.files if uploads else store.files,
            file_bytes=uploads.file_bytes if uploads else store.file_bytes,
            errors=self._errors + (uploads.errors if uploads else 0) + hung,
            waiting_bytes=self._spool_bytes(),
            deleted=uploads.deleted if uploads else store.deleted,
        )
        if report != self._said:
            try:
                self._line.sendall(sealed(report))
            except OSError:
                # The observer is gone: that's seen when reading, and what was heard is still kept.
                log.debug("capture: nobody hears a report")
            self._said = report
        if hung:
            log.error("capture: an upload has not ended after %g s; starting again", self._orders.timeout)
            os._exit(HUNG)

    def _end(self) -> None:
        """The observer is gone: finish what there is, but not for ever."""
        signal.alarm(LAST_SECONDS)  # its default action ends the process, whatever it waits for
        self._store.seal()
        self._keep()
        if self._uploads is not None:
            self._uploads.close(min(LAST_SECONDS, self._orders.timeout))
        self._report()


def run(orders: Orders, line: socket.socket) -> None:
    """Keep files until the observer hangs up."""
    Writer(orders, line).run()
