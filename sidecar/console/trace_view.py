"""`/api/v1/traces/{id}`: the calls of one trace as far as this sidecar and its `peers` keep them.

Not a store of traces: what is kept of the latest calls is enough to see where the time of one went. Pure but
for asking the peers. Counterparts: `sidecar.tracing.spans` exports the same spans; static pages draw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sidecar.asking import asked
from sidecar.console.exchange_view import ended
from sidecar.console.views import View, when
from sidecar.errors import SidecarError
from sidecar.exchange import Record
from sidecar.observer.observer import Observer

PATIENCE = 3.0
"""Seconds that a peer may take; the page waits for the slowest."""

AT_ONCE = 8


def spans(observer: Observer, trace: str) -> list[View]:
    """Our own part: for each call what we served, and within it what the model took; oldest first."""
    service = observer.edges.service
    found = [record for record in observer.exchanges.snapshot() if record.span.trace == trace]
    return [span for record in sorted(found, key=ended) for span in _spans(service, record)]


def _spans(service: str, record: Record) -> Iterator[View]:
    about = {"service": service, "call": record.id, "status": record.status, "verdict": record.verdict}
    yield {
        "id": record.span.server,
        "parent": record.span.parent,
        "name": f"{record.method} {record.target.partition('?')[0]}",
        "started": when(record.started_ns / 1e9),
        "start": record.started_ns / 1e9,
        "seconds": record.ended_ns / 1e9,
        **about,
    }
    if record.forwarded_ns and record.first_byte_ns:
        begun = (record.started_ns + record.forwarded_ns) / 1e9
        yield {
            "id": record.span.client,
            "parent": record.span.server,
            "name": "the model",
            "started": when(begun),
            "start": begun,
            "seconds": (record.first_byte_ns - record.forwarded_ns) / 1e9,
            **about,
        }


def trace(id_: str, ours: list[View], addresses: Sequence[str], token: str = "") -> View:
    """The whole of it: ours and what those at `addresses` keep. Asks them, so it takes its time."""
    found, missing = list(ours), []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        path = f"/api/v1/traces/{id_}?alone=true"
        asking = [
            pool.submit(asked, one, path, dict[str, Any], patience=PATIENCE, token=token) for one in addresses
        ]
        for one in asking:
            try:
                found += one.result()["spans"]
            except SidecarError as error:
                missing.append(str(error))
    known = {one["id"]: one for one in found}
    return {"trace": id_, "spans": sorted(known.values(), key=lambda one: one["start"]), "missing": missing}
