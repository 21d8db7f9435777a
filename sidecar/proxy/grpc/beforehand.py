"""When a stream that must be scored first may go on to the model: with its first message.

A caller that streams may want an answer to that before it says more, so the rest is not waited for.
Counterpart: `sidecar.proxy.beforehand`, which waits for a whole request.
"""

from __future__ import annotations

from sidecar.codecs.grpc_messages import PREFIX
from sidecar.codecs.v2_grpc import STREAM
from sidecar.proxy.beforehand import may_begin
from sidecar.proxy.case import Case
from sidecar.proxy.pieces import first, joined


def began_to_stream(call: Case) -> bool:
    """Whether the call may begin by the score of its first message. If that takes long, `judged` goes on."""
    if call.request_complete or call.submitted or call.head.target != STREAM:
        return False
    start = joined(first(call.kept, PREFIX))
    if call.request_bytes < PREFIX + int.from_bytes(start[1:PREFIX], "big"):
        return False
    if call.plane.judge.takes_long(call):
        call.submitted = True
        call.plane.judge.submit(call)
        return False
    call.plane.judge.now(call)
    return may_begin(call)
