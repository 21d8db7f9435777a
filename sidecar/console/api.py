"""The admin HTTP API: parameters in, JSON out. Whatever is wrong with a request is named.

Handlers fetch and answer, nothing more: what an answer holds is decided in `sidecar.console.views` and its
neighbours, how a parameter is read in `sidecar.console.problem`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import get_args

import msgspec
from aiohttp import web

from sidecar.console import (
    callers_view,
    chain_view,
    exchange_view,
    health,
    history_view,
    metrics,
    overview_view,
    performance_view,
    policy_view,
    probe,
    uploads,
    verdict_view,
    views,
    windows_view,
    writing,
)
from sidecar.console.answering import NAMES, Handler, json_answer
from sidecar.console.blame import Blame
from sidecar.console.events import Events
from sidecar.console.guard import Guard
from sidecar.console.keys import CASCADE, EVENTS, GUARD, OBSERVER, REGISTRY, SOURCE, UPLOADS
from sidecar.console.metric_values import Source
from sidecar.console.problem import Problem, choice, known, moment, whole
from sidecar.console.rows_api import ROWS
from sidecar.console.site import HEADERS, SITE, SUBMITTED, gathered_trace, refused
from sidecar.exchange import Verdict
from sidecar.labels.reading import Names
from sidecar.observer.callers import MOST
from sidecar.observer.refit import Refused

log = logging.getLogger(__name__)

UPLOADS_AT_ONCE = 2
"""Bodies in memory at once; the next one waits before it's read."""

LABELS_AT_ONCE = 2_000
"""Labels joined before others get their turn."""

VERDICTS: tuple[str, ...] = get_args(Verdict)


def application(source: Source) -> web.Application:
    """The admin application over one observer."""
    app = web.Application(middlewares=[_guarded])
    app[OBSERVER] = source.observer
    app[CASCADE] = Blame(source.observer)
    app[SOURCE] = source
    app[REGISTRY] = metrics.registry(source)
    app[EVENTS] = Events(source.observer)
    app.on_shutdown.append(_end_events)
    app[GUARD] = Guard(source.observer.settings)
    for path, handler in {**SITE, **PATHS}.items():
        app.router.add_get(path, handler)
    for path, handler in {**SUBMITTED, **WRITES}.items():
        app.router.add_post(path, handler)
    app[UPLOADS] = asyncio.Semaphore(UPLOADS_AT_ONCE)
    return app


