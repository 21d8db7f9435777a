"""Asks the model again about squeezed pictures, and compares its answers: for rules about `inconsistent.p`.

    before    a rule may keep the call from the model: its question and the squeezed ones are asked first
    after     no rule may: the squeezed ones are asked once the caller has the answer, which is compared

Only where a policy asks, only about routes that predict and requests whose numbers can be replaced
(`sidecar.codecs.rewriting`), a share of the calls, and no more than some at a time. Questions go straight to
the model, past everything that looks at calls, so none leads to another. They carry `x-sidecar-squeezed`,
which no caller can write, so that the model's own metrics can tell them apart. Counterparts:
`sidecar.defence.squeezing` knows what shifts are rare, `sidecar.proxy.questions` carries the questions.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from sidecar.codecs import Codec
from sidecar.codecs.rewriting import rewritten
from sidecar.defence.squeezing import Shifts, shift
from sidecar.errors import CallFailed, Undecodable
from sidecar.exchange import Reply, Request
from sidecar.features import columns
from sidecar.proxy import beforehand
from sidecar.proxy.case import Case
from sidecar.proxy.heads import RequestHead
from sidecar.proxy.judged import Judged
from sidecar.proxy.pieces import joined
from sidecar.proxy.questions import Questions
from sidecar.tasks import Tasks

if TYPE_CHECKING:
    from sidecar.proxy.plane import Plane

Told: TypeAlias = Callable[[Judged], None]

MARK = b"x-sidecar-squeezed"
"""Field of a question of our own, with the squeezer's name or `none`."""

OUTCOMES = {
    "consistent": "The model was asked again, and its answer hardly changed.",
    "inconsistent": "It changed as the answers to clean pictures seldom do.",
    "failed": "The model did not answer, not in time, or not so that its answers can be compared.",
    "unwritten": "The request is none whose numbers can be replaced, or larger than 64 KiB.",
    "left-out": "Not one of the `squeeze-share`, or of the policy's `budget`.",
    "dropped": "As many as `squeeze-calls` or the `budget` says were asked about, or the sidecar ended.",
}
"""What can come of a call about which a policy wants the model to be asked again."""

LARGEST_BYTES = 65_536
"""Of a request that is written anew on the event loop, and of each answer."""

IN_TIME = 0.9
"""Of the time that a call waits for its score; then it goes on with what is known without asking."""

_FRAMING = re.compile(rb"(?im)^(?:content-length|transfer-encoding|expect):[^\r]*\r\n")


class Asked(NamedTuple):
    """What is asked about one call. `answer`: what the caller got, where it has an answer."""

    head: RequestHead
    request: Request
    codec: Codec
    rows: int
    bodies: dict[str, bytes]
    """By squeezer."""
    answer: Reply | None


