"""Where finished files are kept: a directory, or a URL that fsspec reads. What is there, and what has to go.

Counterparts: `sidecar.capture.store` and `sidecar.capture.uploads` act on it, `sidecar.capture.reading`
reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sidecar.capture.extra import needed

WHOLE_OR_NOTHING = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "memory"}
"""Stores where a file appears when it is complete. Elsewhere it's renamed when it is."""

_NAME = re.compile(r"date=\d{4}-\d\d-\d\d/[^/]+-(\d{8}T\d{6}Z)-[0-9a-f]+-\d+\.parquet")


def shown(text: str) -> str:
    """Without the user and password of any URL in it."""
    return re.sub(r"://[^/@\s]*@", "://", text)


class File(NamedTuple):
    """A finished file: its name below the place, bytes, and when it was begun, in Unix seconds."""

    name: str
    size: int
    began: float


class Place(Protocol):
    """Where files are kept. Everything raises OSError, or whatever the file system's package raises."""

    def files(self) -> list[File]: ...
    def remove(self, name: str) -> None: ...


class Folder:
    """A directory of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def files(self) -> list[File]:
        """What is there, in no order."""
        found = []
        for path in self._path.glob("date=*/*.parquet"):
            with suppress(FileNotFoundError):
                found.append((str(path.relative_to(self._path)), path.stat().st_size))
        return _ours(found)

    def remove(self, name: str) -> None:
        """Delete a file, and its day with the last one."""
        path = self._path / name
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


class Remote:
    """A URL of fsspec. Options come the way its packages take them: from their own configuration."""

    def __init__(self, url: str) -> None:
        fsspec = needed("fsspec", f"capture {url}")
        self._fs: Any
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = str(root).rstrip("/")
        self._at_once = url.partition("://")[0] in WHOLE_OR_NOTHING

    def put(self, local: Path, name: str) -> None:
        """Upload a file, whole or not at all."""
        target = f"{self._root}/{name}"
        folder, _, last = target.rpartition("/")
        self._fs.makedirs(folder, exist_ok=True)
        if self._at_once:
            self._fs.put_file(str(local), target)
            return
        part = f"{folder}/.{last}.part"
        self._fs.put_file(str(local), part)
        self._fs.mv(part, target)

    def files(self) -> list[File]:
        """What is there, in no order."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            return []
        below = len(self._root.lstrip("/")) + 1
        return _ours((name.lstrip("/")[below:], int(one["size"] or 0)) for name, one in found.items())

    def remove(self, name: str) -> None:
        """Delete a file."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")


def _ours(found: Iterable[tuple[str, int]]) -> list[File]:
    """Files by our naming; whatever else lies there isn't ours to count or delete."""
    files = []
    for name, size in found:
        if match := _NAME.fullmatch(name):
            began = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
            files.append(File(name, size, began))
    return files


def surplus(files: Iterable[File], keep_bytes: int, keep_seconds: float, now: float) -> list[File]:
    """The files that have to go: those that are too old, and where all that are newer fill `keep_bytes`
    already. 0: no limit."""
    gone, held = [], 0
    for file in sorted(files, key=lambda one: -one.began):
        held += file.size
        if (keep_seconds and now - file.began > keep_seconds) or (keep_bytes and held > keep_bytes):
            gone.append(file)
    return gone


def clear(place: Place, keep_bytes: int, keep_seconds: float, now: float) -> int:
    """Delete what has to go; how many files that were."""
    if not (keep_bytes or keep_seconds):
        return 0
    gone = surplus(place.files(), keep_bytes, keep_seconds, now)
    for file in gone:
        place.remove(file.name)
    return len(gone)
