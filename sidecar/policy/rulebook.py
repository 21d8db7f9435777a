"""The policies in force, ready to be asked: which are for a call, and what they make of its facts.

    head -> Scope -> Course -> Decision

A `Scope` is what all calls of one kind have in common and is remembered. A `Course` is one call's way
through the rules: as far as they go by the head, then, once there is a score, to the end. Pure: facts in, a
decision out; who acts on it is `sidecar.proxy.deciding`.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from sidecar.exchange import Answer, Decision, Expose, Hit, Mirror
from sidecar.policy.buckets import Buckets
from sidecar.policy.code import Function, function, hasty, metered
from sidecar.policy.facts import FACTS, Absent, Facts
from sidecar.policy.meters import Meter
from sidecar.policy.rules import ACTIONS, Match, Policies, Policy, Rule
from sidecar.policy.tree import Node
from sidecar.policy.tree import facts as facts_of

SCOPES_KEPT = 1024
"""Kinds of call that are remembered. Paths are made up by callers, and must not fill the memory."""


class Ready(NamedTuple):
    """A rule with its condition as a function. `id` is policy and rule; `scored` says that it asks for
    something that is only known from the body."""

    id: str
    rule: Rule
    holds: Function
    scored: bool
    ends: bool
    first: bool
    """Whether what it does must be known before the model is called."""
    hit: Hit
    sole: Decision | None
    """What comes of it when no other rule has applied."""
    by: Function | None
    """Of a throttle: whose calls are counted together, if not the caller's."""
    buckets: Buckets | None
    mirror: Mirror | None


class Scope:
    """What the policies say of calls of one kind."""

    def __init__(self, policies: list[Policy], expose: Expose, buckets: dict[str, Buckets]) -> None:
        def first_given(name: str) -> object:
            return next((found for one in policies if (found := getattr(one, name)) is not None), None)

        self.expose: Expose = first_given("expose") or expose  # type: ignore[assignment]
        self.threshold: float | None = first_given("threshold")  # type: ignore[assignment]
        self.deadline: float | None = first_given("deadline")  # type: ignore[assignment]
        self.rules = [
            _ready(policy, rule, self.expose, buckets) for policy in policies for rule in policy.rules
        ]
        self.otherwise = Decision(expose=self.expose)
        self.shown_to_model = any(
            (one.rule.expose or self.expose) in ("model", "both") for one in self.rules
        ) or self.expose in ("model", "both")
        self.metered = list({one.id: one for rule in self.rules for one in metered(rule.rule.when)}.values())
        self.waits = [self._waits(i) for i in range(len(self.rules))]
        self.mirrors = any(one.mirror is not None and not one.rule.dry_run for one in self.rules)
        """Whether a call may be asked of another model, too."""
        self.later = tuple(i for i, one in enumerate(self.rules) if one.scored)
        self.any_head = _any([one.rule.when for one in self.rules if not one.scored])
        self.any_scored = _any([one.rule.when for one in self.rules if one.scored])

    def _waits(self, i: int) -> bool:
        """Whether a call without a score cannot go on from this rule: what blocks from here on, or what
        would keep it from doing so, depends on the score."""
        scored = False
        for one in self.rules[i:]:
            scored = scored or (one.scored and (one.ends or one.first))
            if one.first and scored:
                return True
        return False


def _any(conditions: list[Node]) -> Function:
    """Whether one of the conditions holds: one look at all of them, because for most calls none does."""
    either = conditions or [Node("const", False)]
    while len(either) > 1:  # in pairs, because a chain would be nested as deep as it is long
        pairs = [either[i : i + 2] for i in range(0, len(either), 2)]
        either = [Node("call", "logical_or", tuple(one)) if len(one) == 2 else one[0] for one in pairs]
    return hasty(either[0])  # where it raises, each rule is asked by itself


