"""Joins the caller's trace: which spans are ours, and what the model is told of them.

Runs in the data plane for every call, so it imports nothing but the standard library and the nouns. Who
does what with the caller's headers:

- the proxy leaves out those in `dropped` and sends `outbound(span)` in their place;
- dialects that are only read go through as they came; so do the members of `baggage`, to which the chain of
  models is added;
- of the model's response headers the proxy leaves out `traceresponse` and sends its own.

Counterpart: `sidecar.tracing.spans`, which exports the spans named here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Final

from sidecar.exchange import Headers, SpanIds
from sidecar.settings import Settings
from sidecar.tracing import b3, chain, jaeger, w3c
from sidecar.tracing.dialect import Dialect, Parent
from sidecar.tracing.ids import fresh
from sidecar.tracing.sampling import Sampler, sampler

log = logging.getLogger(__name__)

MAX_BAGGAGE = 65_536
"""Bytes of baggage passed on: eight times what the W3C asks for, all that `max-header-bytes` lets in."""

BAGGAGE: Dialect = Dialect(
    names=frozenset({b"baggage"}),
    read=lambda fields: None,
    replaced=frozenset(),
    write=lambda span: b"",
)

DIALECTS: Final[dict[str, Dialect]] = {
    # by the name in OTEL_PROPAGATORS
    "tracecontext": w3c.TRACECONTEXT,
    "baggage": BAGGAGE,
    "b3": b3.B3,
    "b3multi": b3.B3_MULTI,
    "jaeger": jaeger.JAEGER,
}

READ_BY_DEFAULT = (w3c.TRACECONTEXT, BAGGAGE, b3.B3, jaeger.JAEGER)
WRITTEN_BY_DEFAULT = (w3c.TRACECONTEXT,)

traceresponse = w3c.traceresponse


class Propagation:
    """Reads the caller's trace context in every dialect of `reads`, first valid one first, and writes
    ours in every dialect of `writes`. By default all are read and only W3C is written."""

    def __init__(
        self,
        sampler: Sampler,
        reads: tuple[Dialect, ...] = READ_BY_DEFAULT,
        writes: tuple[Dialect, ...] = WRITTEN_BY_DEFAULT,
    ) -> None:
        self._decide = sampler.decide
        self._watched = frozenset[bytes]().union(*(dialect.names for dialect in reads))
        self._readers = tuple(dialect.read for dialect in reads)
        self._writers = tuple(dialect.write for dialect in writes)
        self.dropped: Final = frozenset[bytes]().union(*(dialect.replaced for dialect in writes))
        """Lower-case names of the caller's headers that must not be copied to the model."""

    def join(self, headers: Headers) -> SpanIds:
        """The identity of a call that came with `headers`: the caller's trace, or a new one if it sent
        none that is valid. Never raises, whatever the bytes."""
        watched = self._watched
        fields: dict[bytes, bytes] = {}
        for key, value in headers:
            if (name := key.lower()) in watched:
                fields[name] = value if name not in fields else fields[name] + b"," + value
        ids = fresh()
        server, client = ids[32:48], ids[48:]
        if not fields:
            trace = ids[:32]
            return SpanIds(trace, server, client, "", self._decide(trace, None), "", "", True)
        parent = self._parent(fields)
        baggage = fields.get(b"baggage", b"")
        bag = _readable(baggage) if baggage else ""
        if parent is None or not parent.trace:
            trace = ids[:32]
            sampled = self._decide(trace, None if parent is None else parent.sampled)
            return SpanIds(trace, server, client, "", sampled, "", bag, True)
        trace = parent.trace
        sampled = self._decide(trace, parent.sampled)
        return SpanIds(trace, server, client, parent.span, sampled, parent.state, bag, parent.random)

    def outbound(self, span: SpanIds) -> bytes:
        """The header lines that tell the model its parent, each ending in CRLF."""
        writers = self._writers
        return writers[0](span) if len(writers) == 1 else b"".join([write(span) for write in writers])

    def _parent(self, fields: dict[bytes, bytes]) -> Parent | None:
        for read in self._readers:
            if (parent := read(fields)) is not None:
                return parent
        return None


def _readable(baggage: bytes) -> str:
    """Baggage as it may stand in a head of ours; empty if it may not, or is too long."""
    text = baggage.decode("latin-1").replace("\t", " ")
    return text if len(text) <= MAX_BAGGAGE and text.isprintable() else ""


def propagation(settings: Settings, environ: Mapping[str, str] = os.environ) -> Propagation:
    """The propagation that OTEL_PROPAGATORS, OTEL_TRACES_SAMPLER and its argument ask for.

    Without OTEL_PROPAGATORS every dialect is read and W3C is written. With it, exactly those named are
    read and written, in that order; `none` means that every call starts a trace of its own and the model
    is told nothing. A name that is not in `DIALECTS` is logged and ignored.
    """
    head = sampler(settings.trace_ratio, environ)
    service = environ.get("OTEL_SERVICE_NAME") or settings.service_name
    names = [name.strip().lower() for name in environ.get("OTEL_PROPAGATORS", "").split(",") if name.strip()]
    if not names:
        return Propagation(head, writes=(*WRITTEN_BY_DEFAULT, _chain(service)))
    for name in names:
        if name not in DIALECTS and name != "none":
            log.warning("OTEL_PROPAGATORS: %s ignored: use %s or none", name, ", ".join(DIALECTS))
    chosen = tuple(DIALECTS[name] for name in dict.fromkeys(names) if name in DIALECTS)
    writes = (*chosen, _chain(service)) if BAGGAGE in chosen else chosen
    return Propagation(head, chosen, writes)


def _chain(service: str) -> Dialect:
    """Writes the chain of models, ours added."""
    alone = chain.line("", service)

    def write(span: SpanIds) -> bytes:
        return chain.line(span.baggage, service) if span.baggage else alone

    return BAGGAGE._replace(replaced=BAGGAGE.names, write=write)
