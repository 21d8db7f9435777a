"""One call's way through the rules of its scope: as far as they go by the head, then, once there is a score,
to the end. Pure: facts in, a decision out.

Rules are not always looked at in their order: those that ask for a score may wait while others are looked at.
What comes of them is the same, because a rule that ends the search takes back what applied behind it.
Counterparts: `sidecar.policy.scope` has the rules, `sidecar.proxy.deciding` acts on what comes of them.
"""

from __future__ import annotations

import sys

from sidecar.exchange import Decision
from sidecar.policy.known import Absent, Facts
from sidecar.policy.scope import Ready, Scope, answer_of, kept_share, masked


class Course:
    """One call's way through the rules of its scope."""

    __slots__ = ("_at", "_end", "_later", "_wait", "applied", "errors", "facts", "last", "scope")

    def __init__(self, scope: Scope, facts: Facts) -> None:
        self.scope = scope
        self.facts = facts
        self.applied: tuple[tuple[int, Ready], ...] = ()
        """The rules that apply, with their places; the one that ends the search is `last`."""
        self.last: Ready | None = None
        self.errors: tuple[str, ...] = ()
        """Rules whose condition could not be told though there is a score."""
        self._at = 0
        self._end = sys.maxsize
        """The place of `last`: no rule behind it counts."""
        self._later: tuple[int, ...] = ()
        self._wait = 0.0

    @property
    def unfinished(self) -> bool:
        """Whether rules wait for a score."""
        return bool(self._later) or self._at < len(self.scope.rules)

    def go_on(self) -> bool:
        """Look at rules as far as the facts go. False: a score must come before the model is called."""
        scope, scored = self.scope, self.facts.scored
        over = self._at == len(scope.rules)
        if over and not (scored and self._later):
            return True  # nothing is known that was not before
        # The usual case, with one look at all conditions that can be told by now: none of them holds, so the
        # search is over, or over until there is a score.
        if over if scored else not scope.waits_first:
            try:
                if not (scope.any_scored if scored else scope.any_head)(self.facts):
                    self._at, self._later = len(scope.rules), () if scored else scope.later
                    return True
            except Exception:  # noqa: S110  # which rule it was, the search will say
                pass
        return self._search()

    def _search(self) -> bool:
        """Look at one rule after the other."""
        rules, facts = self.scope.rules, self.facts
        if facts.scored and self._later:
            later, self._later = self._later, ()
            for i in later:
                if self._look(i, rules[i]):
                    break
        for i in range(self._at, len(rules)):
            one = rules[i]
            if i in self.scope.afterwards:
                continue
            if one.scored and not facts.scored:
                if self.scope.waits[i]:
                    self._at = i
                    return False
                self._later = (*self._later, i)
            elif self._look(i, one):
                break
        self._at = len(rules)
        return True

    def conclude(self) -> None:
        """The model has been asked again, or won't be: look at the rules that had to wait for that."""
        for i in self.scope.afterwards:
            if i < self._end and self._look(i, self.scope.rules[i]):
                break

    def _look(self, i: int, one: Ready) -> bool:
        """Whether the rule applies and ends the search."""
        try:
            applies = one.holds(self.facts)
        except Absent:
            applies = one.rule.closed
        except Exception:
            self.errors = (*self.errors, one.id)
            applies = one.rule.closed
        if not applies or (one.buckets is not None and not self._exceeds(one)):
            return False
        self.applied = (*self.applied, (i, one))
        if one.ends and not one.rule.dry_run:
            self.last, self._end = one, i
            self.applied = tuple([known for known in self.applied if known[0] <= i])
            return True
        return False

    def _exceeds(self, one: Ready) -> bool:
        """Whether the call is one more than may pass."""
        assert one.buckets is not None
        try:
            key = one.by(self.facts) if one.by is not None else self.facts.client
        except Exception:
            key = ""
        self._wait = one.buckets.take(key, self.facts.now)
        return self._wait > 0.0

    def decision(self) -> Decision:
        """What the rules come to, as far as they have been looked at."""
        if not self.applied:
            return self.scope.otherwise
        if len(self.applied) == 1 and self.applied[0][1].sole is not None:
            return self.applied[0][1].sole
        applied = sorted(self.applied)
        acting = [one for _, one in applied if not one.rule.dry_run]
        shown = self.last if self.last is not None and self.last.rule.action != "allow" else None
        shown = shown or next(iter(acting), None)
        hits = tuple(one.hit for _, one in applied)
        if shown is None:
            return Decision(expose=self.scope.expose, hits=hits)
        expose = next((one.rule.expose for one in acting if one.rule.expose), self.scope.expose)
        label = next((one.rule.label for one in acting if one.rule.label), "")
        last = self.last.rule if self.last is not None else None
        answer, to = (answer_of(last, self._wait), last.to) if last is not None else (None, "")
        keep = kept_share([one.rule for one in acting])
        mirrors = tuple([one.mirror for one in acting if one.mirror is not None])
        masks = masked([one.rule for one in acting])
        return Decision(shown.rule.action, shown.id, expose, label, hits, answer, to, keep, mirrors, masks)
