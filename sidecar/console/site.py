"""The console for people: pages, their files, and the form for a token. Handlers only: parameters in, HTML
out.

Pages are made in `sidecar.console.pages` of what the API answers, so everything that is shown can also be
asked for. Counterpart: `sidecar.console.api`, the same for machines."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from sidecar.asking import token_in
from sidecar.console import (
    attacks_view,
    chain_view,
    cohort_view,
    exchange_view,
    features_view,
    guard,
    history_view,
    overview_view,
    performance_view,
    policy_view,
    trace_view,
    verdict_view,
    views,
    writing,
)
from sidecar.console.answering import Handler
from sidecar.console.keys import CASCADE, GUARD, OBSERVER, SOURCE
from sidecar.console.pages import (
    attacks,
    chain,
    exchange,
    feature,
    features,
    flows,
    frame,
    health,
    outliers,
    overview,
    performance,
    policies,
    refusal,
    sign_in,
    trace,
)
from sidecar.console.problem import Problem, choice, whole
from sidecar.console.views import View
from sidecar.exchange import Verdict
from sidecar.observer.routes import Key
from sidecar.peers.addresses import named
from sidecar.report.tables import Html
from sidecar.settings import Settings

STATIC = Path(__file__).parent / "static"

FILES = (
    "console.css",
    "console.js",
    "live.js",
    "times.js",
    "charts.js",
    "map.js",
    "uplot.css",
    "uplot.js",
    "icon.svg",
)
"""What the pages are made of, all under /static; nothing else is there to be had."""

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Of files, by how they end: a machine's own table of types may say otherwise, and browsers mind."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
"""On every answer. What is shown was partly written by callers: only our own files may run, and none of it
may be kept."""

REDRAWN = "X-Redrawn"
"""Header of the script's own requests for a page that is open already (static/live.js)."""

SIGN_IN_BYTES = 4096

MAP_ROWS, LATEST = 500, 25
"""Rows of each kind on the map, and latest calls."""


