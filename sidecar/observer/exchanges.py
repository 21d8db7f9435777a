"""The latest exchanges, as they were, for people to look at. Bounded in number and in bytes.

Beside the latest of all, the latest of those worth a look are kept apart: at thousands of calls a second
an outlier would be pushed out before anybody could see it. Credentials never get out of here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from sidecar.exchange import Headers, Record

KEPT_FEATURES = 16_384
"""Bytes of features kept of one exchange; a longer block is cut to whole rows."""

KEPT_HEADERS = 8_192
"""Bytes of each side's header fields kept of one exchange; fields beyond are left out."""

KEPT_ROWS = 1_024
"""Rows of one exchange whose p is kept, and of which it's kept whether they were flagged."""

KEPT_BYTES = 8 * 1024 * 1024
"""Bytes of each of the two lists, whatever number is asked for."""

SECRET = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"x-api-key", b"api-key"}
    | {b"x-auth-token", b"x-amz-security-token", b"x-goog-api-key", b"x-forwarded-access-token"}
)
"""Header fields whose values are never kept."""

ODD = frozenset({"outlier", "adversarial"})


class Exchanges:
    """The last `limit` exchanges, and the last `limit` that were odd or failed."""

    def __init__(self, limit: int) -> None:
        self._latest = _Ring(limit)
        self._odd = _Ring(limit)
        self._limit = limit
        self._last: Sequence[Record] = ()
        """The last of the last update, as they came. Most are pushed out by the next one unseen, so they are
        made fit to be kept only when that one is too short for it, or somebody looks."""

    def update(self, records: Sequence[Record]) -> None:
        """Take in new records, in the order in which they ended."""
        odd = [r for r in records if r.verdict in ODD or r.failure or r.status >= 500][-self._limit :]
        if len(records) < self._limit:
            self._keep_last()
        self._last = records[-self._limit :]
        for record in odd:
            self._odd.add(kept(record))

    def _keep_last(self) -> None:
        for record in self._last:
            self._latest.add(kept(record))
        self._last = ()

    def snapshot(self) -> tuple[Record, ...]:
        """Everything kept, each once, oldest first."""
        self._keep_last()
        # Ids are the callers' own, so two calls may share one; not at the same nanosecond.
        seen = {(r.id, r.started_ns): r for r in (*self._odd, *self._latest)}
        return tuple(sorted(seen.values(), key=lambda r: r.started_ns + r.ended_ns))

    def restore(self, records: Sequence[Record]) -> None:
        """Go on from a snapshot."""
        self.update(records)


class _Ring:
    """Records up to a number and a size, oldest out first."""

    def __init__(self, limit: int) -> None:
        self._records: deque[tuple[Record, int]] = deque()
        self._limit = limit
        self._bytes = 0

    def add(self, record: Record) -> None:
        held = size(record)
        self._records.append((record, held))
        self._bytes += held
        while len(self._records) > self._limit or self._bytes > KEPT_BYTES:
            self._bytes -= self._records.popleft()[1]

    def __iter__(self) -> Iterator[Record]:
        return (record for record, _ in self._records)


def size(record: Record) -> int:
    """Bytes of a kept record, near enough: the parts that can be long, and 1 KiB for the rest. A number of
    Python's takes 24 to 28 bytes and its place."""
    fields = (*record.request_headers, *record.response_headers)
    span = record.span
    texts = (record.id, record.target, record.host, record.model, record.version, span.baggage, span.state)
    return (
        1024
        + len(record.features)
        + 32 * (len(record.row_p) + len(record.flagged))
        + sum(map(len, texts))
        + sum(len(name) + len(value) + 64 for name, value in fields)
    )


def kept(record: Record) -> Record:
    """The record without bodies and credentials, its long parts cut."""
    width = len(record.features) // max(1, record.rows)
    rows = KEPT_FEATURES // max(1, width)
    return msgspec.structs.replace(
        record,
        target=record.target[:2048],
        request_headers=_kept_headers(record.request_headers),
        response_headers=_kept_headers(record.response_headers),
        features=record.features[: rows * width],
        row_p=record.row_p[:KEPT_ROWS],
        flagged=tuple(row for row in record.flagged[:KEPT_ROWS] if row < KEPT_ROWS),
        request_body=b"",
        response_body=b"",
        captured=None,
    )


def _kept_headers(headers: Headers) -> Headers:
    fields: list[tuple[bytes, bytes]] = []
    room = KEPT_HEADERS
    for name, value in headers:
        room -= len(name) + len(value)
        if room < 0:
            break
        fields.append((name, b"[redacted]" if name.lower() in SECRET else value))
    return tuple(fields)
