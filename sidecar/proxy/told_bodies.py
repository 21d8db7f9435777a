"""Which bodies go to the observer with the record of a call: those that it has a use for.

    the question    while learning; of a flagged row that may hold a category never seen; of a close-up
    the answer      wherever a codec knows the route

Where an answer says nothing but its rows, and calls come so fast that the observer would not read them all
(`sidecar.observer.answers`), a sample of answers is told: to search the others for secrets, to encode and
send them would be for nothing. The sample is by trace, so an answer's content has no part in it. Counterpart:
`sidecar.proxy.telling`, which asks when it makes a record.
"""

from __future__ import annotations

from sidecar.proxy.case import Case
from sidecar.proxy.pieces import joined
from sidecar.settings import Settings
from sidecar.tracing.consistent import CALLS, Consistent

ANSWERS = 1_000
"""Answers of one route told in a second, about: as many as the observer reads in its fiftieth of a core."""

ANSWERS_SAVED_SECONDS = 2.0
"""As the observer saves what it has not used (`sidecar.observer.answers.SAVED_SECONDS`)."""

ROUTES = 32
"""Targets whose answers are counted apart, so that a busy one takes nothing from a quiet one."""


class ToldBodies:
    """The choice of one worker."""

    def __init__(self, settings: Settings) -> None:
        self._close_ups = Consistent(CALLS if settings.pair_rows else 0)
        """Calls of which the observer keeps question and answer beside each other."""
        self._answers: dict[str, Consistent] = {}
        self._others = _answers()

    def of(self, call: Case) -> tuple[bytes, bytes]:
        """The question and the answer of a call that has ended, each empty where it is not told."""
        codec = call.codec
        if codec is None:
            return b"", b""
        verdict, flagged = "", False
        if call.judgement is not None:
            score = call.judgement.score
            verdict, flagged = score.verdict, bool(score.flagged)
        limit = call.plane.settings.kept_body_bytes
        close_up = self._close_ups.take(call.span.trace)
        asked = close_up or verdict == "learning" or (flagged and _has_categories(call))
        question = joined(call.kept) if asked and call.request_bytes <= limit else b""
        if asked or flagged or not codec.only_rows or self._chosen(call):
            answer, size = call.answer()
            return question, joined(answer) if size <= limit else b""
        return question, b""

    def _chosen(self, call: Case) -> bool:
        """Whether this answer is in the sample of its route."""
        target = call.head.target
        found = self._answers.get(target)
        if found is None:
            if len(self._answers) >= ROUTES:
                found = self._others
            else:
                found = self._answers[target] = _answers()
        return found.take(call.span.trace)


def _answers() -> Consistent:
    return Consistent(ANSWERS, saved_seconds=ANSWERS_SAVED_SECONDS)


def _has_categories(call: Case) -> bool:
    """Whether a flagged row may hold a category never seen: its features say only that it's new, the body how
    it is called."""
    baseline = call.plane.judge.baseline
    return baseline is not None and not baseline.schema.plan.numeric
