"""What sidecar says of itself: how many calls it took, how many it scored, how many its observer heard of.

A sidecar that drops records or scores under load is fast and blind, so both shares stand in the table.
"""

from __future__ import annotations

import re
import time
import urllib.request

import msgspec

_FIELDS = {
    "sidecar_calls_total": "calls",
    "sidecar_observer_records_total": "records",
    "sidecar_records_dropped_total": "dropped",
    "sidecar_spans_exported_total": "spans",
}
_BY_VERDICT = "sidecar_requests_total"
_SCORED = ("normal", "outlier", "adversarial")
"""Verdicts that rest on a score."""


class Told(msgspec.Struct, frozen=True):
    """Totals of one sidecar, or the difference of two such totals."""

    calls: int
    records: int
    dropped: int
    spans: int
    scored: int

    def since(self, earlier: Told) -> Told:
        return Told(*(now - then for now, then in zip(_values(self), _values(earlier), strict=True)))


def read(admin: int) -> Told:
    """The totals at this moment, from `/metrics`."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=10) as answer:
        return parse(answer.read().decode())


def settled(admin: int, seconds: float = 10.0) -> Told:
    """The totals once two readings agree. The data plane tells them once a second."""
    deadline = time.monotonic() + seconds
    last = read(admin)
    while time.monotonic() < deadline:
        time.sleep(1.1)
        now = read(admin)
        if now == last:
            break
        last = now
    return last


def parse(text: str) -> Told:
    """Sum each metric over its labels. A metric that is not there yet is 0."""
    totals = dict.fromkeys(Told.__struct_fields__, 0)
    for name, labels, value in re.findall(r"^(\w+)(?:{(.*)})? (\S+)$", text, re.MULTILINE):
        if field := _FIELDS.get(name):
            totals[field] += int(float(value))
        elif name == _BY_VERDICT and _verdict(labels) in _SCORED:
            totals["scored"] += int(float(value))
    return Told(**totals)


def _verdict(labels: str) -> str:
    found = re.search(r'verdict="(\w+)"', labels)
    return found[1] if found else ""


def _values(told: Told) -> tuple[int, ...]:
    return msgspec.structs.astuple(told)