def _html(page: Html, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html", charset="utf-8")


async def show_overview(request: web.Request) -> web.Response:
    """Is it healthy, and if not, how does it fail."""
    observer = request.app[OBSERVER]
    found = overview_view.overview(observer)
    wanted = flows.wanted(request.query)
    courses = history_view.history(observer)["courses"]
    return _html(frame.page("/", "Overview", found, *overview.parts(found, courses, wanted)))


async def show_features(request: web.Request) -> web.Response:
    """Every input beside its reference; or one of them."""
    observer, query = request.app[OBSERVER], request.query
    names = Key(**flows.wanted(query))
    seen = overview_view.overview(observer)
    if name := query.get("feature"):
        one = features_view.feature(observer, names, name)
        if one is None:
            raise Problem(404, "No such input", f"feature: {name!r} is no input of such a flow", "feature")
        return _html(frame.page("/features", name, seen, *feature.parts(one)))
    offset = whole(query, "offset", 0, 100_000, least=0)
    found = features_view.features(observer, Key("", "", ""), features.AT_ONCE, offset)
    listed = found["flows"]
    flow = flows.chosen(listed, names._asdict()) or max(listed, key=_loudest, default=None)
    return _html(frame.page("/features", "Features", seen, *features.parts(seen, found, flow, offset)))


def _loudest(flow: View) -> float:
    """Which flow is shown first: the one whose inputs speak loudest of a move."""
    return max((float(one["log_evidence"]) for one in flow["fields"]), default=0.0)


async def show_outliers(request: web.Request) -> web.Response:
    """What was flagged, and the latest calls."""
    observer = request.app[OBSERVER]
    verdict = choice(request.query, "verdict", ("all", *get_args(Verdict)))
    if not verdict and exchange_view.exchanges(observer, 1, "outlier")["kept"]:
        verdict = "outlier"
    if REDRAWN not in request.headers:  # an open page would have a search follow the other
        observer.cohorts.demand()
    parts = outliers.parts(
        cohort_view.cohorts(observer),
        cohort_view.chart(observer, MAP_ROWS),
        exchange_view.exchanges(observer, LATEST, "" if verdict == "all" else verdict),
        verdict,
    )
    return _html(frame.page("/outliers", "Outliers", overview_view.overview(observer), *parts))


async def show_exchange(request: web.Request) -> web.Response:
    """One call."""
    observer, id_ = request.app[OBSERVER], request.match_info["id"]
    found = exchange_view.exchange(observer, id_)
    if found is None:
        raise Problem(404, "No such call", f"id: {id_!r} is not among the calls that are kept", "id")
    means = {field.name: field.mean for field in observer.traffic.fields if field.probabilities}
    parts = exchange.parts(found, means, observer.settings.trace_url)
    return _html(frame.page("/outliers", "One call", overview_view.overview(observer), *parts))


async def show_attacks(request: web.Request) -> web.Response:
    """Who sends inputs that look made, and what policy did."""
    observer = request.app[OBSERVER]
    parts = attacks.parts(attacks_view.attacks(observer, LATEST))
    return _html(frame.page("/attacks", "Attacks", overview_view.overview(observer), *parts))


async def show_chain(request: web.Request) -> web.Response:
    """Who feeds whom, and who broke it; asks the others where `ask` says so."""
    observer, blame = request.app[OBSERVER], request.app[CASCADE]
    if choice(request.query, "ask", ("", "true")) == "true":
        await blame.fresh()
    seen = overview_view.overview(observer)
    rows = [one for one in seen["modes"] if one["name"] == "cascade"]
    peers = len(named(observer.settings.peers))
    parts = chain.parts(chain_view.graph(observer), blame.answer, blame.asked, peers, rows)
    return _html(frame.page("/chain", "Chain", seen, *parts))


async def show_trace(request: web.Request) -> web.Response:
    """The calls of one trace."""
    parts = trace.parts(await gathered_trace(request))
    return _html(frame.page("/chain", "Trace", overview_view.overview(request.app[OBSERVER]), *parts))


async def gathered_trace(request: web.Request, *, alone: bool = False) -> View:
    """One trace as far as we and, unless `alone`, our peers keep it. Raises Problem where that is no trace
    id."""
    observer, id_ = request.app[OBSERVER], request.match_info["id"]
    if not re.fullmatch("[0-9a-f]{32}", id_):
        raise Problem(400, "No trace id", f"id: {id_!r} is not 32 digits of lower-case hex", "id")
    addresses = () if alone else tuple(named(observer.settings.peers).values())
    token = token_in(observer.settings.admin_read_token)
    return await asyncio.to_thread(trace_view.trace, id_, trace_view.spans(observer, id_), addresses, token)


async def show_performance(request: web.Request) -> web.Response:
    """How good answers are."""
    observer = request.app[OBSERVER]
    parts = performance.parts(performance_view.performance(observer), verdict_view.verdicts(observer))
    return _html(frame.page("/performance", "Performance", overview_view.overview(observer), *parts))


async def show_policies(request: web.Request) -> web.Response:
    """What is in force and what it did."""
    observer = request.app[OBSERVER]
    seen = overview_view.overview(observer)
    parts = policies.parts(policy_view.policies(observer), seen["calls"])
    return _html(frame.page("/policies", "Policies", seen, *parts))


async def show_health(request: web.Request) -> web.Response:
    """What is lost, and settings."""
    observer = request.app[OBSERVER]
    found = views.status(observer, request.app[SOURCE].sinks)
    ours, usual = observer.settings, Settings(upstream="")

    def same(name: str) -> bool:
        return bool(getattr(ours, name) == getattr(usual, name))

    settings = [
        (one.encode_name, health.public(one.encode_name, getattr(ours, one.name)), same(one.name))
        for one in msgspec.structs.fields(Settings)
    ]
    parts = health.parts(found, settings)
    return _html(frame.page("/health", "Settings and health", overview_view.overview(observer), *parts))


async def show_file(request: web.Request) -> web.FileResponse:
    """One of the console's own files. A browser may keep it, and asks whether it changed."""
    name = request.match_info["name"]
    if name not in FILES:
        raise Problem(404, "No such file", f"name: {name!r} is not one of {', '.join(FILES)}", "name")
    headers = {"Cache-Control": "no-cache", "Content-Type": TYPES[Path(name).suffix]}
    return web.FileResponse(STATIC / name, headers=headers)


async def show_sign_in(request: web.Request) -> web.Response:
    """The form for a token."""
    return _html(sign_in.page())


async def take_sign_in(request: web.Request) -> web.Response:
    """A token in, a cookie out. Only from our own page, so that nobody else signs a browser in."""
    writing.check(request, ("application/x-www-form-urlencoded",), request.app[GUARD].tokens)
    given = parse_qs((await writing.body(request, SIGN_IN_BYTES)).decode(errors="replace"))
    token = given.get("token", [""])[0].strip()
    keeper = request.app[GUARD]
    if keeper.bearer(token) == "nobody":
        return _html(sign_in.page("This token is not known here."), 401)
    answer = web.Response(status=303, headers={"Location": "/"})
    session = keeper.session(token, request.app[OBSERVER].clock())
    answer.set_cookie(
        guard.COOKIE,
        session,
        max_age=guard.SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=request.secure,
        path="/",
    )
    return answer


def refused(request: web.Request, problem: Problem) -> web.Response:
    """A problem as the caller wants it: data, or for a browser a page, or the form for a token."""
    for_people = not request.path.startswith(("/api/", "/static/"))
    if for_people and request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
        return _html(_refusal(request, problem), problem.status)
    answer = problem.response()
    if problem.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="sidecar"'
    return answer


def _refusal(request: web.Request, problem: Problem) -> Html:
    if problem.status == 401:
        return sign_in.page()
    told = problem.status in (400, 404)  # to somebody who may look, by an observer that works
    seen = overview_view.overview(request.app[OBSERVER]) if told else None
    detail = str(problem).removeprefix(f"{problem.parameter}: ")
    return refusal.page(problem.title, detail, seen)


SITE: dict[str, Handler] = {
    "/": show_overview,
    "/features": show_features,
    "/outliers": show_outliers,
    "/exchanges/{id}": show_exchange,
    "/attacks": show_attacks,
    "/chain": show_chain,
    "/trace/{id}": show_trace,
    "/performance": show_performance,
    "/policies": show_policies,
    "/health": show_health,
    "/sign-in": show_sign_in,
    "/static/{name}": show_file,
}
"""Everything for people, by GET and HEAD."""

SUBMITTED: dict[str, Handler] = {"/sign-in": take_sign_in}
"""Forms that are taken, by POST; each handler begins with `writing.check`."""
