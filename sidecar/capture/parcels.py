"""What the observer and a writer say to each other, over a pair of sockets: parcels one way, reports the
other.

Frames are those of `sidecar.link`. A parcel is kept by the observer until a report says that it is safe, and
sent again to the next writer if this one dies; its number keeps it from being kept twice. Counterparts:
`sidecar.capture.sink`, `sidecar.capture.writer`, `sidecar.capture.sender`.
"""

from __future__ import annotations

import struct

import msgspec

from sidecar.exchange import Record

_LENGTH = struct.Struct(">I")


class Layout(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the columns of `Record.features` are called, by the schema of the baseline that scored; for
    those that have categories, their names in order."""

    names: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]


class Parcel(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Captured records that are kept or dropped together. `layouts`: digest of a baseline -> its layout."""

    number: int
    drift: str
    layouts: dict[str, Layout]
    records: tuple[Record, ...]

    @property
    def size(self) -> int:
        """Bytes, near enough."""
        return sum(map(weighed, self.records))


def weighed(record: Record) -> int:
    """Bytes of a record, near enough: the parts that can be long, and 1 KiB for the rest."""
    captured = record.captured
    bodies = len(captured.request_body) + len(captured.response_body) if captured is not None else 0
    return 1024 + len(record.features) + 9 * len(record.row_p) + len(record.target) + bodies


class Orders(msgspec.Struct, frozen=True):
    """What a writer is told at its start. `source` names this observer's life: numbers count within it."""

    source: str
    service: str
    pod: str
    namespace: str
    place: str
    spool: str
    segment_bytes: int
    segment_seconds: float
    spool_bytes: int
    keep_bytes: int
    keep_seconds: float
    timeout: float
    level: str


class Report(msgspec.Struct, frozen=True, array_like=True):
    """A writer's running totals since its start.

    `safe`: all parcels up to this number are on disk, delivered, or given up. `lost`: records in them that
    were given up, by reason. `error`: why nothing can be kept just now, or empty.
    """

    safe: int = 0
    lost: dict[str, int] = {}
    error: str = ""
    files: int = 0
    file_bytes: int = 0
    errors: int = 0
    waiting_bytes: int = 0
    """Of finished files that wait to go to a URL."""
    deleted: int = 0
    """Files deleted because they were too old or too many."""
    events: int = 0
    """Events delivered."""


_encoder = msgspec.msgpack.Encoder()
_parcels = msgspec.msgpack.Decoder(Parcel)
_reports = msgspec.msgpack.Decoder(Report)


def sealed(message: Parcel | Report) -> bytes:
    """As one frame, ready to write."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def parcel(body: bytes) -> Parcel:
    """The parcel in a frame's body. Raises msgspec.MsgspecError when it is none."""
    return _parcels.decode(body)


def report(body: bytes) -> Report:
    """The report in a frame's body. Raises msgspec.MsgspecError when it is none."""
    return _reports.decode(body)
