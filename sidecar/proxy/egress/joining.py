"""Whose call is this? The ladder that joins a call of the model to the call it is answering. Pure.

    1  it carries a trace context                      that is its parent
    2  its request id is that of one call in flight    that call is
    3  exactly one call is in flight                   that call is
    4  otherwise                                       nobody: its own trace, with links to the candidates

No parent is invented: with two calls in flight and nothing to tell them apart, either guess would be
wrong half the time, and a wrong parent is worse than none. Measured: `python -m bench.joins`.
Counterpart: `sidecar.proxy.plane`, which knows the calls in flight.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sidecar.exchange import Joined, SpanIds

MOST_LINKS = 16
"""Candidates that are linked to. With more in flight a link says nothing any more; the confidence does."""


class Inbound(NamedTuple):
    """A call to the model that is in flight."""

    request_id: str
    span: SpanIds
    odd: str = ""
    """The verdict on its input, if that is odd."""


class Found(NamedTuple):
    """What the ladder found: how, and the call it is, None where it is nobody's or a stranger's."""

    joined: Joined
    inbound: Inbound | None


def join(trace: str, request_id: str, in_flight: Iterable[Inbound], *, alone: bool) -> Found:
    """Whose call is one with this trace context and request id (empty: none)?

    `in_flight` are the calls that the model is answering as far as this process knows, and `alone` says
    whether it knows all of them: with several workers it does not, and the third rung would be a guess.
    """
    calls = list(in_flight)
    if trace:
        same = [call for call in calls if call.span.trace == trace]
        return Found(Joined("context", 1.0), same[0] if len(same) == 1 else None)
    if request_id:
        same = [call for call in calls if call.request_id == request_id]
        if len(same) == 1:
            return Found(Joined("request-id", 1.0), same[0])
        calls = same or calls
    if len(calls) == 1 and alone:
        return Found(Joined("only-one", 1.0), calls[0])
    if not calls:
        return Found(Joined("none", 0.0), None)
    links = tuple((call.span.trace, call.span.client) for call in calls[:MOST_LINKS])
    unknown = 0 if alone else 1  # there is at least room for one that another worker has
    return Found(Joined("ambiguous", 1.0 / (len(calls) + unknown), links), None)
