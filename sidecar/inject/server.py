"""The webhook's two addresses: reviews over TLS, and health and metrics in the open.

A review is let in as it is when anything fails here: a pod must never be kept out by our mistake. Decisions
are made in `sidecar.inject.review`; this only moves bytes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from sidecar.inject import review
from sidecar.inject.events import Events, Refusal, owner
from sidecar.inject.measures import Measures
from sidecar.inject.namespaces import Namespaces
from sidecar.inject.pod import Injection
from sidecar.inject.review import BadReview, Review
from sidecar.inject.settings import Around

log = logging.getLogger(__name__)

LARGEST = 8 * 1024 * 1024
"""Bytes of a review. An API server takes objects of up to 3 MiB, and a review may hold two."""

PATIENCE = 5.0
"""Seconds for a review to arrive: what the API server waits in all."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Webhook:
    """Answers reviews. `around` is what is known around every pod."""

    def __init__(self, around: Around, namespaces: Namespaces, events: Events, measures: Measures) -> None:
        self.around = around
        self._namespaces = namespaces
        self._events = events
        self._measures = measures
        self.ready = False

    def reviews(self) -> web.Application:
        """What the API server calls. `/pods/asked` is for pods that ask in namespaces that do not."""
        app = web.Application(client_max_size=LARGEST, middlewares=[self._guarded])
        app.router.add_post("/pods", self._reviewer(namespace_asks=True))
        app.router.add_post("/pods/asked", self._reviewer(namespace_asks=False))
        app.router.add_post("/services", self._reviewer(namespace_asks=False))
        return app

    def admin(self) -> web.Application:
        """What the kubelet and Prometheus call."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """One clear answer to whatever is no review."""
        try:
            return await handler(request)
        except BadReview as error:
            status, said = 400, str(error)
        except TimeoutError:
            status, said = 408, f"the review did not arrive within {PATIENCE:g} s"
        except web.HTTPRequestEntityTooLarge:
            status, said = 413, f"a review has at most {LARGEST} bytes"
        except web.HTTPException as error:
            status, said = error.status, f"{request.method} {request.path[:200]}: {error.reason}"
        self._measures.malformed.labels(str(status)).inc()
        return web.json_response({"error": said}, status=status)

    def _reviewer(self, *, namespace_asks: bool) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            async with asyncio.timeout(PATIENCE):
                body = await request.read()
            began = time.perf_counter()
            answer = await self._answered(review.read(body), namespace_asks)
            self._measures.duration.observe(time.perf_counter() - began)
            return web.Response(body=answer, content_type="application/json")

        return handle

    async def _answered(self, asked: Review, namespace_asks: bool) -> bytes:
        try:
            known = await self._namespaces.facts(asked.namespace)
            around = msgspec.structs.replace(
                self.around,
                namespace=asked.namespace,
                namespace_asks=namespace_asks,
                pod_security=known.pod_security,
                user_range=known.user_range,
            )
            verdict = review.decide(asked, around)
        except Exception:
            log.exception("a review failed; what it was about is let in as it is")
            self._measures.failures.inc()
            as_it_is = Injection(asked.thing, "skipped", "not-a-pod", "The webhook failed; see its log.")
            return review.answer(asked.uid, asked.thing, as_it_is)
        found = verdict.injection
        self._measures.reviews.labels(found.outcome, found.reason).inc()
        if found.outcome in ("refused", "rejected"):
            log.warning("%s in %s: %s: %s", asked.kind, asked.namespace, found.outcome, found.message)
            if not asked.dry_run:
                on = owner(asked.thing, asked.namespace)
                self._events.tell(Refusal(asked.namespace, on, found.reason, found.message))
        return verdict.body

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n" if self.ready else "no\n", status=200 if self.ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._measures.registry), headers={"Content-Type": kind})
