"""Connections to the model server: a pool, and one protocol that turns bytes into a response.

Counterpart: `sidecar.proxy.listener` does the same towards the caller; the two meet in
`sidecar.proxy.call`. A connection serves one call at a time. It goes back to the pool only when the
response ended where the request said it would; anything odd closes it, because a byte
that belongs to nobody would be read as the next caller's answer.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Literal

import httptools

from sidecar.errors import CallFailed, translated
from sidecar.exchange import Headers
from sidecar.proxy.address import Address
from sidecar.proxy.connecting import connect
from sidecar.proxy.heads import HOP_BY_HOP, OURS, ResponseHead, response_head, trailers
from sidecar.proxy.recall import Recall

if TYPE_CHECKING:
    from sidecar.proxy.call import Call

MAX_HEAD_BYTES = 262_144
"""Bytes of fields that a model may send in a row: far more than any needs, and a bound on our memory."""

IDLE_SECONDS = 4.0
"""How long an idle connection may be used again. Shorter than the five seconds after which common Python
servers close theirs, so that a call does not meet a closing door."""


SETTLED_SECONDS = 0.1
"""How long a connection has been idle before it is used again, where the model closed another one sooner.
llama.cpp's server does so after every stream, though it says that it would not: a call that meets such a
closing must fail, because the model may have begun to work on it."""

HASTY_SECONDS = 60.0
"""How long that is remembered after the last time."""


class Upstream(asyncio.Protocol):
    """One connection to the model."""

    __slots__ = (
        "call",
        "done",
        "fields",
        "fresh",
        "head_bytes",
        "idle_since",
        "interim",
        "parser",
        "pool",
        "reading_paused",
        "reason",
        "spoiled",
        "started",
        "transport",
        "used",
        "writing_paused",
    )

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.parser = httptools.HttpResponseParser(self)
        self.call: Call | None = None
        self.fields: list[tuple[bytes, bytes]] = []
        self.reason = self.fresh = b""
        self.started = self.interim = self.done = self.spoiled = self.used = False
        self.reading_paused = self.writing_paused = False
        self.head_bytes = 0
        self.idle_since = 0.0

    # -- asyncio's side ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.pool.open += 1

    def data_received(self, data: bytes) -> None:
        call = self.call
        if call is None:  # an idle connection has nothing to say: a 408, or an answer to nobody
            self.close()
            return
        call.last_moved = monotonic()
        fresh = not self.started and self._recalled(call, data)
        if not fresh and not self._parse(call, data):
            return
        call.response_done = self.done
        call.flush_response()
        if self.done:
            call.response_ended()

    def _recalled(self, call: Call, data: bytes) -> bool:
        """Take a whole response whose head has been seen before, without parsing. False: parse it."""
        raw = data[: data.find(b"\r\n\r\n") + 4]
        head = self.pool.recall.get(raw)
        if head is None:
            self.fresh = raw if raw[:1].isalpha() else b""  # blank lines before a head are no head
            return False
        size = len(raw)
        if len(data) != size + head.length or call.head.method == "HEAD":
            return False
        call.response_head(head)
        if head.length:
            call.response_body(data[size:])
        self.done = True
        return True

    def _parse(self, call: Call, data: bytes) -> bool:
        """Feed the parser. False: the call has failed, or is a tunnel."""
        if call.tunnelling:
            call.tunnel_down(data)
            return False
        self.head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            call.switched(data[upgrade.args[0] :])
            return False
        except httptools.HttpParserCallbackError as error:
            if not self.spoiled:
                call.fail(translated(error.__context__))
                return False
        except httptools.HttpParserError as error:
            if not self.done:
                call.fail(CallFailed("upstream-malformed", str(error)))
                return False
            self.spoiled = True
        self.fresh = b""
        if self.head_bytes > MAX_HEAD_BYTES and not self.done:
            call.fail(CallFailed("upstream-malformed", f"more than {MAX_HEAD_BYTES} bytes of fields"))
            return False
        return True

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.pool.forget(self)
        self.pool.open -= 1
        call, self.call = self.call, None
        if self.used and (call is None or not self.started):
            self.pool.closed_after(monotonic() - self.idle_since)
        if call is not None:
            call.upstream_lost(self, exc)

    def pause_writing(self) -> None:
        self.writing_paused = True
        if self.call is not None:
            self.call.pause_request()

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self.call is not None:
            self.call.resume_request()

    # -- the parser's side ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.done:
            self._spoil("bytes after the end of the response")
        self.started = True
        self.fields = []
        self.reason = b""

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        call = self.call
        assert call is not None
        fields: Headers = tuple(self.fields)
        self.fields = []
        head = response_head(
            self.parser.get_status_code(),
            self.reason,
            self.parser.get_http_version(),
            fields,
            call.head,
            self.pool.dropped_from_response,
        )
        if head.status < 200 and head.status != 101:
            self.interim = True
            self.fresh = b""
            call.interim(head.status, head.lines)
            return
        if self.fresh and head.length >= 0 and not head.bodiless:
            self.pool.recall.keep(self.fresh, head)
        self.fresh = b""
        call.response_head(head)
        if head.bodiless and head.status != 101:
            # llhttp cannot be told that HEAD has no body: the message ends here, and the parser with it.
            self.done = True

    def on_body(self, data: bytes) -> None:
        if self.done:
            self._spoil("a body where none is allowed")
        self.head_bytes = 0
        assert self.call is not None
        self.call.response_body(data)

    def on_message_complete(self) -> None:
        if self.interim:
            self.interim = False
            self.head_bytes = 0
        elif not self.done:
            assert self.call is not None
            if self.fields:
                self.call.trailers = trailers(tuple(self.fields), self.pool.dropped_from_response)
            self.done = True

    def _spoil(self, what: str) -> None:
        """More came than the response: it passes, but the connection must not serve again."""
        self.spoiled = True
        raise CallFailed("upstream-malformed", what)

    # -- the call's side -----------------------------------------------------------------------

    def pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.reading_paused and not self.transport.is_closing():
            self.reading_paused = False
            self.transport.resume_reading()

    # -- the pool's side -----------------------------------------------------------------------

    def serve(self, call: Call) -> None:
        """Belong to `call` until it is released."""
        self.call = call
        self.done = self.spoiled = self.started = False
        self.head_bytes = 0

    def release(self, *, reusable: bool) -> None:
        """The call is over: back to the pool, or closed."""
        call, self.call = self.call, None
        response = call.response if call is not None else None
        if (
            not reusable
            or self.spoiled
            or not self.done
            or self.writing_paused
            or self.transport.is_closing()
        ):
            self.used = False  # it is we who close it
            if call is not None and not call.tunnelling and self.transport.get_write_buffer_size():
                self.transport.abort()  # nobody waits for what the model has not read yet
            else:
                self.transport.close()
            return
        if self.reading_paused:
            self.resume_reading()
        if response is not None and response.bodiless:
            self.parser = httptools.HttpResponseParser(self)
        self.done = False
        self.pool.give_back(self)

    def close(self) -> None:
        self.pool.forget(self)
        self.transport.close()


class Pool:
    """All connections of one worker to one model server; the most recently used goes out first."""

    def __init__(
        self, address: Address, connect_timeout: float, tls: ssl.SSLContext | None, server_name: str = ""
    ) -> None:
        self.address = address
        self.dropped_from_response = HOP_BY_HOP | OURS | {b"x-request-id", b"traceresponse"}
        self.recall: Recall[ResponseHead] = Recall()
        self.state: Literal["unknown", "up", "down"] = "unknown"
        self.open = 0
        self.hasty_until = 0.0
        self.closed = False
        """What calls in flight give back is of no use to anybody."""
        self.connect_timeout = connect_timeout
        self._tls = tls
        self._server_name = server_name
        self._idle: deque[Upstream] = deque()

    def take(self) -> Upstream | None:
        """An idle connection that is fit to use, or None."""
        idle, hasty = self._idle, self.hasty_until > 0 and self._hasty()
        while idle:
            if hasty and monotonic() - idle[0].idle_since < SETTLED_SECONDS:
                return None  # the model may be about to close it, and all others are younger
            connection = idle.popleft() if hasty else idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def _hasty(self) -> bool:
        """Whether the model was seen lately to close connections that it could have kept."""
        if monotonic() > self.hasty_until:
            self.hasty_until = 0.0
        return self.hasty_until > 0

    def closed_after(self, seconds: float) -> None:
        """The model has closed a connection that had been idle for so long, or was just used again."""
        if seconds < SETTLED_SECONDS:
            self.hasty_until = monotonic() + HASTY_SECONDS

    async def connect(self) -> Upstream:
        """A new connection. Raises `CallFailed`."""
        try:
            connection = await connect(
                self.address, lambda: Upstream(self), self.connect_timeout, self._tls, self._server_name
            )
        except CallFailed:
            self.state = "down"
            raise
        self.state = "up"
        return connection

    def give_back(self, connection: Upstream) -> None:
        if self.closed:
            connection.transport.close()
            return
        connection.used = True
        connection.idle_since = monotonic()
        self._idle.append(connection)

    def forget(self, connection: Upstream) -> None:
        """The connection is closing: never hand it out again."""
        if connection in self._idle:
            self._idle.remove(connection)

    def expire(self, now: float) -> None:
        """Close what has been idle for `IDLE_SECONDS`; the oldest stand first."""
        idle = self._idle
        while idle and now - idle[0].idle_since > IDLE_SECONDS:
            idle.popleft().transport.close()

    def close(self) -> None:
        """Close all connections: at once those that are idle, each other one when its call has ended."""
        self.closed = True
        while self._idle:
            self._idle.pop().transport.close()
