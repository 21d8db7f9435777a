"""The model's end of a connection: what it says goes to the call whose stream it is on.

Counterpart: `sidecar.proxy.grpc.caller`, whose connection has this one to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.errors import CallFailed
from sidecar.exchange import Headers
from sidecar.proxy.grpc import frames
from sidecar.proxy.grpc.call import Said
from sidecar.proxy.grpc.ends import End
from sidecar.proxy.grpc.fields import block
from sidecar.proxy.grpc.frames import Broken, Frame
from sidecar.proxy.upstream import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from sidecar.proxy.grpc.call import GrpcCall
    from sidecar.proxy.grpc.caller import Caller


class Model(End):
    """One connection to the model."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(MAX_HEAD_BYTES)
        self.caller = caller

    def opposite(self) -> End | None:
        return self.caller

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed:
            self.closed = True
            self.caller.model_lost()

    def broke(self, broken: Broken) -> None:
        self.closed = True
        self.write(frames.goaway(0, broken.code, str(broken)))
        self.flush()
        self.transport.close()
        for call in list(self.caller.calls.values()):
            call.fail(CallFailed("upstream-malformed", str(broken)))
        self.caller.model_lost()

    # -- its frames ----------------------------------------------------------------------------------

    def data(self, found: Frame) -> None:
        call = self.caller.begun.get(found.stream)
        if (
            call is None or call.over
        ):  # a caller who wanted no more of it never sees it, so it gives nothing back
            self.give_back(len(found.raw) - frames.HEAD_BYTES)
        elif call.response is None:
            raise Broken(frames.PROTOCOL_ERROR, "data without a head")
        else:
            if found.flags & frames.PADDED:
                frames.payload(found)  # raises Broken where the padding is longer than the frame
            call.answer_data(found)

    def headers(self, stream: int, fields: Headers, *, ends: bool) -> None:
        call = self.caller.begun.get(stream)
        if call is None or call.over:
            return
        try:
            self._headers_of(call, fields, ends=ends)
        except CallFailed as failed:
            call.fail(failed)

    def _headers_of(self, call: GrpcCall, fields: Headers, *, ends: bool) -> None:
        if call.response is not None:
            if not ends:
                raise CallFailed("upstream-malformed", "a second head")
            call.answer_trailers(fields)
            return
        response = self.caller.door.response_head(fields)
        if response.status >= 200:
            call.answered(response)
            call.says(Said("head", response.lines, ends))
        elif ends:
            raise CallFailed("upstream-malformed", "an interim answer that is the last")
        else:
            self.caller.write_headers(call.stream, block(fields), ends=False)

    def other(self, found: Frame) -> None:
        kind, caller = found.kind, self.caller
        if kind == frames.RST_STREAM:
            if (call := caller.begun.get(found.stream)) is not None:
                call.model_reset(frames.number(found))
        elif kind == frames.WINDOW_UPDATE:
            self._window_update(found)
        elif kind == frames.SETTINGS and not found.flags & frames.ACK:
            self._settings(frames.settings(found))
        elif kind == frames.GOAWAY:
            self._goaway(found)
        elif kind in frames.ON_CONNECTION:
            caller.write(found.raw)

    def _goaway(self, found: Frame) -> None:
        """The model takes no new call. Which of those that it has it will not look at it says in its numbers;
        the caller must not hear so of one that it does look at, or it would ask again."""
        caller, last, raw = self.caller, frames.number(found), found.raw
        begun = list(caller.begun.values())
        if all(call.number == call.stream for call in begun) or last > caller.last_number:
            caller.write(raw)
            return
        told = max([call.stream for call in begun if call.number <= last], default=0)
        caller.write(raw[: frames.HEAD_BYTES] + told.to_bytes(4, "big") + raw[frames.HEAD_BYTES + 4 :])
        for call in begun:
            if call.number > last and call.stream <= told:
                call.model_reset(frames.REFUSED_STREAM)

    def _window_update(self, found: Frame) -> None:
        """The model takes more. What the caller was lent is repaid first."""
        caller, more = self.caller, frames.number(found)
        stream = 0
        if found.stream == 0:
            told = caller.window.more(more)
        else:
            call = caller.begun.get(found.stream)
            if call is None or not call.passing:
                return
            stream, told = call.stream, more if call.window is None else call.window.more(more)
        if told:
            caller.write(frames.window_update(stream, told))
        for short in list(caller.short):
            short.send_kept_back()

    def _settings(self, pairs: list[tuple[int, int]]) -> None:
        caller = self.caller
        for name, value in pairs:
            if name == frames.INITIAL_WINDOW_SIZE:
                grown, caller.initial_window = value - caller.initial_window, value
                for call in caller.calls.values():
                    if call.window is not None:
                        call.window.room += grown
        passed = caller.allow(pairs)
        caller.write(frames.settings_frame([pair for pair in passed if pair[0] != frames.ENABLE_PUSH]))
        for short in list(caller.short):
            short.send_kept_back()