def _ready(policy: Policy, rule: Rule, expose: Expose, known: dict[str, Buckets]) -> Ready:
    id_ = f"{policy.name}/{rule.name}"
    scored = any(FACTS[name].stage == "score" for name in facts_of(rule.when))
    deed = ACTIONS[rule.action]
    hit = Hit(id_, rule.action, rule.dry_run)
    mirror = rule.mirror(id_)
    sole = None
    if not rule.dry_run and rule.action != "throttle":
        sole = Decision(
            rule.action,
            id_,
            rule.expose or expose,
            rule.label,
            (hit,),
            _answer(rule, 0.0),
            rule.to if deed.ends else "",
            _keep([rule]),
            (mirror,) if mirror is not None else (),
        )
    key = function(rule.by) if rule.by is not None else None
    buckets = None
    if rule.action == "throttle":
        buckets = known.setdefault(
            f"{id_} {msgspec.json.encode(rule).decode()}",
            Buckets(rule.rate, rule.burst or max(1, round(rule.rate))),
        )
    holds = function(rule.when)
    return Ready(id_, rule, holds, scored, deed.ends, deed.first, hit, sole, key, buckets, mirror)


def _answer(rule: Rule, wait: float) -> Answer | None:
    """What the caller gets in the model's place; `wait`: seconds until another call may pass."""
    if rule.action == "throttle":
        return Answer("throttled", 429, rule.detail, retry_after=max(1, math.ceil(wait)))
    kind = rule.content_type if rule.body else ""
    if rule.action == "block":
        return Answer("blocked", rule.status, rule.detail, rule.body, kind)
    if rule.action == "fallback" and rule.body:
        return Answer("", rule.status, "", rule.body, kind)
    return None


def _keep(rules: list[Rule]) -> float:
    """The share of calls like this one that the rules want kept; 0.0 when they want nothing."""
    shares = [rule.share if rule.action == "sample" else 1.0 for rule in rules if rule.action in KEEPING]
    return max(shares, default=0.0)


KEEPING = ("quarantine", "alert", "sample")


class Course:
    """One call's way through the rules of its scope."""

    __slots__ = ("_at", "_later", "_wait", "applied", "errors", "facts", "last", "scope")

    def __init__(self, scope: Scope, facts: Facts) -> None:
        self._wait = 0.0
        self.scope = scope
        self.facts = facts
        self.applied: list[tuple[int, Ready]] = []
        """The rules that apply, with their places; the one that ends the search is `last`."""
        self.last: Ready | None = None
        self.errors: list[str] = []
        """Rules whose condition could not be told though there is a score."""
        self._at = 0
        self._later: tuple[int, ...] = ()

    @property
    def unfinished(self) -> bool:
        """Whether rules wait for a score."""
        return bool(self._later) or self._at < len(self.scope.rules)

    def go_on(self) -> bool:
        """Look at rules as far as the facts go. False: a score must come before the model is called."""
        rules, facts = self.scope.rules, self.facts
        if self._at == len(rules) and not (self._later and facts.scored):
            return True  # nothing is known that was not before
        if self._none_applies():
            return True
        if facts.scored and self._later:
            later, self._later = self._later, ()
            for i in later:
                self._look(i, rules[i])
        for i in range(self._at, len(rules)):
            one = rules[i]
            if one.scored and not facts.scored:
                if self.scope.waits[i]:
                    self._at = i
                    return False
                self._later = (*self._later, i)
            elif self._look(i, one):
                break
        self._at = len(rules)
        return True

    def _none_applies(self) -> bool:
        """The usual case, with one look at all conditions that can be told by now: none of them holds, so
        the search is over, or over until there is a score."""
        scope, facts = self.scope, self.facts
        try:
            if self._at == 0 and not facts.scored:
                if (scope.waits and scope.waits[0]) or scope.any_head(facts):
                    return False
                self._at, self._later = len(scope.rules), scope.later
                return True
            if self._at == len(scope.rules) and facts.scored and not scope.any_scored(facts):
                self._later = ()
                return True
        except Exception:  # which rule it was, the search will say
            return False
        return False

    def _look(self, i: int, one: Ready) -> bool:
        """Whether the rule applies and ends the search."""
        try:
            applies = one.holds(self.facts)
        except Absent:
            applies = one.rule.closed
        except Exception:
            self.errors.append(one.id)
            applies = one.rule.closed
        if not applies or (one.buckets is not None and not self._exceeds(one)):
            return False
        self.applied.append((i, one))
        if one.ends and not one.rule.dry_run:
            self.last = one
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
        applied = self.applied
        if not applied:
            return self.scope.otherwise
        if len(applied) == 1 and applied[0][1].sole is not None:
            return applied[0][1].sole
        applied.sort()
        acting = [one for _, one in applied if not one.rule.dry_run]
        shown = self.last if self.last is not None and self.last.rule.action != "allow" else None
        shown = shown or next(iter(acting), None)
        hits = tuple(one.hit for _, one in applied)
        if shown is None:
            return Decision(expose=self.scope.expose, hits=hits)
        expose = next((one.rule.expose for one in acting if one.rule.expose), self.scope.expose)
        label = next((one.rule.label for one in acting if one.rule.label), "")
        last = self.last.rule if self.last is not None else None
        answer, to = (_answer(last, self._wait), last.to) if last is not None else (None, "")
        keep = _keep([one.rule for one in acting])
        mirrors = tuple([one.mirror for one in acting if one.mirror is not None])
        return Decision(shown.rule.action, shown.id, expose, label, hits, answer, to, keep, mirrors)


