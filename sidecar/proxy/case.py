"""A call as judge, policies and teller see it, whichever protocol it came by.

    judging, beforehand, deciding     score it and decide on it
    plane                             gives it its ids, counts it in and out
    telling, keeping                  make its record when it has ended

Counterpart: `sidecar.proxy.call` is a case that came by HTTP/1, and knows how bytes go out.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, ClassVar

from sidecar.exchange import Decision, SpanIds, header
from sidecar.policy.course import Course
from sidecar.policy.scope import Scope
from sidecar.proxy.heads import RequestHead, ResponseHead
from sidecar.proxy.judged import UNKNOWN_FORMAT, Judged
from sidecar.proxy.streamed import Streamed

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane


class Case:
    """What is known of one call so far.

    In slots, because Python 3.11 reads and writes those fastest, and its dictionaries slow down beyond thirty
    attributes.
    """

    __slots__ = (
        "begun",
        "codec",
        "course",
        "decision",
        "ended_ns",
        "failure",
        "first_byte_ns",
        "forwarded_ns",
        "head",
        "invited",
        "judgement",
        "kept",
        "kept_response",
        "over",
        "peer",
        "plane",
        "request_bytes",
        "request_complete",
        "request_id",
        "response",
        "response_bytes",
        "scope",
        "span",
        "started",
        "started_ns",
        "status",
        "streamed",
        "submitted",
    )
    mirrorable: ClassVar[bool] = True
    """Whether another model can be asked the same (`sidecar.proxy.shadowing`)."""

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
        # the way there
        self.begun = self.request_complete = self.submitted = self.invited = False
        self.request_bytes = 0
        self.request_id = ""
        self.span: SpanIds
        self.course: Course | None = None
        """Its way through the policies, if there are any, until it has ended; its scope stays."""
        self.scope: Scope | None = None
        self.decision: Decision | None = None
        """What policies say, if there are any; else it is the plane's."""
        # the way back
        self.response: ResponseHead | None = None
        self.response_bytes = 0
        self.streamed: Streamed | None = None
        """How the answer's events come, if it has any."""
        # the end, and clock readings in nanoseconds after the start
        self.status = 0
        self.failure = ""
        self.over = False
        self.forwarded_ns = self.first_byte_ns = self.ended_ns = 0

    def answer(self) -> tuple[list[bytes], int]:
        """The answer as it is told, in pieces, and how many bytes the whole of it has."""
        if self.streamed is None:
            return self.kept_response, self.response_bytes
        return self.streamed.told()

    def said_version(self) -> bytes | None:
        """The version that the model's answer says in a header, if it does (`sidecar.observer.versions`)."""
        name, response = self.plane.version_header, self.response
        return header(response.fields, name) if name and response is not None else None

    def judged(self, judgement: Judged) -> None:
        """The score has come."""
        raise NotImplementedError

    def invite(self) -> None:
        """Ask for the body of a caller who waits to be asked."""
