"""What all calls of one worker share: settings, pool, judge, teller, limits and counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from sidecar.errors import CallFailed
from sidecar.exchange import Decision, Expose
from sidecar.link import Counters
from sidecar.proxy.briefs import Briefs
from sidecar.proxy.case import Case
from sidecar.proxy.deciding import Policing
from sidecar.proxy.heads import HOP_BY_HOP, OURS, RequestHead
from sidecar.proxy.judging import Judge
from sidecar.proxy.keeping import Keeping
from sidecar.proxy.recall import Recall
from sidecar.proxy.shadowing import Shadowing
from sidecar.proxy.squeezing import MARK, Squeezing
from sidecar.proxy.telling import Teller
from sidecar.proxy.told_bodies import ToldBodies
from sidecar.proxy.upstream import Pool
from sidecar.settings import Settings
from sidecar.tasks import Tasks
from sidecar.tracing.context import Propagation

if TYPE_CHECKING:
    from sidecar.proxy.listener import Downstream


class Plane:
    """The shared state of one worker. Not thread-safe: it belongs to its event loop."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        pool: Pool,
        judge: Judge,
        teller: Teller,
        propagation: Propagation,
    ) -> None:
        self.settings = settings
        self.loop = loop
        self.pool = pool
        self.judge = judge
        self.teller = teller
        teller.plane = self
        self.propagation = propagation
        self.outbound = propagation.outbound
        self.tasks = Tasks()
        self.keeping = Keeping(settings)
        self._show(settings.expose)
        self.policing = Policing()
        self.shadowing = Shadowing(self)
        self.squeezing = Squeezing(self)
        judge.squeezing = self.squeezing
        self.held_bytes = self.keeping.body_bytes
        """Bytes of each body to hold until a call has ended, beside what scoring and the observer need."""
        self.version_header = settings.model_version_header.lower().encode("latin-1", "replace")
        """By which the model may say its version; empty: by none."""
        self.drift = ""
        self.draining = False
        self.dropped_from_request = HOP_BY_HOP | OURS | {MARK} | propagation.dropped
        self.recall: Recall[RequestHead] = Recall()
        self.clients: set[Downstream] = set()
        self.grpc_clients = 0
        """Connections of callers over gRPC (`sidecar.proxy.grpc.door`)."""
        self.calls = 0
        self.in_flight = 0
        self.answering: dict[str, Case] | None = None
        """Calls in flight by their CLIENT span, when somebody (`sidecar.proxy.egress`) needs to know them."""
        self.told_bodies = ToldBodies(settings)
        self.briefs = Briefs(settings)
        self._left = asyncio.Event()
        self.failures: Counter[str] = Counter()

    def _show(self, expose: Expose) -> None:
        """Who sees what was found; the model can only if it is found before the call goes on."""
        self.decision = Decision(expose=expose)
        self.show_caller = expose in ("caller", "both")
        self.score_first = expose in ("model", "both")

    def retune(self, settings: Settings) -> None:
        """Go by other settings from the next call, or the next look at a connection, on."""
        self.settings = settings
        self._show(settings.expose)
        self.judge.threshold = settings.threshold
        self.judge.guard = self.judge.guard._replace(threshold=settings.adversarial_threshold)
        self.pool.connect_timeout = settings.connect_timeout
        self.teller.limit_bytes(settings.queue_bytes)
        self.hold()

    def policed(self) -> None:
        """Other policies are in force."""
        rulebook = self.policing.rulebook
        named = rulebook is not None and rulebook.names_codecs
        self.judge.hint_of = self.policing.codec_of if named else None
        self.shadowing.resting.keep(rulebook.others if rulebook is not None else set())
        self.hold()

    def hold(self) -> None:
        """Hold as much of bodies as is needed by the settings and policies that are in force now."""
        mirrored = self.settings.shadow_body_bytes if self.policing.mirrors else 0
        self.held_bytes = max(self.keeping.body_bytes, mirrored)

    # -- limits ----------------------------------------------------------------------------------

    def admit(self, client: Downstream) -> bool:
        """May this connection stay? Registers it if so."""
        if len(self.clients) + self.grpc_clients >= self.settings.max_connections:
            self.failures["too-many-connections"] += 1
            return False
        self.clients.add(client)
        return True

    def dismiss(self, client: Downstream) -> None:
        self.clients.discard(client)
        self._left.set()

    def identify(self, call: Case) -> None:
        """Give a call its ids: the caller's, or new ones."""
        head = call.head
        call.span = span = self.propagation.join(head.fields)
        call.request_id = head.request_id.decode("latin-1")[:256] or span.server + span.client
        if self.answering is not None:
            self.answering[span.client] = call

    def pool_for(self, call: Case) -> Pool:
        """Where the call goes. Raises `CallFailed` when that is nowhere."""
        if call.decision is not None and call.decision.to:
            return self.policing.others.pool(call.decision.to, self.settings)
        return self.pool

    def begin_call(self, head: RequestHead) -> None:
        """Count a call in. Raises `CallFailed` when there are too many, or its body is too large."""
        self.calls += 1
        self.in_flight += 1
        if self.in_flight > self.settings.max_concurrent_calls:
            raise CallFailed("overloaded", f"{self.settings.max_concurrent_calls} calls are in flight")
        limit = self.settings.max_body_bytes
        if limit and head.length > limit:
            raise CallFailed("body-too-large", f"Content-Length {head.length}, at most {limit}")

    def call_ended(self, call: Case) -> None:
        """Count a call out and tell the observer."""
        self.in_flight -= 1
        if self.answering is not None:
            self.answering.pop(call.span.client, None)
        if call.failure:
            self.failures[call.failure] += 1
        if call.scope is None:
            self.teller.tell(call)
        elif not (call.scope.afterwards and self.squeezing.after(call)):
            self.conclude(call)

    def conclude(self, call: Case) -> None:
        """All that will ever be known of a call is known: count what applied to it, and tell the observer."""
        self.policing.counted(call)
        if call.decision is not None and call.decision.mirrors and call.mirrorable:
            self.shadowing.update(call)
        self.teller.tell(call)

    async def emptied(self, until: float) -> None:
        """Wait until the last caller has taken its answer and left, at most until this time of the loop's
        clock. No call in flight would not be enough: an answer may still be on its way out."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self.clients:
                    self._left.clear()
                    await self._left.wait()

    def count_failure(self, cause: str) -> None:
        self.failures[cause] += 1

    def signs(self) -> tuple[str, ...]:
        """What is looked for that tells of an attack: kinds of evidence."""
        judge, rulebook = self.judge, self.policing.rulebook
        asks_again = rulebook is not None and rulebook.asks("inconsistent.")
        walks = judge.walks is not None and judge.baseline is not None and judge.baseline.printer is not None
        return (*judge.guard.signs(asks_again), *(("query-sequence",) if walks else ()))

    def counters(self) -> Counters:
        """The running totals for the observer."""
        return Counters(
            calls=self.calls,
            failed=dict(self.failures),
            records_dropped=self.teller.dropped,
            records_dropped_bytes=self.teller.dropped_bytes,
            queue_bytes=self.teller.queued_bytes,
            in_flight=self.in_flight,
            connections=len(self.clients) + self.grpc_clients,
            upstream_connections=self.pool.open,
            rule_hits=self.policing.by_rule(),
            rule_errors=dict(self.policing.errors),
            shadows=self.shadowing.snapshot(),
            squeezed=dict(self.squeezing.outcomes),
        )

    def sweep(self) -> None:
        """End whatever has waited too long; called a few times a second."""
        now = monotonic()
        for client in list(self.clients):
            client.check(now)
        self.pool.expire(now)
        self.policing.others.expire(now)
        self.shadowing.questions.expire(now)
        self.squeezing.questions.expire(now)

    def sweep_seconds(self) -> float:
        """How often to sweep: a quarter of the shortest time-out, within 50 ms and one second."""
        settings = self.settings
        bounds = (
            settings.upstream_timeout,
            settings.header_timeout,
            settings.idle_timeout,
            settings.total_timeout or 60.0,
        )
        return max(0.05, min(1.0, min(bounds) / 4))
