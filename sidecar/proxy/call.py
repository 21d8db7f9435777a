"""One exchange, from its head to its record: the only place where both sides meet.

The caller's connection (`listener`) feeds the request in, the model's connection (`upstream`) feeds
the response in; this object decides what goes out and when. Everything is synchronous: each method is
called by a parser or a timer, acts at once, and returns. Only opening a connection waits, in a task.

    pump            the request goes on, as far as it has come
    judged          a score has come (from `judging`), before, while or after the model works
    flush_response  the response goes on, with the anomaly fields in its head
    finish / fail   the one end every call has; afterwards `telling` gets the record
"""

from __future__ import annotations

from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING

from sidecar.errors import FAILURES, CallFailed, translated
from sidecar.exchange import Headers
from sidecar.proxy import deciding, reply
from sidecar.proxy.beforehand import answer_in_place, may_begin, score_deadline
from sidecar.proxy.case import Case
from sidecar.proxy.heads import RequestHead, ResponseHead
from sidecar.proxy.judged import DEADLINE, RESPONSE_FIRST, TOO_LARGE, Judged
from sidecar.proxy.masking import Masked, masked, passes
from sidecar.proxy.outgoing import to_caller, to_model
from sidecar.proxy.overdue import overdue
from sidecar.proxy.pieces import chunk, first, last_chunk, write
from sidecar.proxy.streamed import streamed

if TYPE_CHECKING:
    from sidecar.proxy.listener import Downstream
    from sidecar.proxy.upstream import Pool, Upstream

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

CONNECT_BUFFER = 65_536
"""Bytes of a body that may wait while a connection to the model is opened."""