class Rulebook:
    """All policies in force."""

    def __init__(self, policies: Policies, expose: Expose, before: Rulebook | None = None) -> None:
        """`before`: the rulebook whose place this one takes; what it has counted goes on."""
        self.meters: dict[str, Meter] = dict(before.meters) if before is not None else {}
        self.buckets: dict[str, Buckets] = dict(before.buckets) if before is not None else {}
        """Of every throttle, by all that it says: one that has not changed goes on with those that it had."""
        self.policies = policies
        self.digest = policies.digest
        self._expose = expose
        self._key = object()
        """Stands for this rulebook where its scopes are remembered, and does not keep it alive."""
        self._matchers = [(_matcher(one.match), one) for one in policies.policies]
        self._fields = tuple(sorted({name for one in policies.policies for name in one.match.headers}))
        self._scopes: dict[tuple[str, ...], Scope] = {}
        self._by_policies: dict[tuple[int, ...], Scope] = {}

    def asks(self, name: str) -> bool:
        """Whether a rule asks for a fact whose name begins so."""
        rules = (rule for one in self.policies.policies for rule in one.rules)
        return any(fact.startswith(name) for rule in rules for fact in facts_of(rule.when))

    def course(self, facts: Facts) -> Course:
        """The way of a call that is known by its head."""
        whose, scope = facts.asked.scope
        if whose is not self._key:
            scope = self._found(facts)
            facts.asked.scope = (self._key, scope)
        if scope.metered:
            self._count(scope, facts)
        return Course(scope, facts)

    def _found(self, facts: Facts) -> Scope:
        """The scope of calls with such a head."""
        values = [facts.headers.get(name, "\0") for name in self._fields] if self._fields else ()
        key = (facts.method, facts.path, facts.host, *values)
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scope(facts)
            if len(self._scopes) >= SCOPES_KEPT:
                self._scopes.clear()
            self._scopes[key] = scope
        return scope

    def _count(self, scope: Scope, facts: Facts) -> None:
        """Count the call, whether or not a condition will come to ask how many there were."""
        facts.meters = self.meters
        for one in scope.metered:
            meter = self.meters.get(one.id)
            if meter is None:
                meter = self.meters[one.id] = Meter(one.seconds)
            try:
                key = one.key(facts)
            except Exception:
                key = None  # a field that the call has not: the condition will say so
            if key is not None:
                meter.update(key, facts.now)

    def _scope(self, facts: Facts) -> Scope:
        fitting = tuple(i for i, (matches, _) in enumerate(self._matchers) if matches(facts))
        scope = self._by_policies.get(fitting)
        if scope is None:
            policies = [self._matchers[i][1] for i in fitting]
            scope = self._by_policies[fitting] = Scope(policies, self._expose, self.buckets)
        return scope


# -- which calls a policy is for -------------------------------------------------------------------------


def _matcher(match: Match) -> Callable[[Facts], bool]:
    """Whether a call is one of those that a policy is for."""
    plain = [(name, _pattern(getattr(match, name))) for name in PLAIN if getattr(match, name)]
    fields = [(name, _pattern(patterns)) for name, patterns in match.headers.items()]

    def matches(facts: Facts) -> bool:
        return all(pattern.fullmatch(getattr(facts, name)) for name, pattern in plain) and all(
            name in facts.headers and pattern.fullmatch(facts.headers[name]) for name, pattern in fields
        )

    return matches


PLAIN = ("host", "path", "method", "model")


def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the patterns. `*` is any characters and `?` one; nothing else is special."""
    return re.compile("|".join(fnmatch.translate(one.replace("[", "[[]")) for one in patterns))
