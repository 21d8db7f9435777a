"""`/api/v1/attacks`: calls whose input looks made to fool the model, by who sent them. Pure functions.

As far as calls are kept: odd ones are kept beside the latest (`sidecar.observer.exchanges`), and the total
counts all. Counterparts: `sidecar.exchange.Evidence`, which says why; docs/defence.md, which says what that
is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from sidecar.console.exchange_view import brief, ended
from sidecar.console.views import View, when
from sidecar.exchange import Record
from sidecar.observer.observer import Observer

CLIENTS = 50
"""Clients listed at most, those with the most calls first."""


def attacks(observer: Observer, limit: int) -> View:
    """How many calls were called adversarial, who sent those that are kept, and the latest of them."""
    kept = [one for one in observer.exchanges.snapshot() if one.verdict == "adversarial"]
    by_client: dict[str, list[Record]] = {}
    for one in kept:
        by_client.setdefault(one.client, []).append(one)
    first = sorted(by_client.items(), key=lambda one: -len(one[1]))
    return {
        "calls_total": sum(
            count
            for flow in observer.traffic.flows.values()
            for (_, verdict), count in flow.verdicts.items()
            if verdict == "adversarial"
        ),
        "calls_kept": len(kept),
        "signs": dict(Counter(sign.sign for one in kept for sign in one.evidence)),
        "clients": [_client(name, calls) for name, calls in first[:CLIENTS]],
        "calls": [_call(one) for one in kept[: -limit - 1 : -1]],
    }


def _client(name: str, calls: Sequence[Record]) -> View:
    signs = [sign for one in calls for sign in one.evidence]
    walks = [sign for sign in signs if sign.sign == "query-sequence"]
    return {
        "client": name,
        "calls": len(calls),
        "first": when(calls[0].started_ns / 1e9),
        "last": when(max(map(ended, calls))),
        "signs": dict(Counter(sign.sign for sign in signs)),
        "longest_sequence": max((sign.n for sign in walks), default=0),
        "sequence_since": when(min((sign.since for sign in walks), default=0.0)),
        "sequence_clients": max((sign.clients for sign in walks), default=0),
        "actions": dict(Counter(f"{one.action} by {one.rule}" for one in calls)),
    }


def _call(one: Record) -> View:
    return {
        **brief(one),
        "client": one.client,
        "action": one.action,
        "rule": one.rule,
        "evidence": msgspec.to_builtins([msgspec.structs.asdict(sign) for sign in one.evidence]),
    }
