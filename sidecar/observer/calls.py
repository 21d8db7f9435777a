"""Calls as a matrix: what every exchange has, whether or not a codec can read it.

One row for each call: latency, sizes, status, score. So latencies have windows, totals, snapshots and
merges by the same code as features. Counterpart: `sidecar.console.metrics`, which prints the totals as
Prometheus histograms, so the edges here are those of its buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from sidecar.exchange import NUMBERS, Alike, Matrix, Record
from sidecar.observer.axes import category, measured

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Advised by the OpenTelemetry semantic conventions for HTTP metrics."""

FINE_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, *SECONDS)
"""The sidecar's own share of a call is far below the first of the advised edges."""

SIZES = tuple(float(4**power) for power in range(3, 15))
"""64 B to 256 MiB."""

SCORES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 1.0)
"""A score is 1 - p, so what matters lies close to 1."""

STATUSES = (
    *(200, 201, 202, 204, 206, 301, 302, 304),
    *(400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 499),
    *(500, 501, 502, 503, 504),
)
"""Those that are told apart in windows; others share one bin. The counters of calls know them all."""

BOUNDS = {
    "duration_seconds": SECONDS,
    "upstream_seconds": SECONDS,
    "added_seconds": FINE_SECONDS,
    "scoring_seconds": FINE_SECONDS,
    "request_bytes": SIZES,
    "response_bytes": SIZES,
    "score": SCORES,
    "first_token_seconds": SECONDS,
    "token_seconds": FINE_SECONDS,
}
"""Upper bounds of each measure's bins, in the order of the columns of `matrix`; `status` is the last one.

* `duration_seconds`: from the request's first byte to the answer's last.
* `upstream_seconds`: from the request's leaving to the first byte of the model's answer.
* `added_seconds`: what the sidecar put on top of that: the time before the request left and, of the time
  after the first byte, at most what scoring took; the rest is the body's.
* `first_token_seconds`: from the request's first byte to the first event of an answer that came in events.
* `token_seconds`: from there to the end, for each further event.
"""

FIELDS = (
    *(measured(name, bounds) for name, bounds in BOUNDS.items()),
    category("status", [str(status) for status in STATUSES]),
)
"""The columns of `matrix`."""

DURATION, UPSTREAM, ADDED = 0, 1, 2
"""Columns that people ask for."""


def quantile(values: NDArray[np.float64], at: float) -> float | None:
    """Of the values that are there; None without any."""
    found = values[np.isfinite(values)]
    return float(np.quantile(found, at)) if len(found) else None


_RANKS = np.full(1000, float(len(STATUSES)))
_RANKS[list(STATUSES)] = np.arange(len(STATUSES))


_FACTS: Callable[[Record], tuple[float, ...]] = attrgetter(
    "ended_ns",
    "forwarded_ns",
    "first_byte_ns",
    "scored_ns",
    "request_bytes",
    "response_bytes",
    "p",
    "first_event_ns",
    "events",
    "status",
)


def matrix(records: Sequence[Record]) -> Matrix:
    """One row for each call, one column for each of `FIELDS`; NaN where it never came to that."""
    facts = chain.from_iterable(map(_FACTS, records))
    return _measured(np.fromiter(facts, np.float64, 10 * len(records)).reshape(-1, 10))


def matrix_of_alike(alike: Alike) -> Matrix:
    """The same of calls that are told in brief, none of which came in events."""
    raw = np.zeros((alike.calls, 10))
    raw[:, :NUMBERS] = np.frombuffer(alike.numbers, "<f8").reshape(-1, NUMBERS)
    raw[:, 9] = alike.record.status
    return _measured(raw)


def _measured(raw: Matrix) -> Matrix:
    """Rows of `_FACTS` -> rows of `FIELDS`."""
    ended, forwarded, first, scored = raw[:, :4].T / 1e9
    answered = (forwarded > 0) & (first > 0)
    begun, events = raw[:, 7] / 1e9, raw[:, 8]
    upstream = np.where(answered, first - forwarded, np.nan)
    columns = (
        ended,
        upstream,
        np.where(answered, forwarded + np.minimum(ended - first, scored), np.nan),
        np.where(scored > 0, scored, np.nan),
        raw[:, 4],
        raw[:, 5],
        1.0 - raw[:, 6],
        np.where(begun > 0, begun, np.nan),
        np.where((begun > 0) & (events > 1), (ended - begun) / np.maximum(events - 1, 1), np.nan),
        _RANKS[np.clip(raw[:, 9], 0, 999).astype(np.intp)],
    )
    return np.stack(columns, axis=1)