class Squeezing:
    """One worker's questions about squeezed pictures, and what came of them."""

    def __init__(self, plane: Plane) -> None:
        self.questions = Questions(plane.loop)
        self.outcomes: Counter[str] = Counter()
        self.in_flight = 0
        self._plane = plane
        self._tasks = Tasks()

    def before(self, call: Case, judged: Judged) -> bool:
        """Ask first, and tell the call in time. False: nothing is asked, so nothing needs waiting for."""
        asked = self._asked(call, judged, None)
        if asked is None:
            return False
        self._plane.loop.call_later(IN_TIME * beforehand.score_deadline(call), call.judged, judged)
        self._start(asked, judged, call.judged)
        return True

    def after(self, call: Case) -> bool:
        """Ask about a call that has ended, and conclude it then. False: nothing is asked."""
        judged, response, decision = call.judgement, call.response, call.decision
        if judged is None or response is None or call.failure or decision is None:
            return False
        body = joined(call.kept_response)
        if decision.answer is not None or decision.to or len(body) != call.response_bytes:
            return False
        asked = self._asked(call, judged, Reply(call.status, response.fields, body))
        if asked is None:
            return False
        self._start(asked, judged, partial(_conclude, call))
        return True

    async def close(self) -> None:
        """Ask no more. Calls that wait for answers go on without."""
        await self._tasks.close()
        self.questions.close()

    def _asked(self, call: Case, judged: Judged, answer: Reply | None) -> Asked | None:
        shifts, codec, settings = self._plane.judge.guard.shifts, call.codec, self._plane.settings
        if shifts is None or codec is None or not judged.rows or not judged.features:
            return None
        share, calls = settings.squeeze_share, settings.squeeze_calls
        if call.scope is not None:
            budget = call.scope.budget
            share = share if budget.share is None else budget.share
            calls = calls if budget.calls is None else budget.calls
        if share < 1.0 and random.random() >= share:
            self.outcomes["left-out"] += 1
            return None
        if self.in_flight >= calls:
            self.outcomes["dropped"] += 1
            return None
        request = Request(call.head.method, call.head.target, call.head.fields, joined(call.kept))
        whole = call.mirrorable and len(request.body) == call.request_bytes
        bodies = _bodies(request, codec, judged, shifts) if whole else None
        if bodies is None:
            self.outcomes["unwritten"] += 1
            return None
        return Asked(call.head, request, codec, judged.rows, bodies, answer)

    def _start(self, asked: Asked, judged: Judged, told: Told) -> None:
        self.in_flight += 1
        self._tasks.start("ask the model again", self._ask(asked, judged, told))

    async def _ask(self, asked: Asked, judged: Judged, told: Told) -> None:
        guard = self._plane.judge.guard
        outcome = "dropped"
        try:
            bodies = asked.bodies if asked.answer else {"none": asked.request.body, **asked.bodies}
            answers = await asyncio.gather(*[self._one(asked, *one) for one in bodies.items()])
            if guard.shifts is not None:
                shifts = shifts_of(asked, [asked.answer, *answers] if asked.answer else answers)
                score = guard.compared(judged.score, guard.shifts.found(shifts))
                outcome = "consistent" if score.evidence == judged.score.evidence else "inconsistent"
                judged = judged._replace(score=score)
        except (CallFailed, Undecodable, ValueError):
            outcome = "failed"
        finally:
            self.in_flight -= 1
            self.outcomes[outcome] += 1
            told(judged)

    async def _one(self, asked: Asked, squeezer: str, body: bytes) -> Reply:
        settings = self._plane.settings
        text = question(asked.head, squeezer, body)
        return await self.questions.ask(
            settings.upstream, asked.head, text, most=LARGEST_BYTES, settings=settings
        )


# -- pure ------------------------------------------------------------------------------------------


def question(head: RequestHead, squeezer: str, body: bytes) -> bytes:
    """The request as the model would get it, with another body, and marked."""
    lines = _FRAMING.sub(b"", head.lines)
    return lines + b"%b: %b\r\nContent-Length: %d\r\n\r\n%b" % (MARK, squeezer.encode(), len(body), body)


def shifts_of(asked: Asked, answers: list[Reply]) -> list[float]:
    """How far the answers are from the first, the model's own. Raises Undecodable, or ValueError when they
    cannot be compared."""
    first, *rest = [columns(asked.codec.decode_reply(asked.request, one, asked.rows)) for one in answers]
    return [shift(first, one) for one in rest]


def _bodies(request: Request, codec: Codec, judged: Judged, shifts: Shifts) -> dict[str, bytes] | None:
    """What else to ask, by squeezer; None when that cannot be written."""
    if len(request.body) > LARGEST_BYTES:
        return None
    rows = np.frombuffer(judged.features, "<f8").reshape(judged.rows, -1)
    bodies: dict[str, bytes] = {}
    for name, squeezed in shifts.questions(rows).items():
        body = rewritten(codec, request, squeezed)
        if body is None:
            return None
        bodies[name] = body
    return bodies


def _conclude(call: Case, judged: Judged) -> None:
    call.judgement = judged
    call.plane.conclude(call)