async def _end_events(app: web.Application) -> None:
    app[EVENTS].ended.set()


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Adds the headers, and turns whatever goes wrong into a problem."""
    try:
        request.app[GUARD].check(request, request.app[OBSERVER].clock())
        answer = await handler(request)
    except Problem as problem:
        answer = refused(request, problem)
    except web.HTTPNotFound:
        detail = f"{request.path} is not here; there is {', '.join({**SITE, **PATHS, **WRITES})}"
        answer = refused(request, Problem(404, "No such page", detail))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        answer = Problem(405, "Method not allowed", f"{request.path} takes {allowed}").response()
        answer.headers["Allow"] = error.headers["Allow"]
    except Exception:
        log.exception("the admin API failed: %s %s", request.method, request.path)
        answer = refused(request, Problem(500, "Error inside the sidecar", "See the sidecar's log."))
    if not answer.prepared:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
    return answer


async def healthz(request: web.Request) -> web.Response:
    """200 while this process works."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """200 when a call would be answered now, else 503, with the reasons."""
    status, body = health.readiness(request.app[OBSERVER])
    return json_answer(body, status)


async def probe_model(request: web.Request) -> web.Response:
    """200 when the model accepts a connection, else 503, with the reason."""
    wrong = await probe.accepts(request.app[OBSERVER].settings.upstream)
    return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)


async def probe_model_grpc(request: web.Request) -> web.Response:
    """The same of its address for gRPC, 503 if there is none."""
    url = request.app[OBSERVER].settings.grpc_upstream
    wrong = await probe.accepts(url) if url else "no grpc-upstream"
    return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)


async def show_metrics(request: web.Request) -> web.Response:
    """Prometheus or OpenMetrics text, as the scraper asks for it."""
    body, content_type = metrics.render(request.app[REGISTRY], request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": content_type})


async def show_overview(request: web.Request) -> web.Response:
    """Is the model healthy, in one answer."""
    known(request.query, ())
    return json_answer(overview_view.overview(request.app[OBSERVER]))


async def show_events(request: web.Request) -> web.StreamResponse:
    """Server-sent events: is there anything new."""
    known(request.query, ())
    return await request.app[EVENTS].stream(request)


async def show_status(request: web.Request) -> web.Response:
    """What this sidecar is doing and what it loses."""
    known(request.query, ())
    return json_answer(views.status(request.app[OBSERVER], request.app[SOURCE].sinks))


async def show_drift(request: web.Request) -> web.Response:
    """The evidence for and against a drift of every feature."""
    known(request.query, ())
    return json_answer(views.drift(request.app[OBSERVER]))


async def show_verdict(request: web.Request) -> web.Response:
    """The verdict on every flow, and every number that led to it."""
    known(request.query, ())
    return json_answer(verdict_view.verdicts(request.app[OBSERVER]))


async def show_history(request: web.Request) -> web.Response:
    """What became of every flow: changes of verdicts, closed windows, courses."""
    query = request.query
    known(query, ("since", *NAMES))
    names = (query.get("model", ""), query.get("version", ""), query.get("route", ""))
    return json_answer(history_view.history(request.app[OBSERVER], moment(query, "since"), names))


async def show_windows(request: web.Request) -> web.Response:
    """Every window beside its reference."""
    query = request.query
    known(query, NAMES)
    names = (query.get("model", ""), query.get("version", ""), query.get("route", ""))
    return json_answer(windows_view.windows(request.app[OBSERVER], *names))


async def show_exchanges(request: web.Request) -> web.Response:
    """The latest exchanges, newest first."""
    observer = request.app[OBSERVER]
    query = request.query
    known(query, ("limit", "verdict", "since"))
    most = 2 * observer.settings.kept_exchanges
    limit = whole(query, "limit", min(50, most), most)
    verdict, since = choice(query, "verdict", VERDICTS), moment(query, "since")
    return json_answer(exchange_view.exchanges(observer, limit, verdict, since))


async def show_exchange(request: web.Request) -> web.Response:
    """One exchange, by its request id."""
    known(request.query, ())
    id_ = request.match_info["id"]
    found = exchange_view.exchange(request.app[OBSERVER], id_)
    if found is None:
        raise Problem(404, "No such exchange", f"id: {id_!r} is not among the exchanges that are kept", "id")
    return json_answer(found)


async def show_callers(request: web.Request) -> web.Response:
    """Who asks how: signs that a caller feels the model's way or copies it."""
    known(request.query, ("limit",))
    limit = whole(request.query, "limit", 50, MOST)
    return json_answer(callers_view.callers(request.app[OBSERVER], limit))


async def show_chain(request: web.Request) -> web.Response:
    """Who feeds this model and whom it feeds."""
    known(request.query, ())
    return json_answer(chain_view.graph(request.app[OBSERVER]))


async def show_performance(request: web.Request) -> web.Response:
    """How good predictions were, as far as labels tell."""
    known(request.query, ())
    return json_answer(performance_view.performance(request.app[OBSERVER]))


async def take_labels(request: web.Request) -> web.Response:
    """Labels in, what became of each out; all of them are read before any is taken."""
    writing.check(request, uploads.TYPES, request.app[GUARD].tokens)
    known(request.query, Names._fields)
    async with request.app[UPLOADS]:
        body = await writing.body(request, writing.BODY_BYTES)
        found = await uploads.labels(request.content_type, body, uploads.names(request.query))
        observer = request.app[OBSERVER]
        taken = observer.truth.label((), observer.clock())
        for start in range(0, len(found.labels), LABELS_AT_ONCE):
            part = observer.truth.label(found.labels[start : start + LABELS_AT_ONCE], observer.clock())
            taken = taken.merge(part)
            await asyncio.sleep(0)
    return json_answer(performance_view.taken(found, taken))


