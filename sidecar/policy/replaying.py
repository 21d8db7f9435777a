"""What policies would have made of calls that were captured: the same rules over the same facts.

A capture holds the facts that a rule can ask for, less the header fields that `capture-headers` keeps out.
What was sampled counts by its weight. Counterparts: `sidecar.capture.reading` reads,
`sidecar.policy.rulebook` decides.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sidecar.evidence import read
from sidecar.exchange import DetectorScore, Headers, Score
from sidecar.policy.course import Course
from sidecar.policy.known import Asked, Facts
from sidecar.policy.rulebook import Rulebook
from sidecar.policy.rules import Policies

COLUMNS = (
    "started", "method", "target", "host", "client", "request_headers", "weight", "rows", "features",
    "verdict", "reason", "p", "row_p", "flagged", "detectors", "evidence", "drift", "action",
)  # fmt: skip
"""Columns of a capture that are read."""


class Replay:
    """What came of the calls so far: `update` with each, in the order of time."""

    def __init__(self, policies: Policies) -> None:
        self._rulebook = Rulebook(policies, "caller")
        self.rules = [f"{one.name}/{rule.name}" for one in policies.policies for rule in one.rules]
        self.calls = 0
        self.weight = 0.0
        self.sampled = False
        """Whether some calls stand for others: then rates are too low."""
        self.applied: Counter[str] = Counter()
        """Captured calls that each rule applied to, dry runs too."""
        self.estimated: dict[str, float] = {}
        """Calls of the whole traffic that these stand for."""
        self.errors: Counter[str] = Counter()
        self.changed: Counter[tuple[str, str]] = Counter()
        """Action that was taken, action that would have been -> calls."""

    def update(self, row: Mapping[str, Any]) -> None:
        """Take in a captured call, as `sidecar.capture.reading.calls` gives it."""
        course = self._rulebook.course(facts_of(row))
        _take(course, row)
        course.go_on()
        course.conclude()
        found = course.decision()
        weight = float(row["weight"] or 1.0)
        self.calls += 1
        self.weight += weight
        self.sampled = self.sampled or weight != 1.0
        for hit in found.hits:
            self.applied[hit.rule] += 1
            self.estimated[hit.rule] = self.estimated.get(hit.rule, 0.0) + weight
        self.errors.update(course.errors)
        self.changed[row["action"] or "", found.action] += 1


def replay(policies: Policies, calls: Iterable[Mapping[str, Any]]) -> Replay:
    """What these policies would have made of these calls."""
    found = Replay(policies)
    for row in calls:
        found.update(row)
    return found


def facts_of(row: Mapping[str, Any]) -> Facts:
    """What was known of a call by its head."""
    fields: Headers = tuple(
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in (row["request_headers"] or {}).items()
    )
    asked = Asked(row["method"] or "", row["target"] or "", row["host"] or "", fields)
    facts = Facts(asked, row["client"] or "", row["drift"] or "")
    facts.now = row["started"].timestamp()
    facts.wall = lambda: facts.now
    return facts


def _take(course: Course, row: Mapping[str, Any]) -> None:
    columns = row["features"] or {}
    names = tuple(columns)
    values = np.array([[_number(value) for value in columns[name]] for name in names], dtype="<f8")
    evidence = read(row["evidence"] or "")
    signs = {one.sign: one.p for one in evidence}
    score = Score(
        row["verdict"],
        _number(row["p"]),
        tuple(map(_number, row["row_p"] or ())),
        tuple(row["flagged"] or ()),
        tuple(
            DetectorScore(one["name"], _number(one["raw"]), _number(one["p"]))
            for one in row["detectors"] or ()
        ),
        row["reason"] or "",
        evidence=evidence,
        noise_p=signs.get("noise", math.nan),
        inconsistent_p=signs.get("inconsistent", math.nan),
    )
    block = np.ascontiguousarray(values.T).tobytes() if names else b""
    course.facts.take(course.scope.judged(score), row["rows"] or 0, names, block)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