class Call(Case):
    """One request of a caller, the model's response to it, and what sidecar has to say of both."""

    __slots__ = (
        "back",
        "client",
        "close_after",
        "head_sent",
        "last_moved",
        "masked",
        "out",
        "pool",
        "response_done",
        "retried",
        "trailers",
        "tunnelling",
        "upstream",
        "waiting",
    )

    def __init__(self, client: Downstream, head: RequestHead) -> None:
        super().__init__(client.plane, client.peer, head)
        self.pool: Pool
        self.upstream: Upstream | None = None
        self.retried = self.tunnelling = self.response_done = self.head_sent = False
        self.trailers: Headers = ()
        self.waiting = False
        """For a score, with the model's answer in hand."""
        self.masked: Masked | None = None
        self.client = client
        self.last_moved = client.last_read
        self.close_after = not head.keep_alive
        self.out: list[bytes] = []
        self.back: list[bytes] = []

    # -- the request, fed in by the listener -----------------------------------------------------

    def body(self, data: bytes) -> None:
        """A piece of the request body has come. Raises `CallFailed` when chunks add up to too much."""
        self.request_bytes += len(data)
        if self.over:
            return
        settings = self.plane.settings
        if self.head.chunked and self.request_bytes > settings.max_body_bytes > 0:
            raise CallFailed("body-too-large", f"more than {settings.max_body_bytes} bytes")
        if self.judgement is None:
            if self.request_bytes <= settings.max_scored_bytes:
                self.kept.append(data)
            else:
                self.judgement = TOO_LARGE
                self.kept = first(self.kept, self.plane.keeping.body_bytes)
        elif self.request_bytes - len(data) < self.plane.held_bytes:
            self.kept.append(data)
        if self.head.chunked:
            chunk(self.out, data)
        else:
            self.out.append(data)

    def body_end(self, trailers: Headers) -> None:
        """The request is whole."""
        self.request_complete = True
        if self.head.chunked and not self.over:
            self.out.append(last_chunk(trailers))

    def pump(self) -> None:
        """Send on what has come; called after every read of the caller."""
        if self.over:
            self.out = []
            return
        if not self.begun:
            self._begin()
        elif self.upstream is not None:
            self._flush_request()
        if not self.request_complete:
            if self.begun and self.upstream is None and sum(map(len, self.out)) > CONNECT_BUFFER:
                self.client.pause_reading()
        elif self.upstream is not None:
            self._submit()

    def _submit(self) -> None:
        """Have a whole request scored that is on its way: sooner, and the model would wait for the score."""
        if self.request_complete and self.judgement is None and not (self.submitted or self.over):
            self.submitted = True
            self.plane.judge.submit(self)

    def invite(self) -> None:
        """Ask for the body of a caller who waits to be asked: the model is not asked before it is whole."""
        if self.head.expects and self.head.version != "1.0" and not self.invited:
            self.invited = True
            self.client.transport.write(CONTINUE)

    def _begin(self) -> None:
        """Check the limits, take a connection to the model, and send the head."""
        plane, head = self.plane, self.head
        if not may_begin(self):
            return
        self.begun = True
        plane.identify(self)
        try:
            plane.begin_call(head)
            self.pool = pool = plane.pool_for(self)
        except Exception as error:
            self.fail(translated(error))
            return
        if self.decision is not None and self.decision.answer is not None:
            answer_in_place(self, self.decision.answer)
            return
        self.out.insert(0, to_model(self))
        connection = pool.take()
        if connection is not None:
            self._attach(connection)
        else:
            plane.tasks.start("connect to the model", self._connect())

    async def _connect(self) -> None:
        """Not cancelled when the call ends first: the next one has a use for the connection."""
        try:
            connection = await self.pool.connect()
        except Exception as error:
            self._submit()
            self.plane.judge.flush()  # what fails is scored, too
            self.fail(translated(error))
            return
        if self.over:
            self.pool.give_back(connection)
        else:
            self._attach(connection)
            self._submit()
            self.resume_request()

    def _attach(self, connection: Upstream) -> None:
        self.upstream = connection
        connection.serve(self)
        if self.client.stuck_since:
            connection.pause_reading()
        self._flush_request()
        if self.forwarded_ns == 0:
            self.forwarded_ns = perf_counter_ns() - self.started

    def _flush_request(self) -> None:
        if self.out and self.upstream is not None:
            pieces, self.out = self.out, []
            self.last_moved = self.client.last_read
            write(self.upstream.transport, pieces)

    def pause_request(self) -> None:
        """The model reads slower than the caller writes."""
        self.client.pause_reading()

    def resume_request(self) -> None:
        """The model can take more."""
        self.last_moved = monotonic()
        upstream = self.upstream
        if len(self.client.calls) == 1 and (upstream is None or not upstream.writing_paused):
            self.client.resume_reading()

    # -- the score, fed in by judging --------------------------------------------------------------

    def judged(self, judgement: Judged) -> None:
        """The score has come. An answer that waited for it goes out now."""
        if self.judgement is None:
            self.judgement = judgement
            if self.submitted and not self.begun and not self.over:
                self.pump()
            if self.waiting and not self.over:
                self.waiting = False
                self.resume_response()
                self.flush_response()
                if self.response_done:
                    self.finish()

    # -- the response, fed in by the upstream ------------------------------------------------------

    def interim(self, status: int, lines: bytes) -> None:
        """A 1xx response: passed on to those who know what it is, and to nobody twice."""
        if self.head.version != "1.0" and not self.head_sent and not (self.invited and status == 100):
            self.client.transport.write(lines + b"\r\n")

    def response_head(self, response: ResponseHead) -> None:
        """The head of the model's answer."""
        self.first_byte_ns = perf_counter_ns() - self.started
        self.status = response.status
        self.response = response
        if self.codec is not None and self.codec.condensed is not None:
            self.streamed = streamed(self.codec, response)
            self.masked = masked(self, response)

    def response_body(self, data: bytes) -> None:
        """A piece of the model's answer."""
        if self.streamed is not None:
            self.streamed.update(data, perf_counter_ns() - self.started)
        told = self.plane.settings.kept_body_bytes if self.codec is not None else 0
        if self.response_bytes < max(told, self.plane.held_bytes):
            self.kept_response.append(data)
        self.response_bytes += len(data)
        if self.masked is not None:
            self.masked.update(data)
            return
        assert self.response is not None
        if self.response.rechunk:
            chunk(self.back, data)
        else:
            self.back.append(data)

    def flush_response(self) -> None:
        """Write to the caller what the model has said; called after every read of the model."""
        response = self.response
        if self.over or response is None:
            return
        if not self.head_sent:
            if self.judgement is None and not self._judge_now():
                self._wait_for_score()
                return
            if response.unframed or self.plane.draining or not self.request_complete:
                self.close_after = True
            if self.course is not None:
                deciding.decide(self)
            self.back.insert(0, to_caller(self, response))
            self.head_sent = True
        if self.masked is not None and not passes(self, self.masked):
            return
        if self.response_done and response.rechunk:
            self.back.append(last_chunk(self.trailers))
        if self.back:
            pieces, self.back = self.back, []
            write(self.client.transport, pieces)

    def _judge_now(self) -> bool:
        if not self.request_complete:
            self.judgement = RESPONSE_FIRST
        else:
            self.plane.judge.flush()
        return self.judgement is not None

    def _wait_for_score(self) -> None:
        if not self.waiting:
            self.waiting = True
            self.plane.loop.call_later(score_deadline(self), self.judged, DEADLINE)
            if self.upstream is not None and not self.response_done:
                self.upstream.pause_reading()

    def response_ended(self) -> None:
        """The model's answer is whole."""
        if self.head_sent:
            self.finish()

    def pause_response(self) -> None:
        """The caller reads slower than the model writes."""
        if self.upstream is not None:
            self.upstream.pause_reading()

    def resume_response(self) -> None:
        """The caller can take more."""
        self.last_moved = monotonic()
        if self.upstream is not None and not self.waiting and not self.client.stuck_since:
            self.upstream.resume_reading()

    # -- upgrade -----------------------------------------------------------------------------------

    def switched(self, tail: bytes) -> None:
        """The model agreed to another protocol: from here on bytes pass both ways unread."""
        if self.judgement is None:
            self.judgement = RESPONSE_FIRST
        self.flush_response()
        self.tunnelling = True
        if early := self.client.early():
            self.tunnel_up(early)
        if tail:
            self.tunnel_down(tail)
        self.resume_request()

    def tunnel_up(self, data: bytes) -> None:
        self.request_bytes += len(data)
        if self.upstream is not None:
            self.upstream.transport.write(data)

    def tunnel_down(self, data: bytes) -> None:
        self.response_bytes += len(data)
        self.client.transport.write(data)

    # -- ends --------------------------------------------------------------------------------------

    def upstream_lost(self, lost: Upstream, exc: Exception | None) -> None:
        """The connection to the model has closed under the call."""
        self.upstream = None
        if self.over or (self.response_done and not self.tunnelling):
            return
        if self.tunnelling:
            self.finish()
        elif self.response is not None and self.response.until_close and exc is None:
            self.response_done = True
            self.flush_response()
            self.response_ended()
        elif self.response is not None:
            self.fail(CallFailed("response-truncated"))
        elif lost.used and self.head.repeatable and not self.retried:
            self.retried = True
            self.out = [to_model(self)]
            self.plane.tasks.start("connect to the model again", self._connect())
        else:
            self.fail(CallFailed("upstream-closed", str(exc) if exc else ""))

    def client_gone(self) -> None:
        """The caller's connection has closed: nobody waits for this answer any more."""
        if not self.over:
            self._end("" if self.tunnelling else "client-gone")

    def may_probe(self) -> bool:
        """May the caller be asked, with a 1xx response, whether it is still there?"""
        return self.head.version != "1.0" and not (self.head_sent or self.over or self.tunnelling)

    def fail(self, failed: CallFailed) -> None:
        """This call cannot be completed: tell the caller, once, in the one form there is."""
        if self.over:
            return
        client, head_sent = self.client, self.head_sent
        if not head_sent:
            self.status = FAILURES[failed.cause].status
        self._end(failed.cause)
        if client.transport.is_closing():
            return
        if head_sent:  # the only honest sign left is an answer that visibly breaks off
            if self.response is not None and self.response.unframed:
                client.reset()
            else:
                client.transport.close()
            return
        close = self.close_after or not self.request_complete or self.plane.draining
        only_head = self.head.method == "HEAD"
        client.transport.write(reply.problem(failed, self.request_id, close=close, head_only=only_head))
        client.call_done(close=close)

    def finish(self) -> None:
        """The answer has been written whole."""
        if self.over:
            return
        client = self.client
        self._end("")
        if not client.transport.is_closing():
            client.call_done(close=self.close_after or not self.request_complete or self.tunnelling)

    def _end(self, failure: str) -> None:
        self.over = True
        self.failure = failure
        self.ended_ns = perf_counter_ns() - self.started
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            response = self.response
            whole = not failure and self.request_complete and not self.out and not self.tunnelling
            upstream.release(reusable=whole and response is not None and response.keeps)
        self.out = []
        if self.begun:
            self.plane.call_ended(self)
        elif failure:
            self.plane.count_failure(failure)

    def check(self, now: float) -> None:
        """Called a few times a second: end a call that has waited too long."""
        if (failed := overdue(self, now)) is not None:
            self.fail(failed)
