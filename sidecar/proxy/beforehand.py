"""What may come before the model is called: the score, when something hangs on it, and an answer in its
place.

Counterparts: `sidecar.proxy.call`, whose first steps these are, and `sidecar.proxy.deciding`, which says
whether a policy needs the score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.exchange import Answer
from sidecar.proxy import deciding, reply
from sidecar.proxy.case import Case
from sidecar.proxy.judged import DEADLINE, POLICY

if TYPE_CHECKING:
    from sidecar.proxy.call import Call


def may_begin(call: Case) -> bool:
    """Whether the call may go on to the model. If not, the rest of the request or its score will have it
    asked again."""
    plane = call.plane
    by_policy = plane.policing.rulebook is not None
    if (deciding.waits(call) if by_policy else plane.score_first) and call.judgement is None:
        if not call.request_complete:
            call.invite()
            return False
        asks_again = call.scope is not None and call.scope.again_first
        if asks_again or plane.judge.takes_long(call):
            _submit(call)
            return False
        plane.judge.now(call)
        if by_policy:
            deciding.decide(call)
    return True


def _submit(call: Case) -> None:
    """Have a large body scored in the thread; `judged` goes on with the call, or the deadline does."""
    if not call.submitted:
        call.submitted = True
        call.plane.judge.submit(call)
        call.plane.loop.call_later(score_deadline(call), call.judged, DEADLINE)


def score_deadline(call: Case) -> float:
    """How long to wait for a score, in seconds."""
    given = call.scope.deadline if call.scope is not None else None
    return call.plane.settings.score_deadline if given is None else given


def answer_in_place(call: Call, answer: Answer) -> None:
    """Answer in the model's place. Nobody needs a score any more."""
    if call.judgement is None:
        call.judgement = POLICY
    call.status = answer.status
    call.response, body = reply.in_place(answer, call.request_id, head_only=call.head.method == "HEAD")
    call.back = [body] if body else []
    call.response_done = True
    call.flush_response()
    call.finish()
