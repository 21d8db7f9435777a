"""`/api/v1/callers`: who asks how, those with the most signs first. Counterpart:
`sidecar.observer.callers`."""

from __future__ import annotations

from sidecar.console.views import View, when
from sidecar.observer.callers import BITS, Caller
from sidecar.observer.observer import Observer


def callers(observer: Observer, limit: int) -> View:
    """The callers, and all of them together; at most `limit`."""
    found = observer.traffic.callers
    ordered = sorted(found.known.items(), key=lambda one: (-one[1].sequences, -one[1].near, -one[1].calls))
    return {
        "callers": [{"client": client, **_caller(one)} for client, one in ordered[:limit]],
        "known": len(ordered),
        "all": _caller(found.all),
    }


def _caller(one: Caller) -> View:
    return {
        "calls": one.calls,
        "rows": one.rows,
        "odd": one.odd,
        "in_sequences": one.sequences,
        "longest_sequence": one.longest,
        "answers": one.answers,
        "near_share": one.near / one.answers if one.answers else None,
        "coverage": one.cells.bit_count() / 2**BITS,
        "last": when(one.last),
    }
