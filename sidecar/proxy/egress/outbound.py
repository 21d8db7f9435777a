"""The plane of the model's own calls: a pool for each target, and the ladder instead of a judge.

Counterpart: `sidecar.proxy.plane`, of which this is the other side; its calls in flight are the candidates
whose calls these may be. Outbound calls are not scored here: whoever takes them in has a sidecar for that.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from time import monotonic

import msgspec

from sidecar.codecs import Codec
from sidecar.errors import CallFailed
from sidecar.exchange import Decision, Joined, SpanIds
from sidecar.proxy.address import Address
from sidecar.proxy.address import upstream as address_of
from sidecar.proxy.case import Case
from sidecar.proxy.egress.joining import Inbound, join
from sidecar.proxy.egress.routes import Target, routes, target, tunnelled
from sidecar.proxy.heads import HOP_BY_HOP, RequestHead
from sidecar.proxy.judging import Judge
from sidecar.proxy.plane import Plane
from sidecar.proxy.tls import upstream_context
from sidecar.proxy.upstream import Pool
from sidecar.settings import Settings
from sidecar.tracing import chain

MOST_POOLS = 256
"""Targets whose connections are kept. A model talks to a few; a scanner must not fill the memory."""

NOBODYS = Joined("none", 0.0)

DROPPED_FROM_RESPONSE = HOP_BY_HOP | {b"x-request-id", b"traceresponse"}
"""The next sidecar's anomaly fields pass: the model may well want to know how odd its own question was."""


class NoJudge(Judge):
    """Scores nothing."""

    def codec_for(self, head: RequestHead) -> Codec | None:
        return None


class Outlet(Plane):
    """The shared state of one worker's outbound calls."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, inside: Plane) -> None:
        """`inside` takes the calls to the model. Raises UsageError for a wrong `route`."""
        judge = NoJudge(loop, settings.threshold, "auto", None)
        super().__init__(settings, loop, inside.pool, judge, inside.teller, inside.propagation)
        inside.teller.plane = inside
        self.routes = routes(settings.route)
        self.keeping.capturing, self.keeping.body_bytes = False, 0  # the one who is called captures it
        self.held_bytes = 0
        self.decision = Decision(expose="none")
        self.show_caller = self.score_first = False
        self._inside = inside
        self._alone = settings.workers == 1
        self._named = {origin(address): name for name, address in self.routes.items()}
        self._pools: OrderedDict[str, Pool] = OrderedDict()
        self._joined: dict[str, Joined] = {}
        """How each call in flight was joined, by its own span."""
        inside.answering = {}

    def retune(self, settings: Settings) -> None:
        """Go by other settings from the next call on. Nobody is ever shown a score here."""
        self.settings = settings
        for pool in self._pools.values():
            pool.connect_timeout = settings.connect_timeout

    def target(self, request_target: str, host: str, original: Address | None = None) -> Target:
        """Where a call goes. Raises CallFailed("no-route"), also for a call to ourselves."""
        found = target(self.routes, request_target, host, original)
        if str(found.address) == self.settings.egress:
            raise CallFailed("no-route", "the target is the sidecar itself")
        return found

    # -- what a call asks of its plane -----------------------------------------------------------

    def identify(self, call: Case) -> None:
        """Join the call to the one that the model is answering, as far as that can be known."""
        head = call.head
        own = self.propagation.join(head.fields)
        given = head.request_id.decode("latin-1")[:256]
        found = join(own.trace if own.parent else "", given, self._in_flight(), alone=self._alone)
        inbound = found.inbound
        call.span = span = own if inbound is None else adopted(own, inbound, trusted=self._trusts(call))
        call.request_id = given or (inbound.request_id if inbound else span.server + span.client)
        self._joined[span.client] = found.joined

    def _in_flight(self) -> Iterator[Inbound]:
        answering = self._inside.answering
        assert answering is not None
        return (Inbound(call.request_id, call.span, _oddness(call)) for call in answering.values())

    def _trusts(self, call: Case) -> bool:
        return origin_of(call.head.target) in self._named

    def pool_for(self, call: Case) -> Pool:
        """The connections to the call's target; a tunnel has one of its own."""
        if call.head.method == "CONNECT":
            return self._pool(tunnelled(call.head.target))
        place = origin_of(call.head.target)
        pool = self._pools.get(place)
        if pool is None:
            name = self._named.get(place)
            pool = self._pools[place] = self._pool(self.routes[name] if name else address_of(place))
            if len(self._pools) > MOST_POOLS:
                self._pools.popitem(last=False)[1].close()
        self._pools.move_to_end(place)
        return pool

    def _pool(self, address: Address) -> Pool:
        pool = Pool(address, self.settings.connect_timeout, upstream_context(self.settings, address.tls))
        pool.dropped_from_response = DROPPED_FROM_RESPONSE
        return pool

    def call_ended(self, call: Case) -> None:
        """Count a call out and tell the observer whose it was."""
        self.in_flight -= 1
        if call.failure:
            self.failures[call.failure] += 1
        joined = self._joined.pop(call.span.client, NOBODYS)
        place = origin_of(call.head.target)
        to = self._named.get(place) or place.partition("://")[2] or call.head.target
        self.teller.tell_outbound(call, to, joined)

    def sweep(self) -> None:
        """End whatever has waited too long; called a few times a second."""
        now = monotonic()
        for client in list(self.clients):
            client.check(now)
        for pool in self._pools.values():
            pool.expire(now)

    async def close(self) -> None:
        """Close every connection, of the model and to its targets."""
        for client in list(self.clients):
            client.transport.close()
        for pool in self._pools.values():
            pool.close()
        self.judge.close()
        await self.tasks.close()


def _oddness(call: Case) -> str:
    """The verdict on a call's input if that is odd, as far as it is known by now."""
    verdict = call.judgement.score.verdict if call.judgement is not None else ""
    return verdict if verdict in ("outlier", "adversarial") else ""


def adopted(own: SpanIds, inbound: Inbound, *, trusted: bool) -> SpanIds:
    """The identity of an outbound call as a child of what the model was told, with the ids it has already.

    The parent is our CLIENT span for the call to the model: the work of the model has no span of its own.
    With a context of its own the call keeps its parent. The caller's baggage goes on only to a route of ours
    (`trusted`): what a caller confides to a model is not for whomever the model asks.
    """
    baggage = own.baggage
    if trusted:
        baggage = baggage or inbound.span.baggage
        if inbound.odd and not chain.odd(baggage):
            baggage = ",".join(filter(None, (baggage, f"{chain.ODD}={inbound.odd}")))
    if own.parent:
        return msgspec.structs.replace(own, baggage=baggage)
    span = inbound.span
    return msgspec.structs.replace(
        span, server=own.server, client=own.client, parent=span.client, baggage=baggage
    )


def origin(address: Address) -> str:
    """Scheme and authority of an address."""
    return f"http{'s' if address.tls else ''}://{address.authority.decode()}"


def origin_of(url: str) -> str:
    """Scheme and authority of an absolute URL; empty for anything else."""
    scheme, found, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if found else ""
