"""The model's answers as columns, for the output windows. Decoding is the dearest thing the observer does.

So it's rationed, by the time it takes: nothing is left out while reading every answer costs less than
`SHARE` of a core. Beyond, those that are read are a uniform sample of their slice of calls, evenly spaced
from a random start, so what an answer says has no part in whether it is read. They are not weighted: an
output window holds the answers that were read, and a busy moment has no larger part in it than a quiet one.
Counterpart: `sidecar.codecs`, which reads the wire formats.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from sidecar import codecs
from sidecar.errors import Undecodable
from sidecar.exchange import Record, Reply, Request
from sidecar.features import columns
from sidecar.observer.outputs import Columns, Embedded

DECODED = 128
"""Answers read of one slice of calls of one flow at most."""

SHARE = 0.02
"""Seconds of CPU that reading answers may take in a second, over all flows. The model needs the others."""

SAVED_SECONDS = 2.0
"""What wasn't used of so many seconds may be used at once."""

LEAST = 4
"""Answers that are always read of a slice, however dear they are."""

_start = Random(0)


class Ration:
    """How many answers may be read now, by what reading the last ones took."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = SHARE * SAVED_SECONDS
        self._seen = clock()
        self._each = 20e-6
        """Seconds for one answer, a running mean."""

    def most(self, flows: int) -> int:
        """How many answers each of `flows` flows may have read now."""
        now = self._clock()
        self._left = min(SHARE * SAVED_SECONDS, self._left + SHARE * (now - self._seen))
        self._seen = now
        return min(DECODED, max(LEAST, int(self._left / self._each / flows)))

    def update(self, answers: int, seconds: float) -> None:
        """So many answers were read and counted, in so many seconds of CPU."""
        self._left = max(self._left - seconds, -SHARE * SAVED_SECONDS)
        if answers:
            self._each += 0.1 * (seconds / answers - self._each)


def read(records: Sequence[Record], left_out: Counter[str], most: int = DECODED) -> list[Columns]:
    """The columns of the answers that can be read, of at most `most`; the others are counted in `left_out` by
    reason."""
    return [answer for _, answer in read_each(records, left_out, most)]


def read_each(
    records: Sequence[Record], left_out: Counter[str], most: int = DECODED
) -> list[tuple[Record, Columns]]:
    """`read`, each with the call it ended."""
    good = [r for r in records if r.codec and 200 <= r.status < 300 and not r.failure]
    able = [r for r in good if r.response_body]
    if untold := sum(1 for r in good if r.response_bytes and not r.response_body):
        left_out["output-untold"] += untold
    chosen = able
    if len(able) > most:
        start = _start.randrange(len(able))
        chosen = [able[(i * len(able) + start) // most] for i in range(most)]
        left_out["output-ration"] += len(able) - most
    found = []
    for record in chosen:
        try:
            found.append((record, decoded(record)))
        except Undecodable:
            left_out["output-undecodable"] += 1
    return [(record, one) for record, one in found if one]


def decoded(record: Record) -> Columns:
    """The columns of a call's answer; none where there is no codec for it. Raises Undecodable."""
    request = Request(record.method, record.target, record.request_headers, record.request_body)
    codec = codecs.choose(request, record.codec)
    if codec is None:
        return {}
    reply = Reply(record.status, record.response_headers, record.response_body)
    payload = codec.decode_reply(request, reply, record.rows)
    found = columns(payload)
    return Embedded(found, payload.vectors) if payload.vectors is not None else found
