"""Calls that are told in brief: when they come faster than anybody could look at each, plain ones as numbers.

A record of forty fields costs the data plane and the observer together some 40 us; at ten thousand calls a
second that is half a core, which the model could use. So of a busy route about 1,000 calls a second are told
whole. Of the others only what windows, counts and tests are made of: times, sizes, p-values and features,
packed one after the other behind the record of the first that was like them. So nothing is sampled that is
counted; what is, are looks at single calls.

Told whole in any case is all that somebody might ask about: what was flagged, failed, slow, captured, came in
events or met a rule, and what a codec finds more in than rows. The sample is by trace, so all sidecars of a
chain tell the same calls whole. Counterparts: `sidecar.proxy.telling` sends them, `sidecar.observer.traffic`
and its neighbours take them in.
"""

from __future__ import annotations

import struct

from sidecar.exchange import NUMBERS
from sidecar.proxy.case import Case
from sidecar.settings import Settings
from sidecar.tracing.consistent import Consistent
from sidecar.tracing.slow import Pace

WHOLE = 1_000
"""Calls of one route a second that are told whole, about: as many as answers are read and spans exported."""

SAVED_SECONDS = 10.0
"""What was not told whole in so many seconds may be at once: 10,000 calls after a pause, however fast."""

ROUTES = 8
"""Targets with a ration of their own, so that a busy one takes nothing from a quiet one; others share one."""

GROUPS = 64
"""Kinds of calls in a batch. What is like none of them is told whole."""

PLAIN = frozenset({"normal", "unscored"})

_pack = struct.Struct(f"<{NUMBERS}d").pack


class Route:
    """What is known of the calls to one target."""

    def __init__(self) -> None:
        self.ration = Consistent(WHOLE, saved_seconds=SAVED_SECONDS)
        self.pace = Pace()


class Group:
    """Calls of one batch that are alike. `first` stands for what they have in common."""

    def __init__(self, first: Case) -> None:
        self.first = first
        self.numbers: list[bytes] = []
        self.features: list[bytes] = []
        self.rows = 0
        self.clients: dict[str, tuple[int, int]] = {}
        self.sampled = 0

    def update(self, call: Case) -> int:
        """Add one more. Returns the bytes that are kept of it."""
        judged = call.judgement
        if judged is None:
            raise ValueError("a call without a judgement is not plain")
        self.numbers.append(
            _pack(
                call.ended_ns,
                call.forwarded_ns,
                call.first_byte_ns,
                judged.took_ns,
                call.request_bytes,
                call.response_bytes,
                judged.score.p,
            )
        )
        self.features.append(judged.features)
        self.rows += judged.rows
        calls, rows = self.clients.get(call.peer, (0, 0))
        self.clients[call.peer] = (calls + 1, rows + judged.rows)
        self.sampled += call.span.sampled
        return 8 * NUMBERS + len(judged.features)


class Briefs:
    """The choice of one worker, and the calls that wait for the next batch."""

    def __init__(self, settings: Settings) -> None:
        # A line in the access log is of one call.
        self._wanted = not settings.access_log
        self._routes: dict[str, Route] = {}
        self._others = Route()
        self._groups: dict[tuple[object, ...], Group] = {}
        self.calls = 0
        """Calls that wait."""
        self.bytes = 0
        """Bytes that they hold, near enough."""

    def take(self, call: Case) -> bool:
        """Whether this call is told in brief; then it waits here for `seal`."""
        if not self._wanted:
            return False
        route = self._route(call.head.target)
        slow = route.pace.update(call.ended_ns / 1e9)
        if route.ration.take(call.span.trace):
            return False
        if slow or not _plain(call):
            route.ration.charge()
            return False
        key = self._key(call)
        group = self._groups.get(key)
        if group is not None:
            self.bytes += group.update(call)
        elif len(self._groups) < GROUPS:
            group = Group(call)
            self.bytes += group.update(call) + call.request_bytes + call.response_bytes
            self._groups[key] = group
        else:
            return False
        self.calls += 1
        return True

    def seal(self) -> list[Group]:
        """Let go of those that wait."""
        groups = list(self._groups.values())
        self._groups = {}
        self.calls = self.bytes = 0
        return groups

    def _route(self, target: str) -> Route:
        found = self._routes.get(target)
        if found is None:
            if len(self._routes) >= ROUTES:
                return self._others
            found = self._routes[target] = Route()
        return found

    def _key(self, call: Case) -> tuple[object, ...]:
        """What alike calls have in common: all that anything is counted by."""
        judged = call.judgement
        if judged is None:
            raise ValueError("a call without a judgement is not plain")
        return (
            call.head.target,
            judged.model,
            judged.version,
            call.said_version(),
            call.status,
            judged.score.verdict,
            judged.score.reason,
            judged.baseline,
            call.span.baggage,
        )


def _plain(call: Case) -> bool:
    """Whether nobody would ask about this call in particular."""
    judged, decision, scope = call.judgement, call.decision, call.scope
    if judged is None or call.response is None or call.failure or call.status >= 400:
        return False
    if call.codec is not None and not call.codec.only_rows:
        return False
    score = judged.score
    if score.verdict not in PLAIN or score.flagged or score.evidence or judged.brought:
        return False
    if call.streamed is not None or (decision is not None and (decision.hits or decision.action != "allow")):
        return False
    if scope is not None and (scope.redact or scope.capture_rate is not None):
        return False
    keeping = call.plane.keeping
    if not keeping.capturing:
        return True
    return not keeping.weight(call.span.trace, score.verdict, call.status, "", "allow")
