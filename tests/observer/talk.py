"""Talking to an observer as data planes do: records of real rows, batches, a worker over a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sidecar.exchange import Alike, Record, SpanIds
from sidecar.link import Batch, Counters, Frames, Order, frame, order

START_NS = 1_763_910_000_000_000_000

BLANK = Record(
    id="call-0",
    span=SpanIds("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"),
    started_ns=START_NS,
    forwarded_ns=200_000,
    first_byte_ns=5_200_000,
    ended_ns=5_300_000,
    scored_ns=80_000,
    method="POST",
    target="/v1/models/glass:predict",
    host="model.test",
    client="10.1.2.3",
    status=200,
    failure="",
    request_bytes=120,
    response_bytes=24,
    request_headers=((b"Content-Type", b"application/json"), (b"Authorization", b"Bearer s3cret")),
    response_headers=((b"Content-Type", b"application/json"),),
    codec="v1",
    model="glass",
    version="",
    rows=1,
    features=b"",
    verdict="normal",
    reason="",
    p=0.4,
    row_p=(0.4,),
    flagged=(),
    detectors=(),
    action="allow",
    rule="default",
    request_body=b"",
    response_body=b'{"predictions": [1.5]}',
    baseline="",
)


def record(number: int, **changes: Any) -> Record:
    """A finished call with its own id and moment."""
    changes = {"id": f"call-{number}", "started_ns": START_NS + number * 1_000_000} | changes
    return msgspec.structs.replace(BLANK, **changes)


def of_rows(number: int, rows: np.ndarray[Any, Any], baseline: str, **changes: Any) -> Record:
    """A call with these rows of features, scored with this baseline."""
    values = np.ascontiguousarray(rows, dtype="<f8")
    return record(number, rows=len(values), features=values.tobytes(), baseline=baseline, **changes)


def alike(*records: Record) -> Alike:
    """Calls that are alike, told in brief as a data plane does."""
    facts = [(r.ended_ns, r.forwarded_ns, r.first_byte_ns, r.scored_ns) for r in records]
    sizes = [(r.request_bytes, r.response_bytes, r.p) for r in records]
    clients: dict[str, tuple[int, int]] = {}
    for one in records:
        calls, rows = clients.get(one.client, (0, 0))
        clients[one.client] = (calls + 1, rows + one.rows)
    return Alike(
        msgspec.structs.replace(records[0], response_body=b""),
        np.hstack([np.array(facts, "<f8"), np.array(sizes, "<f8")]).tobytes(),
        b"".join(one.features for one in records),
        sum(one.rows for one in records),
        clients,
        sum(one.span.sampled for one in records),
    )


def learning(number: int, row: Iterable[Any], **changes: Any) -> Record:
    """A call heard while there's no baseline: its body comes along."""
    body = json.dumps({"instances": [list(row)]}).encode()
    return record(number, verdict="learning", p=float("nan"), request_body=body, **changes)


def batch(*records: Record, worker: int = 0, pid: int = 100, **changes: Any) -> Batch:
    """A batch of a data plane that's well."""
    facts: dict[str, Any] = {
        "counters": Counters(calls=len(records)),
        "upstream": "up",
        "draining": False,
        "baseline": "",
        "refused": "",
    }
    return Batch(worker=worker, pid=pid, records=records, **(facts | changes))


class DataPlane:
    """A worker's end of the link: sends batches and collects orders."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Frames()
        self.orders: list[Order] = []

    @classmethod
    async def connect(cls, run_dir: Path) -> DataPlane:
        """Connect as a worker does."""
        return cls(*await asyncio.open_unix_connection(run_dir / "observer.sock"))

    async def say(self, batch: Batch) -> None:
        """Send a batch."""
        await self.send(frame(batch))

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def hear(self, kind: type[Any], seconds: float = 60.0) -> Any:
        """The next order of this kind; others are collected in passing."""
        async with asyncio.timeout(seconds):
            while True:
                for body in list(self._frames.update(await self._reader.readexactly(1))):
                    self.orders.append(order(body))
                    if isinstance(self.orders[-1], kind):
                        return self.orders[-1]

    async def hung_up_on(self, seconds: float = 60.0) -> bool:
        """Whether the observer closes this connection in time."""
        async with asyncio.timeout(seconds):
            try:
                while await self._reader.read(65_536):
                    pass
            except ConnectionError:
                pass
            return True

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()
