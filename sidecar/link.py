"""The wire between the data plane and the observer: length-prefixed msgpack over a Unix socket.

Both ends import only this. The data plane (`sidecar.proxy.telling`) connects and sends `Batch`;
the observer (`sidecar.observer.hearing`) listens and answers with `Progress`, `Swap` and `Drift`.
A frame is a 4-byte big-endian length and that many bytes of msgpack. Neither end trusts the other to be
alive: a lost connection loses at most what was in flight, which the sender counts as dropped.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from sidecar.exchange import Alike, Outbound, Record, Shadowed

MAX_FRAME = 64 * 1024 * 1024
"""Bytes. A longer frame is a fault of the sender, and the receiver hangs up."""

_LENGTH = struct.Struct(">I")


class Shadow(msgspec.Struct, frozen=True, array_like=True):
    """Running totals of one rule that has another model asked, too. `outcomes`: calls by what came of them,
    a key of `sidecar.proxy.shadowing.OUTCOMES`. The seconds are those of the calls that both models
    answered."""

    outcomes: dict[str, int] = {}
    rows: int = 0
    """Rows whose two answers were compared."""
    differing: int = 0
    seconds: float = 0.0
    """That the model took."""
    other_seconds: float = 0.0
    """That the other one took."""

    def plus(self, other: Shadow) -> Shadow:
        """These and another process's."""
        outcomes = Counter(self.outcomes)
        outcomes.update(other.outcomes)
        return Shadow(
            dict(outcomes),
            self.rows + other.rows,
            self.differing + other.differing,
            self.seconds + other.seconds,
            self.other_seconds + other.other_seconds,
        )


class Counters(msgspec.Struct, frozen=True, array_like=True):
    """Running totals of one data plane since it started; totals, so that a lost frame loses no count."""

    calls: int = 0
    failed: dict[str, int] = {}
    """By cause, a key of `sidecar.errors.FAILURES`."""
    records_dropped: int = 0
    records_dropped_bytes: int = 0
    queue_bytes: int = 0
    in_flight: int = 0
    connections: int = 0
    upstream_connections: int = 0
    rule_hits: dict[str, int] = {}
    """By `policy/rule action`, with ` dry-run` behind it when the rule only would have applied."""
    rule_errors: dict[str, int] = {}
    """By `policy/rule`: how often a condition could not be told though there was a score."""
    shadows: dict[str, Shadow] = {}
    """By `policy/rule`."""
    squeezed: dict[str, int] = {}
    """Calls whose model was to be asked again, by what came of it: `sidecar.proxy.squeezing.OUTCOMES`."""


class Batch(msgspec.Struct, frozen=True, tag="batch", array_like=True):
    """Data plane to observer: the exchanges finished since the last batch, and the totals.

    `upstream` is what the data plane last saw of the model: `up`, `down` or `unknown`.
    An empty batch is sent once a second as a sign of life.
    """

    worker: int
    pid: int
    counters: Counters
    upstream: str
    draining: bool
    baseline: str
    """Directory of the baseline in use, or empty."""
    refused: str
    """Why the last `Swap` was refused, or empty."""
    records: tuple[Record, ...]
    outbound: tuple[Outbound, ...] = ()
    """The model's own calls to others, finished since the last batch."""
    policies: str = ""
    """Digest of the policies in force, or empty."""
    policies_refused: str = ""
    """Why the last change of policies was refused, or empty."""
    shadowed: tuple[Shadowed, ...] = ()
    """The latest answers of other models that were not as the model's."""
    signs: tuple[str, ...] = ()
    """What is looked for that tells of an attack: kinds of `sidecar.exchange.Evidence`."""
    alike: tuple[Alike, ...] = ()
    """Plain calls that are told in numbers only, because there are more than anybody could look at."""


class Progress(msgspec.Struct, frozen=True, tag="progress", array_like=True):
    """Observer to data plane: how far learning has come, in rows."""

    seen: int
    need: int


class Swap(msgspec.Struct, frozen=True, tag="swap", array_like=True):
    """Observer to data plane: load the baseline in this directory and score with it from now on."""

    baseline: str


class Drift(msgspec.Struct, frozen=True, tag="drift", array_like=True):
    """Observer to data plane: the value of `x-drift-state` from now on."""

    state: str


Order: TypeAlias = Progress | Swap | Drift

_encoder = msgspec.msgpack.Encoder()
_batches = msgspec.msgpack.Decoder(Batch)
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Progress | Swap | Drift)


def frame(message: Batch | Order) -> bytes:
    """`message` as one frame, ready to write."""
    return framed(message)


def framed(message: msgspec.Struct) -> bytes:
    """Any message as one frame."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def batch(body: bytes) -> Batch:
    """The batch in a frame's body. Raises msgspec.ValidationError or DecodeError when it is none."""
    return _batches.decode(body)


def order(body: bytes) -> Order:
    """The order in a frame's body. Raises msgspec.ValidationError or DecodeError when it is none."""
    return _orders.decode(body)


def bound(path: Path) -> socket.socket:
    """A socket at `path` that only this user may connect to. What a crashed process left there goes."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.setblocking(False)
    return listening


class Frames:
    """Cuts a stream of bytes into frame bodies: `update` with what arrived, iterate over what is whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def update(self, data: bytes) -> Iterator[bytes]:
        """Yield the body of every frame that `data` completes. Raises ValueError over `MAX_FRAME`."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME:
                raise ValueError(f"frame of {length} bytes, at most {MAX_FRAME} are allowed")
            if len(buffer) - start - 4 < length:
                break
            yield bytes(memoryview(buffer)[start + 4 : start + 4 + length])
            start += 4 + length
        del buffer[:start]
