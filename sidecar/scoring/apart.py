"""Detectors that only PyOD itself can score: asked over a Unix socket, in the worker, with bounded patience.

A frame is a 4-byte big-endian length and that many bytes of msgpack, as on the link to the observer: an `Ask`
goes there, a `Told` comes back. One thread uses a connection, and has one question on it at a time, so
nothing piles up here; who asks meanwhile waits in `sidecar.proxy.together`. Whatever goes wrong is `Away`
with the reason that the call then gives. Counterpart: `sidecar.baseline.worker`, which answers.
"""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import msgspec
import numpy as np

from sidecar.errors import BaselineError
from sidecar.exchange import Matrix
from sidecar.link import Frames, framed
from sidecar.scoring.detector import Row, Scores

SOCKET = "pyod.sock"
"""The worker's socket in the run directory."""

PATIENCE = 2.0
"""Seconds after which a question is given up. An answer of the model waits only for `score-deadline`; this is
for those whose model takes longer."""

WARM_SECONDS = 300.0
"""Seconds that a new baseline may take to be fitted again in the worker before it's refused."""

LOOK_SECONDS = 0.1
"""How often it's asked whether that is done."""

STARTING = "worker-starting"
AWAY = "worker-away"
DEADLINE = "deadline"
REFUSED = "worker-refused"


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """Score these rows: a C-ordered block of little-endian float64, `columns` wide.

    `expires` is on the monotonic clock, which all processes of a machine share: who takes the question up
    later need not answer it.
    """

    directory: str
    digest: str
    detector: str
    columns: int
    rows: bytes
    expires: float


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The scores, or why there are none: a reason, and for people what it comes from."""

    scores: bytes = b""
    reason: str = ""
    detail: str = ""


class Away(Exception):
    """There is no score from the worker; `reason` is what the call says."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


_told = msgspec.msgpack.Decoder(Told)


class Connection:
    """The way to the worker for one baseline. Used by one thread at a time; opened when it is first
    needed."""

    def __init__(self, path: Path | None, directory: str, digest: str) -> None:
        self._path = path
        self._directory = directory
        self._digest = digest
        self._socket: socket.socket | None = None

    def ask(self, detector: str, matrix: Matrix) -> Scores:
        """The scores of the rows. Raises `Away`."""
        ends = time.monotonic() + PATIENCE
        rows = np.ascontiguousarray(matrix, dtype="<f8").tobytes()
        ask = Ask(self._directory, self._digest, detector, matrix.shape[1], rows, ends)
        try:
            told = self._exchange(framed(ask), ends)
        except TimeoutError:
            self.close()
            raise Away(DEADLINE) from None
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self.close()
            raise Away(AWAY, str(error)) from error
        if told.reason:
            raise Away(told.reason, told.detail)
        if len(told.scores) != 8 * len(matrix):
            self.close()
            raise Away(AWAY, "the worker answered another number of rows")
        return np.frombuffer(told.scores, dtype="<f8").astype(np.float64)

    def warm(self, detectors: tuple[str, ...], columns: int, seconds: float = WARM_SECONDS) -> None:
        """Wait until the worker has fitted them again. Raises BaselineError when it cannot, or takes too
        long."""
        ends = time.monotonic() + seconds
        for detector in detectors:
            while True:
                try:
                    self.ask(detector, np.empty((0, columns)))
                    break
                except Away as away:
                    if away.reason == REFUSED:
                        raise BaselineError(str(away)) from away
                    if time.monotonic() > ends:
                        raise BaselineError(
                            f"{self._directory}: PyOD's worker isn't ready after {seconds:g} s ({away})"
                        ) from away
                time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Hang up. The next question opens a new connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _exchange(self, question: bytes, ends: float) -> Told:
        if self._socket is None:
            if self._path is None:
                raise FileNotFoundError("this process has no way to the worker")
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(_left(ends))
            self._socket.connect(str(self._path))
        self._socket.settimeout(_left(ends))
        self._socket.sendall(question)
        frames = Frames()
        while True:
            self._socket.settimeout(_left(ends))
            data = self._socket.recv(262_144)
            if not data:
                raise ConnectionError("the worker hung up")
            for body in frames.update(data):
                return _told.decode(body)


class Apart:
    """A detector of the worker, seen from here."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection

    def score(self, row: Row) -> float:
        return float(self.score_many(row[None])[0])

    def score_many(self, matrix: Matrix) -> Scores:
        """Raises `Away`."""
        return self._connection.ask(self.name, matrix)


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
