"""The model's answers as columns, for the output windows. Decoding is the dearest thing the observer does.

So it's rationed: of each slice of calls at most `DECODED` answers are read, evenly chosen. A slice is what
came in a twentieth of a second, so nothing is left out below about 1,000 calls a second for each flow.
Counterpart: `sidecar.codecs`, which reads the wire formats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sidecar import codecs
from sidecar.errors import Undecodable
from sidecar.exchange import Record, Reply, Request
from sidecar.features import columns
from sidecar.observer.outputs import Columns

DECODED = 64
"""Answers read of one slice of calls of one flow."""


def read(records: Sequence[Record], left_out: Counter[str]) -> list[Columns]:
    """The columns of the answers that can be read; the others are counted in `left_out` by reason."""
    able = [r for r in records if r.response_body and r.codec and 200 <= r.status < 300 and not r.failure]
    chosen = able
    if len(able) > DECODED:
        chosen = [able[i * len(able) // DECODED] for i in range(DECODED)]
        left_out["output-ration"] += len(able) - DECODED
    found = []
    for record in chosen:
        try:
            found.append(_columns(record))
        except Undecodable:
            left_out["output-undecodable"] += 1
    return [one for one in found if one]


def _columns(record: Record) -> Columns:
    request = Request(record.method, record.target, record.request_headers, record.request_body)
    codec = codecs.choose(request, record.codec)
    if codec is None:
        return {}
    reply = Reply(record.status, record.response_headers, record.response_body)
    return columns(codec.decode_reply(request, reply, record.rows))
