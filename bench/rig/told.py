"""What sidecar says of itself: how many calls it took, and how many of them its observer has dealt with.

A sidecar that drops its records under load is fast and blind, so the share that was told stands in the table.
"""

from __future__ import annotations

import re
import time
import urllib.request

import msgspec

_METRICS = {
    "calls": "sidecar_calls_total",
    "records": "sidecar_observer_records_total",
    "dropped": "sidecar_records_dropped_total",
    "spans": "sidecar_spans_exported_total",
}


class Told(msgspec.Struct, frozen=True):
    """Totals of one sidecar, or the difference of two such totals."""

    calls: int
    records: int
    dropped: int
    spans: int

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
    totals = {}
    for field, metric in _METRICS.items():
        values = re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        totals[field] = int(sum(map(float, values)))
    return Told(**totals)


def _values(told: Told) -> tuple[int, ...]:
    return msgspec.structs.astuple(told)
