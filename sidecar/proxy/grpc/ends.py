"""One end of a connection: bytes in, frames acted on, frames out. What callers and models have in common.

Counterparts: `sidecar.proxy.grpc.caller` and `sidecar.proxy.grpc.model`, the two that there are. All that one
read brings about, on either side, goes out in one write to each.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from sidecar.exchange import Headers
from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.fields import NO_TABLE, Reader
from sidecar.proxy.grpc.frames import Broken, Frame

log = logging.getLogger(__name__)


class End(asyncio.Protocol):
    """A connection to a caller or to a model."""

    def __init__(self, max_header_bytes: int) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.reader = Reader(max_header_bytes)
        self.closed = False
        """What still comes is not looked at: the connection is at its end."""
        self.paused = False
        self.stuck_since = 0.0
        self.stuck_bytes = 0
        self.last_read = 0.0
        self.largest = frames.USUAL
        """Bytes of a frame that the peer may send: as many as the other side takes."""
        self.rest = b""
        """Of a frame that has not come whole."""
        self._max_header_bytes = max_header_bytes
        self._block: list[bytes] = []
        self._begun: Frame | None = None
        """The HEADERS whose block goes on in CONTINUATION."""
        self._out: list[bytes] = []
        self._tableless = False
        """The peer has been told that our header blocks use no table."""

    # -- what each side does with it ---------------------------------------------------------------

    def data(self, found: Frame) -> None:
        raise NotImplementedError

    def headers(self, stream: int, fields: Headers, *, ends: bool) -> None:
        raise NotImplementedError

    def other(self, found: Frame) -> None:
        """Any frame that is neither data nor headers."""
        raise NotImplementedError

    def opposite(self) -> End | None:
        """The other end."""
        raise NotImplementedError

    def broke(self, broken: Broken) -> None:
        """The peer does not speak HTTP/2."""
        raise NotImplementedError

    # -- in ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.last_read = monotonic()

    def data_received(self, data: bytes) -> None:
        self.last_read = monotonic()
        if not self.closed:
            self.feed(data)
            self.settle()

    def feed(self, data: bytes) -> None:
        """Act on all frames that are whole by now."""
        whole, self.rest = self.rest + data if self.rest else data, b""
        try:
            for found in frames.cut(whole, self.largest):
                if isinstance(found, bytes):
                    self.rest = found
                elif self.closed:
                    return
                else:
                    self._frame(found)
        except Broken as broken:
            self.broke(broken)
        except Exception:
            log.exception("error inside the sidecar; the connection is closed")
            self.broke(Broken(frames.INTERNAL_ERROR, "an error inside the sidecar"))

    def _frame(self, found: Frame) -> None:
        kind = found.kind
        if self._begun is not None:
            self._go_on(found, self._begun)
        elif kind == frames.DATA:
            self.data(found)
        elif kind == frames.HEADERS:
            block = frames.payload(found)
            if found.flags & frames.END_HEADERS:
                self._headers(found, block)
            else:
                self._begun, self._block = found, [block]
        elif kind in (frames.CONTINUATION, frames.PUSH_PROMISE):
            raise Broken(frames.PROTOCOL_ERROR, f"a frame of kind {kind} where none may be")
        elif kind == frames.WINDOW_UPDATE and not frames.number(found):
            raise Broken(frames.PROTOCOL_ERROR, "a window that grows by nothing")
        else:
            self.other(found)

    def _go_on(self, found: Frame, begun: Frame) -> None:
        """A header block goes on, and nothing else may come meanwhile."""
        if found.kind != frames.CONTINUATION or found.stream != begun.stream:
            raise Broken(frames.PROTOCOL_ERROR, "another frame in the middle of a header block")
        piece = found.raw[frames.HEAD_BYTES :]
        ends = found.flags & frames.END_HEADERS
        self._block.append(piece)
        if not (piece or ends) or sum(map(len, self._block)) > self._max_header_bytes:
            raise Broken(frames.ENHANCE_YOUR_CALM, f"more than {self._max_header_bytes} bytes of fields")
        if ends:
            self._begun = None
            self._headers(begun, b"".join(self._block))

    def _headers(self, found: Frame, block: bytes) -> None:
        self.headers(found.stream, self.reader.read(block), ends=bool(found.flags & frames.END_STREAM))

    def allow(self, told: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The other side's settings as they pass to this peer, which may send such frames from now on."""
        passed = passed_on(told)
        sizes = [value for name, value in passed if name == frames.MAX_FRAME_SIZE]
        self.largest = max([self.largest, *sizes])
        return passed

    # -- out ---------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write with the next `settle`."""
        self._out.append(data)

    def write_headers(self, stream: int, block: bytes, *, ends: bool) -> None:
        """Write a header block with the next `settle`. A peer that allows a smaller table than usual waits to
        be told that ours is no larger, and takes no block before (RFC 7541, 4.2)."""
        if not self._tableless:
            self._tableless = True
            block = NO_TABLE + block
        self._out.append(frames.headers(stream, block, ends=ends))

    def flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            if not self.transport.is_closing():
                self.transport.write(out[0] if len(out) == 1 else b"".join(out))

    def settle(self) -> None:
        """Write what has gathered on both sides."""
        opposite = self.opposite()
        if opposite is not None:
            opposite.flush()
        self.flush()

    def give_back(self, count: int, stream: int = 0) -> None:
        """Let the peer send as much again as it sent in vain: on the connection, and on this stream if it
        goes on."""
        if count > 0:
            self.write(frames.window_update(0, count))
            if stream:
                self.write(frames.window_update(stream, count))

    # -- pace --------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self.stuck_since = monotonic()
        self.stuck_bytes = self.transport.get_write_buffer_size()
        if (opposite := self.opposite()) is not None:
            opposite.pause_reading()

    def resume_writing(self) -> None:
        self.stuck_since = 0.0
        if (opposite := self.opposite()) is not None:
            opposite.resume_reading()

    def pause_reading(self) -> None:
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def stuck(self, now: float, limit: float) -> bool:
        """Has the peer taken nothing for `limit` seconds? One that takes it slowly may. At the end of a
        connection the last bytes count, too, however few they are."""
        left = self.transport.get_write_buffer_size()
        if not self.stuck_since:
            if self.transport.is_closing():
                self.stuck_since, self.stuck_bytes = now, left
            return False
        if left < self.stuck_bytes:
            self.stuck_since, self.stuck_bytes = now, left
        return now - self.stuck_since > limit


def passed_on(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those settings that pass, in either direction: nothing of tables, which are between each and us, and
    frames no larger than we take."""
    return [
        (name, min(value, frames.LARGEST) if name == frames.MAX_FRAME_SIZE else value)
        for name, value in pairs
        if name != frames.HEADER_TABLE_SIZE
    ]
