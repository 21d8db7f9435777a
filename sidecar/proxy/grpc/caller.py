"""The caller's end of a connection: its streams become calls.

Counterpart: `sidecar.proxy.grpc.model`. The model is connected to when the caller has shown that it speaks
HTTP/2; until then its bytes wait. When it cannot be reached, every call is told so, and the connection ends.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from sidecar.errors import CallFailed, translated
from sidecar.exchange import Headers
from sidecar.proxy import reply
from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.call import GrpcCall
from sidecar.proxy.grpc.ends import End
from sidecar.proxy.grpc.frames import PREFACE, Broken, Frame
from sidecar.proxy.grpc.windows import Window

if TYPE_CHECKING:
    from sidecar.proxy.grpc.door import Door
    from sidecar.proxy.grpc.model import Model

CONNECT_BUFFER = 65_536
"""Bytes that may wait while the model is connected to."""

LAST_WORDS = 1.0
"""Seconds that a caller has to ask, and be told, when the model cannot be reached."""


class Caller(End):
    """One connection of a caller."""

    def __init__(self, door: Door) -> None:
        super().__init__(door.plane.settings.max_header_bytes)
        self.door = door
        self.peer = ""
        self.model: Model | None = None
        self.unreached: CallFailed | None = None
        """Why there is no model at the other end."""
        self.calls: dict[int, GrpcCall] = {}
        self.begun: dict[int, GrpcCall] = {}
        """The calls that the model knows, by its numbers."""
        self.last_stream, self.last_number = 0, -1
        self.leaving = False
        """The caller has been told that no new call will be taken."""
        self.window = Window()
        """Of the connection to the model, which all calls share."""
        self.initial_window = frames.WINDOW
        """Of each stream to the model."""
        self.short: set[GrpcCall] = set()
        """Calls with data that the model has no window for."""
        self._greeted = False
        self._since = 0.0

    def opposite(self) -> End | None:
        return self.model

    # -- the connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._since = self.last_read
        name = transport.get_extra_info("peername")
        self.peer = name[0] if isinstance(name, tuple) else ""
        if not self.door.admit(self):
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.model is not None or self.unreached is not None:
            super().data_received(data)
        elif not self.closed:
            self._early(data)

    def _early(self, data: bytes) -> None:
        """Bytes that come before the model is there."""
        self.rest += data
        if not self._greeted:
            if not PREFACE.startswith(self.rest[: len(PREFACE)]):
                self._refuse()
                return
            if len(self.rest) < len(PREFACE):
                return
            self._greeted = True
            self.rest = self.rest[len(PREFACE) :]
            self.door.plane.tasks.start("connect to the model for gRPC", self._connect())
        if len(self.rest) > CONNECT_BUFFER:
            self.pause_reading()

    def _refuse(self) -> None:
        self.closed = True
        self.door.plane.count_failure("bad-request")
        failed = CallFailed("bad-request", "this address takes gRPC, that is HTTP/2 from the first byte")
        self.transport.write(reply.problem(failed, "", close=True))
        self.transport.close()

    async def _connect(self) -> None:
        try:
            model = await self.door.connect(self)
        except Exception as error:
            self.unreached = translated(error)
            self._since = monotonic()
            self.write(frames.settings_frame([]))
        else:
            if self.transport.is_closing():
                model.transport.abort()
                return
            self.model = model
            model.write(PREFACE)
        if not self.transport.is_closing():
            self.resume_reading()
            self.feed(b"")
            self.settle()

    def must_reach_the_model(self) -> None:
        """Raises CallFailed when there is none."""
        if self.unreached is not None:
            raise CallFailed(self.unreached.cause, self.unreached.detail)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.door.dismiss(self)
        calls, self.calls = list(self.calls.values()), {}
        self.begun.clear()
        for call in calls:
            call.client_gone()
        model, self.model = self.model, None
        if model is not None:
            model.closed = True
            if model.transport.get_write_buffer_size():
                model.transport.abort()  # nobody waits for what the model has not read yet
            else:
                model.transport.close()

    def model_lost(self) -> None:
        """The connection to the model has closed under the calls."""
        self.model = None
        for call in list(self.calls.values()):
            call.fail(CallFailed("response-truncated" if call.head_sent else "upstream-closed"))
        self.calls.clear()
        self.begun.clear()
        self.end(frames.NO_ERROR)

    def broke(self, broken: Broken) -> None:
        self.door.plane.count_failure("bad-request")
        self.end(broken.code, str(broken))

    def end(self, code: int, detail: str = "") -> None:
        """Say good-bye and close. What is in flight is over."""
        if not self.closed:
            self.closed = True
            self.write(frames.goaway(self.last_stream, code, detail))
            self.flush()
            self.transport.close()

    def leave(self) -> None:
        """Take no new call; close when the last one has ended."""
        if not self.leaving:
            self.leaving = True
            self.write(frames.goaway(self.last_stream, frames.NO_ERROR))
            self.flush()
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if (self.leaving or self.unreached is not None) and not self.calls:
            self.door.plane.loop.call_soon(self.end, frames.NO_ERROR)

    # -- its frames ----------------------------------------------------------------------------------

    def data(self, found: Frame) -> None:
        call = self.calls.get(found.stream)
        if call is not None and call.request_complete:
            self._goes_on_after_its_end(call)
        elif call is not None and (call.passing or not call.over):
            call.data(found)
            self._forget_if_done(call)
            return
        if found.stream > self.last_stream and not self.leaving:  # then it is of a call that is not looked at
            raise Broken(frames.PROTOCOL_ERROR, "data on a stream that has not begun")
        self.give_back(len(found.raw) - frames.HEAD_BYTES)

    def headers(self, stream: int, fields: Headers, *, ends: bool) -> None:
        call = self.calls.get(stream)
        if call is not None and call.request_complete:
            self._goes_on_after_its_end(call)
            return
        if call is not None:
            if not ends:
                raise Broken(frames.PROTOCOL_ERROR, "a second head")
            call.request_trailers(fields)
            self._forget_if_done(call)
            return
        if stream % 2 == 0:
            raise Broken(frames.PROTOCOL_ERROR, "a stream of the caller's with an even number")
        if stream <= self.last_stream or self.leaving:
            return  # closed already, or beyond what was promised to be looked at
        self.last_stream = stream
        plane = self.door.plane
        if len(self.calls) >= plane.settings.max_concurrent_calls:
            plane.count_failure("overloaded")
            self.write(frames.reset(stream, frames.REFUSED_STREAM))
            return
        try:
            head = self.door.request_head(fields)
        except CallFailed as failed:
            plane.count_failure(failed.cause)
            self.write(frames.reset(stream, frames.PROTOCOL_ERROR))
            return
        call = self.calls[stream] = GrpcCall(self, stream, head, ends=ends)
        call.pump()

    def _goes_on_after_its_end(self, call: GrpcCall) -> None:
        """More of a request that said it was whole: its stream is in error (RFC 9113, 5.1), and over."""
        self.door.plane.count_failure("bad-request")
        self.write(frames.reset(call.stream, frames.STREAM_CLOSED))
        call.cancelled(frames.CANCEL)

    def other(self, found: Frame) -> None:
        kind = found.kind
        if kind == frames.RST_STREAM:
            call = self.calls.get(found.stream)
            if call is not None:
                call.cancelled(frames.number(found))
        elif self.model is None:
            self._alone(found)
        elif kind == frames.SETTINGS and not found.flags & frames.ACK:
            passed = self.model.allow(frames.settings(found))
            self.model.write(frames.settings_frame(_without_pushes(passed)))
        elif kind == frames.WINDOW_UPDATE:
            call = self.calls.get(found.stream)
            if found.stream == 0:
                self.model.write(found.raw)
            elif call is not None and call.passing:
                self.model.write(call.for_model(found.raw))
            elif call is not None:
                call.granted += frames.number(found)
        elif kind in frames.ON_CONNECTION:
            self.model.write(found.raw)

    def _alone(self, found: Frame) -> None:
        """Answer what must be answered, when there is no model that would."""
        if found.kind in (frames.SETTINGS, frames.PING) and not found.flags & frames.ACK:
            payload = found.raw[frames.HEAD_BYTES :] if found.kind == frames.PING else b""
            self.write(frames.frame(found.kind, frames.ACK, 0, payload))

    # -- its calls -----------------------------------------------------------------------------------

    def number_for(self, call: GrpcCall) -> int:
        """The stream of the model that this call begins on: the caller's own number, unless a later call was
        not kept back so long. Streams must begin in the order of their numbers (RFC 9113, 5.1.1)."""
        self.last_number = max(call.stream, self.last_number + 2)
        self.begun[self.last_number] = call
        return self.last_number

    def forget(self, call: GrpcCall) -> None:
        """No frame of this call is expected any more."""
        self.calls.pop(call.stream, None)
        if call.number:
            self.begun.pop(call.number, None)
        self._leave_if_done()

    def _forget_if_done(self, call: GrpcCall) -> None:
        if call.over and call.request_complete and call.model_done:
            self.forget(call)

    # -- the clock -----------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Called a few times a second: end what has waited too long. An idle connection may stay: whether
        the other side is there, caller and model ask each other by PING."""
        settings = self.door.plane.settings
        model = self.model
        if self.transport.is_closing():
            if self.stuck(now, settings.idle_timeout):
                self.transport.abort()
        elif model is None:
            if now - self._since > (LAST_WORDS if self.unreached else settings.header_timeout):
                self.end(frames.NO_ERROR)
        elif self.stuck(now, settings.idle_timeout) or model.stuck(now, settings.idle_timeout):
            self.transport.abort()
        elif settings.total_timeout:
            for call in list(self.calls.values()):
                call.check()
            self.settle()


def _without_pushes(passed: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A caller's settings as the model is told them: whatever they say, it may not push."""
    return [*[pair for pair in passed if pair[0] != frames.ENABLE_PUSH], (frames.ENABLE_PUSH, 0)]
