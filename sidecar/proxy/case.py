"""A call as judge, policies and teller see it, whichever protocol it came by.

    judging, beforehand, deciding     score it and decide on it
    plane                             gives it its ids, counts it in and out
    telling, keeping                  make its record when it has ended

Counterpart: `sidecar.proxy.call` is a case that came by HTTP/1, and knows how bytes go out.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING

from sidecar.exchange import Decision, SpanIds
from sidecar.policy.course import Course
from sidecar.proxy.heads import RequestHead, ResponseHead
from sidecar.proxy.judging import UNKNOWN_FORMAT, Judged

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane
    from sidecar.proxy.streamed import Streamed


class Case:
    """What is known of one call so far.

    What most calls never change stands as a default in the class, so that making a call stays cheap.
    """

    # the way there
    begun = False
    mirrorable = True
    """Whether another model can be asked the same (`sidecar.proxy.shadowing`)."""
    request_complete = False
    request_bytes = 0
    request_id = ""
    span: SpanIds
    submitted = False
    invited = False
    course: Course | None = None
    decision: Decision | None = None
    """What policies say, if there are any; else it is the plane's."""
    # the way back
    response: ResponseHead | None = None
    response_bytes = 0
    streamed: Streamed | None = None
    """How the answer's events come, if it has any."""
    # the end, and clock readings in nanoseconds after the start
    status = 0
    failure = ""
    over = False
    forwarded_ns = 0
    first_byte_ns = 0
    ended_ns = 0

    def __init__(self, plane: Plane, peer: str, head: RequestHead) -> None:
        self.plane = plane
        self.peer = peer
        """The caller's address."""
        self.head = head
        self.started_ns = time_ns()
        self.started = perf_counter_ns()
        self.codec = codec = plane.judge.codec_for(head)
        self.judgement: Judged | None = None if codec is not None else UNKNOWN_FORMAT
        self.kept: list[bytes] = []
        self.kept_response: list[bytes] = []

    def answer(self) -> tuple[list[bytes], int]:
        """The answer as it is told, in pieces, and how many bytes the whole of it has."""
        if self.streamed is None:
            return self.kept_response, self.response_bytes
        return self.streamed.told()

    def judged(self, judgement: Judged) -> None:
        """The score has come."""
        raise NotImplementedError

    def invite(self) -> None:
        """Ask for the body of a caller who waits to be asked."""
