"""Asks the policies at the right moments of a call, and acts on what they say.

    before     the head is here, and perhaps a score: may the call go on, or must a score come first?
    after      the score is here: what else applies, before the caller is answered
    counted    the call has ended

Counterpart: `sidecar.policy.rulebook`, which decides and touches nothing. Without policies none of this is
called.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from sidecar.exchange import Expose, Hit
from sidecar.policy import handing
from sidecar.policy.course import Course
from sidecar.policy.known import Asked, Facts
from sidecar.policy.rulebook import Rulebook
from sidecar.proxy.case import Case
from sidecar.proxy.heads import RequestHead
from sidecar.proxy.others import Others

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often it is looked whether other policies are in force: a `stat` of one file."""

MOST_COUNTS = 2_000
"""Rules that are counted. Only those of policies long gone are forgotten beyond."""


def waits(call: Case) -> bool:
    """Whether the call must have its score before it goes on to the model. Keeps what it comes to so far."""
    course = call.course
    if course is None:
        head, rulebook = call.head, call.plane.policing.rulebook
        assert rulebook is not None
        said = head.asked[0] if head.asked else asked(head)
        course = call.course = rulebook.course(Facts(said, call.peer, call.plane.drift))
        call.scope = course.scope
    may_go = _go_on(call, course)
    return not course.facts.scored and (not may_go or course.scope.shown_to_model)


def asked(head: RequestHead) -> Asked:
    """What the head says to policies, worked out once for all calls that begin with it."""
    if head.asked:
        return head.asked[0]
    found = Asked(head.method, head.target, head.host, head.fields)
    head.asked.append(found)
    return found


def decide(call: Case) -> None:
    """Go on with the rules as far as the facts go, and keep what they come to."""
    course = call.course
    assert course is not None
    _go_on(call, course)


def _go_on(call: Case, course: Course) -> bool:
    """Let a call go through its rules as far as it can by now. False: a score must come first."""
    facts, judged = course.facts, call.judgement
    if judged is not None and not facts.scored:
        if course.scope.threshold is not None:  # the policies' own
            call.judgement = judged = judged._replace(score=course.scope.judged(judged.score))
        facts.take(judged.score, judged.rows, judged.names, judged.features)
    may_go = course.go_on()
    call.decision = course.decision() if course.applied else course.scope.otherwise
    return may_go


def _conclude(call: Case, course: Course) -> None:
    """Look at the rules that waited for the model to be asked again; by now it was, if ever. What answered
    the caller stays as it was."""
    judged = call.judgement
    if judged is None or (call.decision is not None and call.decision.answer is not None):
        return
    course.facts.take(judged.score, judged.rows, judged.names, judged.features)
    course.conclude()
    call.decision = course.decision()


class Policing:
    """The policies of one worker: those in force, and what they came to."""

    def __init__(self) -> None:
        self.rulebook: Rulebook | None = None
        self.hits: Counter[Hit] = Counter()
        """How often each rule applied."""
        self.errors: Counter[str] = Counter()
        self.refused = ""
        self.others = Others()
        self._expose: Expose = "caller"
        self._seen: tuple[int, int] | None = None

    @property
    def mirrors(self) -> bool:
        """Whether some rule has other models asked, too."""
        return self.rulebook is not None and any(
            rule.action == "shadow" and not rule.dry_run
            for one in self.rulebook.policies.policies
            for rule in one.rules
        )

    def codec_of(self, head: RequestHead) -> str:
        """The codec that policies name for calls with such a head, or nothing."""
        return self.rulebook.scope(asked(head)).codec if self.rulebook is not None else ""

    @property
    def digest(self) -> str:
        return self.rulebook.digest if self.rulebook is not None else ""

    def look(self, run_dir: Path, expose: Expose) -> None:
        """Go by the policies that are in force now. What cannot be read changes nothing."""
        try:
            found = (run_dir / handing.IN_FORCE).stat()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen == self._seen and expose == self._expose:
                return
            self._seen, self._expose = seen, expose
            rulebook = Rulebook(handing.policies(run_dir), expose, self.rulebook)
        except Exception as error:  # also of a rule that no function can be made of
            if str(error) != self.refused:
                log.error("policies not taken over, the old ones stay: %s", error)
            self.refused = str(error)
            return
        self.refused = ""
        self.rulebook = rulebook
        self.others.keep(rulebook.others)
        if len(self.hits) > MOST_COUNTS:
            self.hits.clear()
        log.info("going by the policies %s", rulebook.digest)

    def counted(self, call: Case) -> None:
        """Take note of what applied to a call that has ended, and let go of all that led there: it may be a
        while until the call is told."""
        course, call.course = call.course, None
        if course is None:
            return
        if call.judgement is not None and course.unfinished:
            _go_on(call, course)
        if course.scope.afterwards:
            _conclude(call, course)
        if call.decision is not None and call.decision.hits:
            self.hits.update(call.decision.hits)
        if course.errors:
            self.errors.update(course.errors)

    def by_rule(self) -> dict[str, int]:
        """How often each rule applied, as `policy/rule action`, with ` dry-run` behind it when it only would
        have."""
        found: Counter[str] = Counter()
        for hit, count in self.hits.items():
            found[f"{hit.rule} {hit.action}{' dry-run' if hit.dry_run else ''}"] += count
        return dict(found)