async def show_cascade(request: web.Request) -> web.Response:
    """Which model of the chain changed, as far as this sidecar and its `peers` know."""
    known(request.query, ("since",))
    since = moment(request.query, "since")
    return json_answer(await request.app[CASCADE].ask(since))


async def show_trace(request: web.Request) -> web.Response:
    """One trace as far as this sidecar and its peers keep it; `alone` leaves the peers out."""
    known(request.query, ("alone",))
    alone = choice(request.query, "alone", ("true", "false")) == "true"
    return json_answer(await gathered_trace(request, alone=alone))


async def show_lineage(request: web.Request) -> web.Response:
    """Digests of our model's answers, and whether it drifts: what other sidecars listen to."""
    known(request.query, ("after",))
    after = whole(request.query, "after", 0, 10**17, least=0)
    return json_answer(msgspec.to_builtins(chain_view.lineage(request.app[OBSERVER], after)))


async def show_pairs(request: web.Request) -> web.Response:
    """Questions and answers beside each other, for whoever asks which model changed."""
    known(request.query, ())
    found = chain_view.witness(request.app[OBSERVER])
    # Thousands of rows: encoding them here would hold up everybody else.
    body = await asyncio.to_thread(msgspec.json.encode, found)
    return web.Response(body=body, content_type="application/json")


async def show_policies(request: web.Request) -> web.Response:
    """The policies in force, and how often each rule applied."""
    known(request.query, ())
    return json_answer(policy_view.policies(request.app[OBSERVER]))


async def show_refit(request: web.Request) -> web.Response:
    """What came of the last refit, side by side."""
    known(request.query, ())
    return json_answer(views.refit(request.app[OBSERVER]))


async def ask_for_refit(request: web.Request) -> web.Response:
    """Learn a new baseline soon; what comes of it is at the same address. 409 when it cannot be."""
    writing.check(request, ("application/json",), request.app[GUARD].tokens)
    known(request.query, ())
    observer = request.app[OBSERVER]
    if observer.refit.fitting:
        raise Problem(409, "Under way", "a refit is under way; look at it here with GET")
    try:
        observer.rows_to_refit()
    except Refused as error:
        raise Problem(409, "No refit now", str(error)) from None
    observer.refit.demand()
    return json_answer(views.refit(observer), 202)


PATHS: dict[str, Handler] = {
    "/healthz": healthz,
    "/readyz": readyz,
    "/probe/model": probe_model,
    "/probe/model/grpc": probe_model_grpc,
    "/metrics": show_metrics,
    "/api/v1/overview": show_overview,
    "/api/v1/events": show_events,
    "/api/v1/status": show_status,
    "/api/v1/windows": show_windows,
    "/api/v1/drift": show_drift,
    "/api/v1/verdict": show_verdict,
    "/api/v1/history": show_history,
    "/api/v1/performance": show_performance,
    "/api/v1/exchanges": show_exchanges,
    "/api/v1/exchanges/{id}": show_exchange,
    "/api/v1/refit": show_refit,
    **ROWS,
    "/api/v1/traces/{id}": show_trace,
    "/api/v1/callers": show_callers,
    "/api/v1/chain": show_chain,
    "/api/v1/pairs": show_pairs,
    "/api/v1/policies": show_policies,
    "/api/v1/lineage": show_lineage,
    "/api/v1/cascade": show_cascade,
}
"""Everything that machines ask for, by GET and HEAD; the console's pages are in `sidecar.console.site`."""

WRITES: dict[str, Handler] = {
    "/api/v1/refit": ask_for_refit,
    "/api/v1/labels": take_labels,
}
"""Everything that's taken there, by POST; each handler begins with `writing.check`."""
