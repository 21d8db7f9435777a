"""The part of the admin API about rows: inputs beside their reference, groups of flagged ones, the map, files
of them.

Counterparts: `sidecar.console.api`, which serves it; `cohort_view`, `features_view` and `exports`, which have
the answers."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from aiohttp import web

from sidecar.console import attacks_view, cohort_view, exports, features_view
from sidecar.console.answering import NAMES, Handler, json_answer
from sidecar.console.keys import OBSERVER
from sidecar.console.problem import Problem, choice, known, whole
from sidecar.console.views import View
from sidecar.observer.observer import Observer
from sidecar.observer.routes import Key

MAP_ROWS = 2_000
"""Rows of each kind on a map, at most."""

SEARCH_PATIENCE = 150.0
"""Seconds that a caller waits for a search at most; a search is killed before."""


async def show_cohorts(request: web.Request) -> web.Response:
    """Flagged rows in groups; with `refresh` after a search for new ones."""
    known(request.query, ("refresh",))
    observer = request.app[OBSERVER]
    if choice(request.query, "refresh", ("true", "false")) == "true":
        await _searched(observer)
    return json_answer(cohort_view.cohorts(observer))


async def show_cohort(request: web.Request) -> web.Response:
    """One group with its rows, by its number."""
    known(request.query, ())
    found = _cohort(request)
    # Encoding thousands of wide rows would hold up everybody else.
    body = await asyncio.to_thread(msgspec.json.encode, found)
    return web.Response(body=body, content_type="application/json")


async def show_export(request: web.Request) -> web.Response:
    """A group's rows as a file."""
    known(request.query, ())
    found = _cohort(request)
    form = request.match_info["form"]
    if form not in exports.TYPES:
        raise Problem(
            404, "No such format", f"form: {form!r} is not one of {', '.join(exports.TYPES)}", "form"
        )
    content = await exports.content(found, form)
    name = f'attachment; filename="cohort-{found["id"]}.{form}"'
    return web.Response(
        body=content, headers={"Content-Type": exports.TYPES[form], "Content-Disposition": name}
    )


def _cohort(request: web.Request) -> View:
    observer, id_ = request.app[OBSERVER], request.match_info["id"]
    found = cohort_view.one_cohort(observer, id_)
    if found is None:
        there = ", ".join(cohort_view.names(observer)) or "none yet"
        raise Problem(404, "No such cohort", f"id: {id_!r} is not a cohort now; there is {there}", "id")
    return found


async def show_map(request: web.Request) -> web.Response:
    """Where rows are in the plane: training, clean and flagged ones."""
    known(request.query, ("limit",))
    limit = whole(request.query, "limit", 500, MAP_ROWS)
    return json_answer(cohort_view.chart(request.app[OBSERVER], limit))


async def _searched(observer: Observer) -> None:
    """Wait for a search for cohorts, if there is something new to be found."""
    observer.cohorts.demand()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(observer.cohorts.settled.wait(), SEARCH_PATIENCE)


async def show_features(request: web.Request) -> web.Response:
    """Inputs beside their reference, the most moved first; or one of them over time."""
    query, observer = request.query, request.app[OBSERVER]
    known(query, (*NAMES, "limit", "offset", "feature"))
    names = Key(query.get("model", ""), query.get("version", ""), query.get("route", ""))
    if name := query.get("feature"):
        found = features_view.feature(observer, names, name)
        if found is None:
            raise Problem(404, "No such input", f"feature: {name!r} is no input of such a flow", "feature")
        return json_answer(found)
    limit, offset = whole(query, "limit", 50, 1000), whole(query, "offset", 0, 100_000, least=0)
    return json_answer(features_view.features(observer, names, limit, offset))


async def show_attacks(request: web.Request) -> web.Response:
    """Calls whose input looks made, by who sent them."""
    known(request.query, ("limit",))
    limit = whole(request.query, "limit", 50, 1000)
    return json_answer(attacks_view.attacks(request.app[OBSERVER], limit))


ROWS: dict[str, Handler] = {
    "/api/v1/features": show_features,
    "/api/v1/cohorts": show_cohorts,
    "/api/v1/cohorts/{id}": show_cohort,
    "/api/v1/cohorts/{id}/rows.{form}": show_export,
    "/api/v1/map": show_map,
    "/api/v1/attacks": show_attacks,
}
"""What is served of rows, for GET and HEAD."""
