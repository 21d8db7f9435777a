"""Snapshots: the observer's state on disk, so that a crash costs seconds and not the window.

    magic, version, SHA-256 of the rest | msgpack

Written beside the old one and then renamed over it, so there's a whole one at any moment. One that can't be
read is left alone with a log line: a fresh start is better than a wrong one.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

log = logging.getLogger(__name__)

VERSION = 2
"""Raised whenever the layout of the state changes; older snapshots are then ignored."""

_MAGIC = b"sidecar-observer"
_DIGEST = 32


def encode(state: msgspec.Struct) -> bytearray:
    """The file's content for a state. It may have many megabytes, so it is built in place."""
    head = _MAGIC + bytes([VERSION])
    content = bytearray(head + bytes(_DIGEST))
    msgspec.msgpack.Encoder(enc_hook=_array_out).encode_into(state, content, len(content))
    with memoryview(content) as view:
        view[len(head) : len(head) + _DIGEST] = hashlib.sha256(view[len(head) + _DIGEST :]).digest()
    return content


def decode(content: bytes | bytearray, kind: type[Any]) -> Any:
    """The state in a file's content. Raises ValueError with the reason when there is none."""
    head, body = content[: len(_MAGIC) + 1 + _DIGEST], content[len(_MAGIC) + 1 + _DIGEST :]
    if not head.startswith(_MAGIC) or len(head) < len(_MAGIC) + 1 + _DIGEST:
        raise ValueError("it is no snapshot, or it was cut short")
    if head[len(_MAGIC)] != VERSION:
        raise ValueError(f"it has version {head[len(_MAGIC)]}, this sidecar reads version {VERSION}")
    if hashlib.sha256(body).digest() != head[-_DIGEST:]:
        raise ValueError("its checksum is wrong: it was cut short or changed")
    try:
        return msgspec.msgpack.decode(body, type=kind, dec_hook=_array_in)
    except msgspec.MsgspecError as error:
        raise ValueError(f"its content is not as expected: {error}") from error


def write(path: Path, content: bytes | bytearray) -> None:
    """Replace the file at `path` by `content`, in one step."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)


def read(path: Path, kind: type[Any]) -> Any | None:
    """The state saved at `path`, or None when there is none or it can't be used."""
    try:
        return decode(path.read_bytes(), kind)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("the snapshot %s is ignored, the windows begin empty: %s", path, error)
        return None


def _array_out(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no place in a snapshot")


def _array_in(kind: type[Any], value: Any) -> Any:
    # The annotated kinds of array are generic aliases; whatever comes here is one of them.
    dtype, shape, data = value
    return np.frombuffer(data, dtype=dtype).reshape(shape).copy()
