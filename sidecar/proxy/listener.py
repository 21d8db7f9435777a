"""One caller's connection: bytes become calls, in order, within limits.

Counterpart: `sidecar.proxy.upstream`. Parsing is llhttp's, strict; what it lets through is judged
by `sidecar.proxy.heads`. Calls that a caller pipelines wait in line: the first owns the connection, the
others are parsed and kept until reading is paused.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from socket import SO_LINGER, SOL_SOCKET
from time import monotonic
from typing import TYPE_CHECKING

import httptools

from sidecar.errors import CallFailed, translated
from sidecar.exchange import Headers
from sidecar.proxy import reply
from sidecar.proxy.call import Call
from sidecar.proxy.heads import RequestHead, request_head, trailers

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane

LINGER_SECONDS = 2.0
"""After an answer that came before the whole request: how long the rest is read and thrown away, so that
the caller can read the answer before the connection closes (RFC 9112, 9.6)."""

PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Sent to a caller that has closed its sending side. One that is gone answers with a reset, and the model's
work can be cancelled; one that only half-closed skips it, as every HTTP/1.1 client must. Many skip no other
status below 200."""


class Downstream(asyncio.Protocol):
    """The connection of one caller."""

    __slots__ = (
        "broken",
        "calls",
        "early_bytes",
        "eof",
        "fields",
        "fresh",
        "head_bytes",
        "head_since",
        "in_head",
        "last_read",
        "lingers_until",
        "parser",
        "parsing",
        "paused",
        "peer",
        "plane",
        "read_bytes",
        "shared_bytes",
        "stuck_bytes",
        "stuck_since",
        "target",
        "transport",
    )

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made
        self.parser = httptools.HttpRequestParser(self)
        self.calls: deque[Call] = deque()
        self.parsing: Call | None = None
        self.fields: list[tuple[bytes, bytes]] = []
        self.target = b""
        self.fresh = b""
        self.in_head = False
        self.head_bytes = self.shared_bytes = self.read_bytes = 0
        """Of the present head: bytes of reads that it has for itself, and of a read that it shares with what
        came before it. Together they are as many as it may have, and usually too few to look closer."""
        self.head_since = 0.0
        self.broken: CallFailed | None = None
        self.early_bytes: bytes | None = None
        """What came after a request to upgrade: for the tunnel, or the next requests if there is none."""
        self.peer = ""
        self.paused = self.eof = False
        self.last_read = 0.0
        self.lingers_until = 0.0
        self.stuck_since = 0.0
        self.stuck_bytes = 0

    # -- asyncio's side ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.last_read = monotonic()
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        if not self.plane.admit(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.last_read = monotonic()
        if self.lingers_until or self.broken is not None:
            return
        calls = self.calls
        if calls and calls[0].tunnelling:
            calls[0].tunnel_up(data)
            return
        if self.early_bytes is not None:
            self.early_bytes += data
            self.pause_reading()
            return
        if self.parsing is not None or self.in_head or not self._recalled(data):
            self._parse(data)
        if calls:
            calls[0].pump()
            if len(calls) > 1:
                self.pause_reading()

    def _recalled(self, data: bytes) -> bool:
        """Take a whole request whose head has been seen before, without parsing. False: parse it."""
        raw = data[: data.find(b"\r\n\r\n") + 4]
        head = self.plane.recall.get(raw)
        if head is None:
            self.fresh = raw if raw[:1].isalpha() else b""  # blank lines before a head are no head
            return False
        size = len(raw)
        if len(data) != size + max(head.length, 0):
            return False
        call = Call(self, head)
        self.calls.append(call)
        if head.length > 0:
            call.body(data[size:])
        call.body_end(())
        return True

    def _parse(self, data: bytes) -> None:
        self.read_bytes = len(data)
        self.head_bytes += len(data)
        after_stop: bytes | None = None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            after_stop = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            self.refuse(translated(error.__context__))
        except httptools.HttpParserInvalidMethodError as error:
            self.refuse(CallFailed("not-implemented", str(error)))
        except httptools.HttpParserError as error:
            self.refuse(CallFailed("bad-request", str(error)))
        self.fresh = b""
        if after_stop is not None:
            self._stopped(after_stop)
        in_message = self.in_head or self.parsing is not None
        if in_message and self.head_bytes > self.plane.settings.max_header_bytes:
            self.refuse(self._head_too_large())

    def _stopped(self, rest: bytes) -> None:
        """The parser stops after a head that asks for an upgrade, as if no body could follow. If one does,
        a fresh parser reads it, which is told of its framing only."""
        if self.parsing is None:
            self.early_bytes = rest
            return
        head = self.parsing.head
        self.parser = httptools.HttpRequestParser(self)
        framing = b"Transfer-Encoding: chunked" if head.chunked else b"Content-Length: %d" % head.length
        self._parse(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
        if rest:
            self._parse(rest)

    def eof_received(self) -> bool:
        calls = self.calls
        if not calls or calls[0].tunnelling or self.parsing or self.transport.get_extra_info("ssl_object"):
            return False  # nothing is owed, or the request will never be whole: close
        self.eof = True
        if self.calls[0].may_probe():
            self.transport.write(PROBE)
            self.plane.loop.call_later(0.05, self._probe_again)
        return True

    def _probe_again(self) -> None:
        # The first write to a closed peer only provokes the reset; the second one meets it.
        if self.calls and self.calls[0].may_probe() and not self.transport.is_closing():
            self.transport.write(PROBE)

    def connection_lost(self, exc: Exception | None) -> None:
        self.plane.dismiss(self)
        self.early_bytes = None
        calls, self.calls = self.calls, deque()
        for call in calls:
            call.client_gone()

    def pause_writing(self) -> None:
        self.stuck_since = monotonic()
        self.stuck_bytes = self.transport.get_write_buffer_size()
        if self.calls:
            self.calls[0].pause_response()

    def resume_writing(self) -> None:
        self.stuck_since = 0.0
        if self.calls:
            self.calls[0].resume_response()

    # -- the parser's side ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.in_head = True
        self.head_since = self.last_read
        self.fields = []
        self.target = b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parsing is not None:  # see `_stopped`
            self.in_head = False
            return
        fields: Headers = tuple(self.fields)
        limit = self.plane.settings.max_header_bytes
        if self.head_bytes + self.shared_bytes > limit and self._size(fields) > limit:
            raise self._head_too_large()
        self.fields = []
        self.in_head = False
        self._head_over()
        head = self.understood(fields)
        if self.fresh and not (head.chunked or head.upgrade or head.expects):
            self.plane.recall.keep(self.fresh, head)
        self.fresh = b""
        call = self.new_call(head)
        self.calls.append(call)
        self.parsing = call

    def understood(self, fields: Headers) -> RequestHead:
        """What the head that has been parsed means. Raises CallFailed for what must not pass."""
        parser, plane = self.parser, self.plane
        version = parser.get_http_version()
        authority = plane.pool.address.authority
        return request_head(
            parser.get_method(), self.target, version, fields, plane.dropped_from_request, authority
        )

    def new_call(self, head: RequestHead) -> Call:
        """The call that a head begins."""
        return Call(self, head)

    def on_body(self, data: bytes) -> None:
        self._head_over()
        if self.parsing is not None:
            self.parsing.body(data)

    def on_message_complete(self) -> None:
        call = self.parsing
        if call is not None and call.head.has_body and self.parser.should_upgrade():
            return  # it is not: see `_stopped`
        self.parsing = None
        self._head_over()
        if call is not None:
            fields = self.fields
            call.body_end(trailers(tuple(fields), self.plane.dropped_from_request) if fields else ())

    def _head_over(self) -> None:
        self.head_bytes = 0
        self.shared_bytes = self.read_bytes

    # -- the call's side -----------------------------------------------------------------------

    def call_done(self, *, close: bool) -> None:
        """The first call in line is answered: go on with the next, or close."""
        self.calls.popleft()
        if close:
            self._close_after_answer()
        elif self.calls:
            if len(self.calls) == 1:
                self.resume_reading()
            # Not from here: a thousand in line would nest a thousand deep.
            self.plane.loop.call_soon(self._next)
        elif self.broken is not None:
            self._answer_refusal(self.broken)
        elif self.early_bytes:
            self.plane.loop.call_soon(self._next)
        elif self.eof or self.plane.draining:
            self._close_after_answer()
        else:
            self.early_bytes = None
            self.resume_reading()

    def _next(self) -> None:
        """Go on with what is next in line."""
        if self.calls:
            self.calls[0].pump()
        elif early := self.early():
            self.resume_reading()
            self.data_received(early)
            if self.eof and not self.calls:
                self.transport.close()

    def early(self) -> bytes:
        """The bytes that came after a request to upgrade, once it is known whose they are."""
        early, self.early_bytes = self.early_bytes, None
        return early or b""

    def refuse(self, failed: CallFailed) -> None:
        """What was read last is no request to forward: answer it in its turn, then close."""
        if self.broken is not None:
            return
        self.broken = failed
        self.pause_reading()
        parsing, self.parsing = self.parsing, None
        if parsing is not None and parsing is self.calls[0]:
            parsing.fail(failed)
            return
        if parsing is not None:
            self.calls.pop()  # it stands last in line and has not begun
        if not self.calls:
            self._answer_refusal(failed)

    def _answer_refusal(self, failed: CallFailed) -> None:
        self.plane.count_failure(failed.cause)
        self.transport.write(reply.problem(failed, "", close=True))
        self._close_after_answer()

    def _close_after_answer(self) -> None:
        self.calls.clear()  # whoever still stands in line has been told not to expect an answer
        unread = self.parsing is not None or self.broken is not None
        if unread and not self.eof:
            self.lingers_until = monotonic() + LINGER_SECONDS
            self.resume_reading()
        else:
            self.transport.close()

    def reset(self) -> None:
        """End with a reset, where a clean end would look like the end of a whole answer."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def pause_reading(self) -> None:
        if not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def _size(self, fields: Headers) -> int:
        return len(self.target) + sum(len(name) + len(value) + 4 for name, value in fields)

    def _head_too_large(self) -> CallFailed:
        limit = self.plane.settings.max_header_bytes
        return CallFailed("headers-too-large", f"more than {limit} bytes of request line and fields")

    # -- the clock's side ----------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called a few times a second: end what has waited too long."""
        settings = self.plane.settings
        if self.transport.is_closing():
            if self._stuck(now):
                self.reset()
        elif self.lingers_until:
            if now > self.lingers_until:
                self.transport.close()
        elif self.stuck_since and self._stuck(now):
            self.reset()
        elif self.calls:
            self.calls[0].check(now)
        elif self.in_head:
            if now - self.head_since > settings.header_timeout:
                self.refuse(CallFailed("request-timeout", f"no whole head after {settings.header_timeout} s"))
        elif now - self.last_read > settings.idle_timeout:
            self.transport.close()

    def _stuck(self, now: float) -> bool:
        """Has the caller taken nothing of its answer for too long? One that takes it slowly may. At the end
        of a connection the last bytes count, too, however few they are."""
        left = self.transport.get_write_buffer_size()
        if not self.stuck_since or left < self.stuck_bytes:
            self.stuck_since, self.stuck_bytes = now, left
        return now - self.stuck_since > self.plane.settings.idle_timeout
