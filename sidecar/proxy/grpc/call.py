"""One gRPC call, from its head to its record: a stream of the caller's connection and of the model's.

    pump              the call begins, when it may; its score is asked for, when it is whole
    data              a piece of the request goes on, or is kept back until the call has begun
    says              the model's head, data and trailers go on, with the facts in the first or the last
    finish / fail     the one end every call has

Facts stand in the initial metadata when the request was whole before the model answered, as with every unary
call, else in the trailers. Counterpart: `sidecar.proxy.call`, which does the same for HTTP/1.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter_ns
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from sidecar.errors import FAILURES, CallFailed, translated
from sidecar.exchange import Answer, Headers
from sidecar.proxy import deciding
from sidecar.proxy.beforehand import may_begin, score_deadline
from sidecar.proxy.case import Case
from sidecar.proxy.grpc import frames, status
from sidecar.proxy.grpc.beforehand import began_to_stream
from sidecar.proxy.grpc.fields import block
from sidecar.proxy.grpc.frames import DATA, END_STREAM, Frame, frame, reset, window_update
from sidecar.proxy.grpc.heads import trailers
from sidecar.proxy.grpc.outgoing import TRAILERS_ONLY, facts_shown, to_caller, to_model
from sidecar.proxy.grpc.windows import LARGEST_WINDOW, Window
from sidecar.proxy.heads import RequestHead, ResponseHead
from sidecar.proxy.judged import DEADLINE, POLICY, RESPONSE_FIRST, TOO_LARGE, Judged
from sidecar.proxy.pieces import first

if TYPE_CHECKING:
    from sidecar.proxy.grpc.caller import Caller


ELSEWHERE = "a policy sends this call to another model, which is not reached by gRPC"


class Said(NamedTuple):
    """What the model said: `raw` is a frame of data, or a header block without our own fields."""

    kind: Literal["head", "data", "trailers"]
    raw: bytes
    ends: bool


class GrpcCall(Case):
    """One stream: a request of a caller, the model's answer, and what sidecar has to say of both."""

    mirrorable = False
    passing = False
    """Whether the model knows the stream, and it is not reset."""
    number = 0
    """Of the stream towards the model, once it knows the call."""
    window: Window | None = None
    """Of the stream towards the model, if ever something was kept back from it."""
    last_fields = b""
    """Fields after the request's data that are kept back with it."""
    granted = 0
    """Bytes by which the caller made its window larger before the model had the call."""

    def __init__(self, caller: Caller, stream: int, head: RequestHead, *, ends: bool) -> None:
        super().__init__(caller.door.plane, caller.peer, head)
        self.caller = caller
        self.stream = stream
        self.bodiless = self.request_complete = ends
        self.kept_back: deque[tuple[bytes, bool]] = deque()
        self.later: list[Said] = []
        self.head_sent = self.facts_told = self.model_done = False
        self.waiting = False  # for a score, with the model's answer in hand

    # -- the request -----------------------------------------------------------------------------

    def pump(self) -> None:
        """Begin, if that is possible by now, and have a whole request scored."""
        if not self.over and not self.begun and (may_begin(self) or began_to_stream(self)):
            self._begin()
        if self.over or not self.begun:
            return
        if self.request_complete and self.judgement is None and not self.submitted:
            self.submitted = True
            self.plane.judge.submit(self)

    def _begin(self) -> None:
        """Check the limits, and send the head and whatever was kept back."""
        plane, model = self.plane, self.caller.model
        self.begun = True
        plane.identify(self)
        decision = self.decision
        try:
            plane.begin_call(self.head)
            self.caller.must_reach_the_model()
            if decision is not None and decision.to:
                raise CallFailed("not-implemented", ELSEWHERE)
        except Exception as error:
            self.fail(translated(error))
            return
        if decision is not None and decision.answer is not None:
            self._answer_in_place(decision.answer)
            return
        assert model is not None
        self.number = self.caller.number_for(self)
        model.write_headers(self.number, to_model(self), ends=self.bodiless)
        if self.granted:
            model.write(window_update(self.number, min(self.granted, LARGEST_WINDOW)))
        self.passing = True
        self.forwarded_ns = perf_counter_ns() - self.started
        self.send_kept_back()

    def data(self, found: Frame) -> None:
        """A piece of the request has come."""
        body = frames.payload(found)
        ends = bool(found.flags & END_STREAM)
        self._keep(body)
        self.request_complete = self.request_complete or ends
        limit = self.plane.settings.max_body_bytes
        size = len(found.raw) - frames.HEAD_BYTES
        if self.request_bytes > limit > 0:
            self.caller.give_back(size)
            self.fail(CallFailed("body-too-large", f"more than {limit} bytes"))
            return
        if self.passing and not self.kept_back and size == len(body) and self._fits(size):
            assert self.caller.model is not None
            self.caller.model.write(self.for_model(found.raw))
            self._spend(size)
        else:
            self._keep_back(body, ends, size)
        self.pump()

    def _keep(self, body: bytes) -> None:
        """Keep a piece for scoring and for the record."""
        before = self.request_bytes
        self.request_bytes += len(body)
        if self.judgement is None:
            if self.request_bytes <= self.plane.settings.max_scored_bytes:
                self.kept.append(body)
            else:
                self.judgement = TOO_LARGE
                self.kept = first(self.kept, self.plane.held_bytes)
        elif before < self.plane.held_bytes:
            self.kept.append(body)

    def _keep_back(self, body: bytes, ends: bool, size: int) -> None:
        """Keep a piece from the model. The caller is lent as much window as it took, padding comes back."""
        caller = self.caller
        self.kept_back.append((body, ends))
        if size > len(body):
            caller.give_back(size - len(body), self.stream)
        if self.passing:
            self.send_kept_back()
            return
        if self.window is None:
            self.window = Window(caller.initial_window)
        if body:
            caller.window.lend(len(body))
            caller.write(window_update(0, len(body)))
            if not ends:
                self.window.lend(len(body))
                caller.write(window_update(self.stream, len(body)))

    def send_kept_back(self) -> None:
        """Send of what was kept back as much as the model takes."""
        model, kept_back = self.caller.model, self.kept_back
        while kept_back and model is not None:
            body, ends = kept_back[0]
            room = min([one.room for one in (self.caller.window, self.window) if one is not None])
            size = len(body) if len(body) <= room else max(room, 0)
            if size < len(body):
                if size == 0:
                    self.caller.short.add(self)
                    return
                kept_back[0] = (body[size:], ends)
                ends = False
            else:
                kept_back.popleft()
            if ends and self.last_fields:
                model.write_headers(self.number, self.last_fields, ends=True)
            else:
                model.write(frame(DATA, END_STREAM if ends else 0, self.number, body[:size]))
            self._spend(size)
        self.caller.short.discard(self)

    def for_model(self, raw: bytes) -> bytes:
        """A frame of the caller's, on the stream that the model knows."""
        return raw if self.number == self.stream else frames.moved(raw, self.number)

    def _fits(self, size: int) -> bool:
        return size <= self.caller.window.room and (self.window is None or size <= self.window.room)

    def _spend(self, size: int) -> None:
        self.caller.window.room -= size
        if self.window is not None:
            self.window.room -= size

    def request_trailers(self, fields: Headers) -> None:
        """Fields after the request's data, which gRPC has no use for. They end it."""
        self.request_complete = True
        try:
            lines = trailers(fields, "bad-request")
        except CallFailed as failed:
            self.fail(failed)
            return
        if self.passing and not self.kept_back and self.caller.model is not None:
            self.caller.model.write_headers(self.number, lines, ends=True)
        else:
            self.last_fields = lines
            self._keep_back(b"", True, 0)
        self.pump()

    # -- the score -------------------------------------------------------------------------------

    def judged(self, judgement: Judged) -> None:
        """The score has come. What waited for it goes on now."""
        if self.judgement is not None:
            return
        self.judgement = judgement
        if self.submitted and not self.begun:
            self.pump()
        if self.waiting:
            self.waiting = False
            later, self.later = self.later, []
            for said in later:
                self.says(said)
        self.caller.settle()

    # -- the answer ------------------------------------------------------------------------------

    def answered(self, response: ResponseHead) -> None:
        """The head of the model's answer."""
        self.first_byte_ns = perf_counter_ns() - self.started
        self.response = response

    def answer_data(self, found: Frame) -> None:
        """A piece of the model's answer."""
        told = self.plane.settings.kept_body_bytes if self.codec is not None else 0
        before = self.response_bytes
        self.response_bytes += len(found.raw) - frames.HEAD_BYTES
        if before < max(told, self.plane.held_bytes):
            self.kept_response.append(frames.payload(found))
        self.says(Said("data", found.raw, bool(found.flags & END_STREAM)))

    def answer_trailers(self, fields: Headers) -> None:
        """The fields after the model's data, with its status. Raises CallFailed for what is malformed."""
        lines = trailers(fields, "upstream-malformed")
        assert self.response is not None
        said = tuple([field for field in fields if field[0] == b"grpc-status"])
        self.response = msgspec.structs.replace(self.response, recorded=self.response.recorded + said)
        self.says(Said("trailers", lines, True))

    def says(self, said: Said) -> None:
        """Pass on what the model said, or keep it until there is a score."""
        self.model_done = self.model_done or said.ends
        if self.over:
            return
        caller, stream = self.caller, self.stream
        if self.waiting or (said.kind != "data" and not self.facts_told and not self._judged_by(said)):
            self.later.append(said)
            return
        if said.kind == "data":
            caller.write(said.raw if self.number == stream else frames.moved(said.raw, stream))
        elif said.kind == "head":
            self.head_sent = True
            self._decide(told=said.ends or self.judgement is not None)
            lines = to_caller(self, said.raw, facts_known=self.facts_told)
            caller.write_headers(stream, lines, ends=said.ends)
        else:
            lines = said.raw
            if not self.facts_told:
                self._decide(told=True)
                lines += block(facts_shown(self))
            caller.write_headers(stream, lines, ends=True)
        if said.ends:
            self.finish()

    def _decide(self, *, told: bool) -> None:
        if told and self.course is not None:
            deciding.decide(self)
        self.facts_told = told

    def _judged_by(self, said: Said) -> bool:
        """Whether this may go on: with a score, or because one will only be there at the end of a stream."""
        if self.judgement is None and not self.request_complete:
            if said.kind == "head" and not said.ends:
                return True
            self.judgement = RESPONSE_FIRST
        if self.judgement is None:
            self.plane.judge.flush()
        if self.judgement is None:
            self.waiting = True
            self.plane.loop.call_later(score_deadline(self), self.judged, DEADLINE)
        return self.judgement is not None

    def _answer_in_place(self, answer: Answer) -> None:
        """Answer in the model's place. Nobody needs a score any more."""
        if self.judgement is None:
            self.judgement = POLICY
        self.status = answer.status
        self._close(TRAILERS_ONLY + block((*status.answered(answer, self.request_id), *facts_shown(self))))
        self._end("")

    # -- ends ------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The answer has gone out whole."""
        response = self.response
        assert response is not None
        self.status = status.told(response.status, response.recorded)
        self._end("")
        if self.request_complete:
            self.caller.forget(self)

    def fail(self, failed: CallFailed) -> None:
        """This call cannot be completed: tell the caller, as gRPC says it, and have the model stop."""
        if self.over:
            return
        if not self.head_sent:
            self.status = FAILURES[failed.cause].status
        elif self.response is not None:
            self.status = self.response.status
        told = block(status.failed(failed, "" if self.head_sent else self.request_id))
        self._close(told if self.head_sent else TRAILERS_ONLY + told)
        self._end(failed.cause)

    def _close(self, lines: bytes) -> None:
        """End the stream on both sides, to the caller with these fields."""
        caller = self.caller
        caller.write_headers(self.stream, lines, ends=True)
        if not self.request_complete:
            caller.write(reset(self.stream, frames.NO_ERROR))
        self._stop_model(frames.CANCEL)
        caller.forget(self)

    def cancelled(self, code: int) -> None:
        """The caller wants no answer any more."""
        self._stop_model(code)
        self.caller.forget(self)
        if not self.over:
            self._end("client-gone")

    def model_reset(self, code: int) -> None:
        """The model has broken off, or wants no more of a request that it has answered."""
        self.passing = False
        if self.waiting and self.model_done:
            return
        self.caller.write(reset(self.stream, code))
        self.caller.forget(self)
        if not self.over:
            if self.response is not None:
                self.status = self.response.status
            self._end("response-truncated" if self.head_sent else "upstream-closed")

    def client_gone(self) -> None:
        """The caller's connection has closed."""
        if not self.over:
            self._end("client-gone")

    def _stop_model(self, code: int) -> None:
        model = self.caller.model
        if self.passing and model is not None and not (self.model_done and self.request_complete):
            model.write(reset(self.number, code))
        self.passing = False

    def _end(self, failure: str) -> None:
        self.over = True
        self.failure = failure
        self.ended_ns = perf_counter_ns() - self.started
        self._give_back()
        if self.begun:
            self.plane.call_ended(self)
        elif failure:
            self.plane.count_failure(failure)

    def _give_back(self) -> None:
        """Let both sides send as much again as neither will ever get of what they sent."""
        caller = self.caller
        asked = sum([len(body) for body, _ in self.kept_back])
        answered = sum([len(said.raw) - frames.HEAD_BYTES for said in self.later if said.kind == "data"])
        self.kept_back.clear()
        self.later = []
        caller.short.discard(self)
        if asked:
            caller.give_back(caller.window.forgive(asked))
        if answered and caller.model is not None:
            caller.model.give_back(answered)

    def check(self) -> None:
        """Called a few times a second: end a call that has taken too long."""
        limit = self.plane.settings.total_timeout
        if limit and (perf_counter_ns() - self.started) / 1e9 > limit:
            self.fail(CallFailed("upstream-timeout", f"call not finished in {limit} s"))
