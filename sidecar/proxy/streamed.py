"""An answer that comes event by event, as language models stream: how fast it comes, and what is told of it.

The events themselves pass as they come, in the writes they came in; this only counts them. What the observer
and captures get is what the stream came to (`sidecar.codecs.event_stream`), made when the call has ended.
Counterpart: `sidecar.proxy.call`, which feeds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sidecar.codecs import Codec
from sidecar.exchange import header
from sidecar.proxy.heads import ResponseHead
from sidecar.proxy.pieces import joined

log = logging.getLogger(__name__)

MOST_BYTES = 1_048_576
"""Bytes of a stream that are kept to be told: some five thousand tokens, each in an event of its own."""


class Streamed:
    """The events of one answer."""

    __slots__ = ("_condensed", "_pieces", "_size", "events", "first_ns")

    def __init__(self, condensed: Callable[[bytes], bytes]) -> None:
        self.first_ns = 0
        """When the first of them came, in nanoseconds after the call began."""
        self.events = 0
        self._condensed = condensed
        self._pieces: list[bytes] = []
        self._size = 0

    def update(self, data: bytes, since_ns: int) -> None:
        """A piece of the stream has come, so long after the call began."""
        if self.first_ns == 0:
            self.first_ns = since_ns
        self.events += data.count(b"\n\n") or data.count(b"\r\n\r\n")
        if self._size < MOST_BYTES:
            self._pieces.append(data)
        self._size += len(data)

    def told(self) -> tuple[list[bytes], int]:
        """What is told of the stream in place of its bytes, and how many bytes the whole of it has: more than
        there are, when the stream was longer than what is kept."""
        whole = joined(self._pieces)
        try:
            body = self._condensed(whole)
        except Exception:  # a batch of records must not be lost for one answer
            log.exception("a stream cannot be put together")
            body = whole
        return [body], len(body) if self._size <= MOST_BYTES else max(len(body) + 1, self._size)


def streamed(codec: Codec | None, response: ResponseHead) -> Streamed | None:
    """What follows an answer that comes event by event; None for every other."""
    if codec is None or codec.condensed is None:
        return None
    media = header(response.recorded, b"content-type") or b""
    return Streamed(codec.condensed) if media.lower().startswith(b"text/event-stream") else None
