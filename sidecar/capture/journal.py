"""Records on disk as they came, until they are a file: whatever was written here survives a crash.

A journal is a row of frames: who opened it, then parcels. It grows by whole writes only, a torn last frame is
left out by the reader, and a lock says that its writer lives. Parquet cannot do this: its index stands at
the end, so that an unfinished file is unreadable.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from sidecar.capture.parcels import Parcel, parcel

_LENGTH = struct.Struct(">I")

FOLDER = ".open"
"""Where journals are, below the place of the files. Readers of Parquet pass over names with a dot."""


class Opening(msgspec.Struct, frozen=True):
    """The first frame: whose journal this is, and when it was begun, in Unix seconds. `number` is that of its
    first parcel, so no two journals of a source have the same."""

    source: str
    service: str
    pod: str
    began: float
    number: int

    @property
    def name(self) -> str:
        """Where its file goes, below the capture's place; the same whenever it is finished, and by whom."""
        moment = datetime.fromtimestamp(self.began, UTC)
        # Readers pass over names that begin with a dot or a line.
        who = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{self.service}-{self.pod}").lstrip("._-")[:120]
        stem = f"{who}-{moment:%Y%m%dT%H%M%SZ}-{self.source}-{self.number:05}"
        return f"date={moment:%Y-%m-%d}/{stem}.parquet"


class Full(NamedTuple):
    """A journal to which nothing is added any more. `file` is a descriptor that holds its lock, so that
    nobody else takes it for abandoned."""

    path: Path
    file: int

    def close(self) -> None:
        """Let go of it. The journal stays where it is, unless somebody deleted it."""
        os.close(self.file)


class Journal:
    """One that is being written. Raises OSError wherever the disk does; then nothing was added."""

    def __init__(self, folder: Path, opening: Opening) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.opening = opening
        self.path = folder / f"{opening.source}-{opening.number:05}.journal"
        self.size = 0
        self.records = 0
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(msgspec.msgpack.encode(opening))
        except OSError:
            os.close(self._file)
            self.path.unlink(missing_ok=True)
            raise

    def append(self, body: bytes, records: int) -> None:
        """Add a parcel, as the body of its frame."""
        self._write(body)
        self.records += records

    def _write(self, body: bytes) -> None:
        view = memoryview(_LENGTH.pack(len(body)) + body)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
                os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size += 4 + len(body)

    def full(self) -> Full:
        """End it. The lock stays."""
        return Full(self.path, self._file)


def opening(path: Path) -> Opening | None:
    """Whose journal this is; None when not even that was written whole."""
    body = next(_bodies(path), None)
    try:
        return None if body is None else msgspec.msgpack.decode(body, type=Opening)
    except msgspec.MsgspecError:
        return None


def parcels(path: Path) -> Iterator[Parcel]:
    """Every parcel that was written whole. Raises OSError."""
    bodies = _bodies(path)
    next(bodies, None)
    for body in bodies:
        try:
            found = parcel(body)
        except msgspec.MsgspecError:
            return
        yield found


def unreadable(path: Path) -> int:
    """How many frames were written whole and can't be read, of another version perhaps. Raises OSError."""
    whole = sum(1 for _ in _bodies(path))
    read = 0 if opening(path) is None else 1 + sum(1 for _ in parcels(path))
    return whole - read


def _bodies(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while len(head := file.read(4)) == 4:
            (length,) = _LENGTH.unpack(head)
            body = file.read(length)
            if len(body) < length or not length:
                return
            yield body


def abandoned(folder: Path) -> Iterator[Full]:
    """Journals whose writer is dead, oldest first; each is ours from now on."""
    for path in sorted(folder.glob("*.journal"), key=_moment):
        if (file := _locked(path)) is not None:
            yield Full(path, file)


def _moment(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock; None when somebody else has it, or the journal is gone."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return file
