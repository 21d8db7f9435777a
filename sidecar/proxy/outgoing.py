"""The heads as they go out: what the other side said, and what sidecar adds. Pure; a call in, bytes out.

Counterpart: `sidecar.proxy.heads`, which has understood and cleaned what came in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.proxy.heads import ResponseHead
from sidecar.proxy.masking import readable_only
from sidecar.proxy.reply import anomaly_fields
from sidecar.tracing.context import traceresponse

if TYPE_CHECKING:
    from sidecar.proxy.call import Call


def to_model(call: Call) -> bytes:
    """The caller's head for the model, with trace context, request id and, if it may see them, the facts."""
    plane = call.plane
    lines = call.head.lines + plane.outbound(call.span)
    if call.scope is not None and call.scope.masks:
        lines = readable_only(lines)
    if not call.head.request_id:
        lines += b"x-request-id: %b\r\n" % call.request_id.encode()
    decision = call.decision
    shown = plane.score_first if decision is None else decision.expose in ("model", "both")
    if shown and call.judgement is not None:
        lines += anomaly_fields(call.judgement.score, decision or plane.decision, plane.drift)
    return lines + b"\r\n"


def to_caller(call: Call, response: ResponseHead) -> bytes:
    """The model's head for the caller, with the anomaly fields, the ids, and how the connection goes on."""
    plane = call.plane
    assert call.judgement is not None
    lines = response.lines
    decision = call.decision
    if plane.show_caller if decision is None else decision.expose in ("caller", "both"):
        lines += anomaly_fields(call.judgement.score, decision or plane.decision, plane.drift)
    lines += b"x-request-id: %b\r\ntraceresponse: %b\r\n" % (
        call.request_id.encode("latin-1"),
        traceresponse(call.span),
    )
    if response.status == 101:
        return lines + b"\r\n"
    if call.close_after:
        return lines + b"Connection: close\r\n\r\n"
    return lines + (b"Connection: keep-alive\r\n\r\n" if call.head.version == "1.0" else b"\r\n")
