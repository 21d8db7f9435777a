"""Calls that were told in brief, a few at a time, put together: windows take a thousand for the price of ten.

Counterpart: `sidecar.proxy.briefs`, which packs them.
"""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.exchange import Alike, Record


def together(alike: Iterable[Alike]) -> list[Alike]:
    """The same calls, those that are alike in one piece."""
    kinds: dict[tuple[object, ...], list[Alike]] = {}
    for one in alike:
        kinds.setdefault(_kind(one.record), []).append(one)
    return [_joined(some) if len(some) > 1 else some[0] for some in kinds.values()]


def _kind(record: Record) -> tuple[object, ...]:
    """What those that are alike have in common."""
    return (
        record.target,
        record.model,
        record.version,
        record.status,
        record.verdict,
        record.reason,
        record.baseline,
        record.span.baggage,
    )


def _joined(some: list[Alike]) -> Alike:
    clients: dict[str, tuple[int, int]] = {}
    for one in some:
        for client, (calls, rows) in one.clients.items():
            before = clients.get(client, (0, 0))
            clients[client] = (before[0] + calls, before[1] + rows)
    return Alike(
        some[-1].record,
        b"".join([one.numbers for one in some]),
        b"".join([one.features for one in some]),
        sum(one.rows for one in some),
        clients,
        sum(one.sampled for one in some),
    )
