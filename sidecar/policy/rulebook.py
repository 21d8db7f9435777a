"""The policies in force, ready to be asked: which are for a call, and what they make of its facts.

    head -> Scope -> Course -> Decision

A `Scope` is what all calls of one kind have in common and is remembered; a `Course` is one call's way through
its rules. Who acts on the decision is `sidecar.proxy.deciding`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

from sidecar.exchange import Expose
from sidecar.policy.buckets import Buckets
from sidecar.policy.code import metered
from sidecar.policy.course import Course
from sidecar.policy.known import Asked, Facts
from sidecar.policy.meters import Meter
from sidecar.policy.rules import Match, Policies
from sidecar.policy.scope import Scope, buckets_id
from sidecar.policy.tree import facts as facts_of

SCOPES_KEPT = 1024
"""Kinds of call that are remembered. Paths are made up by callers, and must not fill the memory."""


class Rulebook:
    """All policies in force."""

    def __init__(self, policies: Policies, expose: Expose, before: Rulebook | None = None) -> None:
        """`before`: the rulebook whose place this one takes; what it has counted goes on, as far as rules
        ask for it still."""
        rules = [(one, rule) for one in policies.policies for rule in one.rules]
        meters = {one.id for _, rule in rules for one in metered(rule.when)}
        buckets = {buckets_id(one, rule) for one, rule in rules}
        self.meters: dict[str, Meter] = {
            id_: meter for id_, meter in (before.meters if before else {}).items() if id_ in meters
        }
        self.buckets: dict[str, Buckets] = {
            id_: found for id_, found in (before.buckets if before else {}).items() if id_ in buckets
        }
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
        # Once, because it is asked with every batch that goes to the observer.
        self._asked = {fact for _, rule in rules for fact in facts_of(rule.when)}

    @property
    def others(self) -> set[str]:
        """The URLs of other models that rules name."""
        return {rule.to for one in self.policies.policies for rule in one.rules if rule.to}

    @property
    def names_codecs(self) -> bool:
        """Whether the codec of a call may be another than the settings say."""
        return any(one.codec for one in self.policies.policies)

    def asks(self, name: str) -> bool:
        """Whether a rule asks for a fact whose name begins so."""
        return any(fact.startswith(name) for fact in self._asked)

    def course(self, facts: Facts) -> Course:
        """The way of a call that is known by its head."""
        whose, scope = facts.asked.scope
        if whose is not self._key:
            scope = self.scope(facts.asked)
        if scope.metered:
            self._count(scope, facts)
        return Course(scope, facts)

    def scope(self, asked: Asked) -> Scope:
        """What all calls with such a head have in common."""
        whose, scope = asked.scope
        if whose is not self._key:
            scope = self._found(asked)
            asked.scope = (self._key, scope)
        found: Scope = scope
        return found

    def _found(self, asked: Asked) -> Scope:
        values = [asked.headers.get(name, "\0") for name in self._fields] if self._fields else ()
        key = (asked.method, asked.path, asked.host, *values)
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scope(asked)
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

    def _scope(self, asked: Asked) -> Scope:
        fitting = tuple(i for i, (matches, _) in enumerate(self._matchers) if matches(asked))
        scope = self._by_policies.get(fitting)
        if scope is None:
            policies = [self._matchers[i][1] for i in fitting]
            if len(self._by_policies) >= SCOPES_KEPT:  # a caller's fields may choose any of them
                self._by_policies.clear()
            scope = self._by_policies[fitting] = Scope(policies, self._expose, self.buckets)
        return scope


# -- which calls a policy is for -------------------------------------------------------------------------


def _matcher(match: Match) -> Callable[[Asked], bool]:
    """Whether a call is one of those that a policy is for."""
    plain = [(name, _pattern(getattr(match, name))) for name in PLAIN if getattr(match, name)]
    fields = [(name, _pattern(patterns)) for name, patterns in match.headers.items()]

    def matches(asked: Asked) -> bool:
        return all(pattern.fullmatch(getattr(asked, name)) for name, pattern in plain) and all(
            name in asked.headers and pattern.fullmatch(asked.headers[name]) for name, pattern in fields
        )

    return matches


PLAIN = ("host", "path", "method", "model")


def _pattern(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the patterns. `*` is any characters and `?` one; nothing else is special."""
    return re.compile("|".join(fnmatch.translate(one.replace("[", "[[]")) for one in patterns))
