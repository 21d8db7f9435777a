"""Header blocks as they go out: what the other side said, and what sidecar adds. Pure; a call in, bytes out.

Counterpart: `sidecar.proxy.outgoing`, whose lines these are, in another dress.
"""

from __future__ import annotations

from sidecar.exchange import Headers
from sidecar.proxy.case import Case
from sidecar.proxy.grpc.fields import block, lines
from sidecar.proxy.reply import anomaly_fields
from sidecar.tracing.context import traceresponse

TRAILERS_ONLY = block([(b":status", b"200"), (b"content-type", b"application/grpc")])
"""How an answer begins that has no message."""


def to_model(call: Case) -> bytes:
    """The caller's head for the model, with trace context, request id and, if it may see them, the facts."""
    plane, decision = call.plane, call.decision
    added = lines(plane.outbound(call.span))
    if not call.head.request_id:
        added += ((b"x-request-id", call.request_id.encode("latin-1")),)
    shown = plane.score_first if decision is None else decision.expose in ("model", "both")
    if shown and call.judgement is not None:
        added += facts(call)
    return call.head.lines + block(added)


def to_caller(call: Case, passed: bytes, *, facts_known: bool) -> bytes:
    """The model's head for the caller, with the ids and, where they are known already, the facts."""
    ids: Headers = (
        (b"x-request-id", call.request_id.encode("latin-1")),
        (b"traceresponse", traceresponse(call.span)),
    )
    return passed + block((*facts_shown(call), *ids) if facts_known else ids)


def facts_shown(call: Case) -> Headers:
    """The facts of a call, if its caller may see them."""
    decision = call.decision
    shown = call.plane.show_caller if decision is None else decision.expose in ("caller", "both")
    return facts(call) if shown else ()


def facts(call: Case) -> Headers:
    """What was found: the same names and values as over HTTP/1."""
    assert call.judgement is not None
    plane = call.plane
    return lines(anomaly_fields(call.judgement.score, call.decision or plane.decision, plane.drift))
