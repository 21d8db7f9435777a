"""What is kept for long and seldom looked at is kept packed: one object of bytes instead of dozens.

Counterparts: `sidecar.observer.paired`, `sidecar.observer.truth.ledger`.
"""

from __future__ import annotations

import msgspec

_encode = msgspec.msgpack.Encoder().encode


def pack(value: msgspec.Struct) -> bytes:
    """msgpack of a value, in no more memory than it has bytes. (What an encoder returns has room for half as
    much again, and keeps it.)"""
    return bytes(memoryview(_encode(value)))
