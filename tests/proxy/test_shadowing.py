"""Another model is asked what the model was asked, after the caller has its answer, and never at its cost."""

import asyncio
import contextlib
import json
import math
import types
from pathlib import Path

import numpy as np
import pytest

from sidecar.exchange import Mirror, Reply
from sidecar.proxy.heads import request_head
from sidecar.proxy.resting import TOLERATED
from sidecar.proxy.shadowing import MARK, OUTCOMES, Asked, compared, contrast, question
from tests.policy.documents import policy
from tests.proxy.dialogue import GET, OK, fields, http, listening, put_in_force, sidecar
from tests.proxy.test_judging import baseline, clean, infer, outliers


@contextlib.asynccontextmanager
async def shadowed(*, when="true", more="", **settings):
    """A stage whose calls are asked of another model, too, and where that one listens."""
    with listening() as other:
        to = f"http://127.0.0.1:{other.getsockname()[1]}"
        rules = policy(f"{{name: new, when: '{when}', action: shadow, to: '{to}'{more}}}")
        async with sidecar(policies=rules, **settings) as stage:
            yield stage, other


def answer(*values, name="predictions") -> bytes:
    body = json.dumps({name: list(values)}).encode()
    return http(
        "HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", body=body
    )


async def outcomes(stage, count=1) -> dict[str, int]:
    """What came of the calls so far, once there are as many."""

    def totals():
        return stage.plane.counters().shadows

    await stage.until(lambda: totals() and sum(totals()["p/new"].outcomes.values()) >= count, "outcomes")
    return totals()["p/new"].outcomes


async def seen(stage, other, request, own, others):
    """One call and both answers; what the other model got."""
    await stage.call(request, own)
    second = await stage.accept(other)
    got = await second.request()
    await second.send(others)
    return got


# -- the question ----------------------------------------------------------------------------------


async def test_another_model_gets_the_same_marked_and_in_no_trace():
    request = infer(clean(2))
    async with shadowed() as (stage, other):
        got = await seen(stage, other, request, answer(1.0, 2.0), answer(1.0, 2.0))
        head, _, body = got.partition(b"\r\n\r\n")
        assert body == request.partition(b"\r\n\r\n")[2]
        assert head.splitlines()[0] == request.splitlines()[0]
        assert fields(head, MARK.decode()) == ["p/new"]
        assert fields(head, "traceparent") == fields(head, "baggage") == []
        (record,) = await stage.records()
        assert fields(head, "x-request-id") == [record.id]
        assert record.action == "shadow"
        assert await outcomes(stage) == {"same": 1}
        total = stage.plane.counters().shadows["p/new"]
        assert total.seconds > 0 < total.other_seconds


async def test_a_body_in_chunks_is_asked_in_one():
    request = http("POST /x HTTP/1.1", "Host: m", "Transfer-Encoding: chunked")
    async with shadowed() as (stage, other):
        caller = await stage.caller()
        await caller.send(request + b"3\r\nabc\r\n")
        model = await stage.model()
        await model.head()
        await caller.send(b"2\r\nde\r\n0\r\n\r\n")
        await model.chunks()
        await model.send(OK)
        await caller.response()
        second = await stage.accept(other)
        await second.head()
        assert await second.chunks() == (b"abcde", b"")
        await second.send(OK)
        assert await outcomes(stage) == {"same": 1}


async def test_the_caller_has_its_answer_whatever_the_other_model_does():
    async with shadowed(upstream_timeout=0.3) as (stage, other):
        _, response = await stage.call(GET, OK)
        assert response.field("x-policy-action") == 'shadow; rule="p/new"'
        second = await stage.accept(other)
        await second.request()
        _, response = await stage.call(GET, OK)  # while the other one is silent
        assert response.status == 200
        assert await outcomes(stage, 2) == {"failed": 2}
        assert stage.plane.shadowing.in_flight == stage.plane.shadowing.held_bytes == 0


async def test_a_model_that_is_not_there_costs_nothing():
    rules = policy("{name: new, action: shadow, to: 'http://127.0.0.1:1'}")
    async with sidecar(policies=rules) as stage:
        for _ in range(3):
            _, response = await stage.call(GET, OK)
            assert response.status == 200
        assert await outcomes(stage, 3) == {"failed": 3}
        await stage.records(3)
        told = stage.observer.batches[-1].shadowed or stage.observer.batches[0].shadowed
        assert {one.detail.partition(":")[0] for one in told} <= {"Model server refused the connection"}


async def test_a_model_that_stays_away_is_left_alone():
    async with shadowed() as (stage, other):
        model = None
        other.close()
        for _ in range(3 * TOLERATED):
            model = await stage.calls(1, model)
            await stage.until(lambda: stage.plane.shadowing.in_flight == 0, "the other model's answer")
        found = await outcomes(stage, 3 * TOLERATED)
        assert found["failed"] >= TOLERATED
        assert found["away"] >= 1
        assert sum(found.values()) == 3 * TOLERATED


# -- which calls -----------------------------------------------------------------------------------


async def test_only_calls_that_the_condition_fits_by_their_score():
    async with shadowed(when="p <= 0.01", baseline=baseline()) as (stage, other):
        await stage.call(infer(clean()), answer(1.0))
        got = await seen(stage, other, infer(outliers()), answer(1.0), answer(1.0))
        assert got.endswith(infer(outliers()).partition(b"\r\n\r\n")[2])
        assert await outcomes(stage) == {"same": 1}


async def test_a_share_of_them():
    async with shadowed(more=", share: 0.5") as (stage, other):
        asyncio.get_running_loop()
        model = second = None
        for _ in range(40):
            model = await stage.calls(1, model)
        await stage.until(
            lambda: stage.plane.shadowing.in_flight > 0, "a call to be asked of the other model"
        )
        second = stage.plane.shadowing.in_flight
        assert 5 <= second <= 35
        for _ in range(second):
            one = await stage.accept(other)
            await one.request()
            await one.send(OK)
        assert await outcomes(stage, second) == {"same": second}


@pytest.mark.parametrize(
    "request_",
    [
        http("GET / HTTP/1.1", "Host: m", "X-Sidecar-Shadow: other/rule"),
        http("GET / HTTP/1.1", "Host: m", "Connection: Upgrade", "Upgrade: x"),
    ],
    ids=["asked already", "another protocol"],
)
async def test_calls_that_are_asked_of_nobody_else(request_):
    async with shadowed() as (stage, _):
        got, response = await stage.call(request_, OK)
        assert response.status == 200
        await stage.records()
        assert stage.plane.counters().shadows == {}
        assert (b"X-Sidecar-Shadow: other/rule" in got) == (b"X-Sidecar" in request_)


async def test_a_call_that_the_model_did_not_answer_is_not_compared():
    async with shadowed() as (stage, _):
        caller, model = await stage.begin(GET)
        model.close()
        await caller.problem("upstream-closed")
        await stage.records()
        assert stage.plane.counters().shadows == {}


async def test_a_dry_run_asks_nobody():
    async with shadowed(more=", dry-run: true") as (stage, _):
        await stage.call(GET, OK)
        await stage.records()
        assert stage.plane.counters().rule_hits == {"p/new shadow dry-run": 1}
        assert stage.plane.counters().shadows == {}
        assert stage.plane.held_bytes == 0


# -- bounds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{"shadow_calls": 2}, {"shadow_bytes": 2 * (4 + 65_536)}], ids=["calls", "bytes"]
)
async def test_beyond_the_bounds_calls_are_dropped_and_counted(settings):
    async with shadowed(**settings) as (stage, other):
        model = await stage.calls(5)
        assert await outcomes(stage, 3) == {"dropped": 3}
        for _ in range(2):
            second = await stage.accept(other)
            await second.request()
            await second.send(OK)
        assert await outcomes(stage, 5) == {"dropped": 3, "same": 2}
        await stage.calls(1, model)
        await second.request()
        await second.send(OK)
        assert await outcomes(stage, 6) == {"dropped": 3, "same": 3}


@pytest.mark.parametrize(
    ("request_", "own"),
    [
        (http("POST / HTTP/1.1", "Host: m", "Content-Length: 101", body=b"x" * 101), OK),
        (GET, http("HTTP/1.1 200 OK", "Content-Length: 101", body=b"x" * 101)),
    ],
    ids=["request", "answer"],
)
async def test_large_bodies_are_not_held(request_, own):
    async with shadowed(shadow_body_bytes=100) as (stage, _):
        await stage.call(request_, own)
        assert await outcomes(stage) == {"too-large": 1}


async def test_what_is_under_way_at_the_end_is_dropped_and_told():
    async with shadowed() as (stage, other):
        await stage.call(GET, OK)
        second = await stage.accept(other)
        await second.request()
        shadowing = stage.plane.shadowing
    assert shadowing.snapshot()["p/new"].outcomes == {"dropped": 1}
    assert stage.observer.batches[-1].counters.shadows["p/new"].outcomes == {"dropped": 1}


async def test_nothing_is_held_when_no_policy_asks_for_it_any_more():
    async with shadowed() as (stage, _):
        assert stage.plane.held_bytes == stage.plane.settings.shadow_body_bytes
        put_in_force(policy("{name: a, action: tag}"), stage.run_dir)
        await stage.until(lambda: stage.plane.held_bytes == 0, "the change")


# -- the comparison --------------------------------------------------------------------------------


async def test_an_answer_that_differs_is_told():
    async with shadowed(more=", tolerance: 0.01") as (stage, other):
        await seen(stage, other, infer(clean(3)), answer(1.0, 2.0, 3.0), answer(1.0, 2.5, 3.001))
        assert await outcomes(stage) == {"numbers": 1}
        await stage.records()
        await stage.until(lambda: any(one.shadowed for one in stage.observer.batches), "the news")
        (told,) = [one for batch in stage.observer.batches for one in batch.shadowed]
        (record,) = stage.observer.records
        assert (told.rule, told.id, told.trace) == ("p/new", record.id, record.span.trace)
        assert (told.outcome, told.status, told.other_status) == ("numbers", 200, 200)
        assert (told.rows, told.differing, told.column, told.largest) == (3, 1, "predictions", 0.5)
        total = stage.plane.counters().shadows["p/new"]
        assert (total.rows, total.differing) == (3, 1)
        assert stage.plane.shadowing.news() == ()


async def test_large_answers_are_compared_in_a_thread():
    many = [0.25] * 20_000
    async with shadowed() as (stage, other):
        await seen(stage, other, infer(clean()), answer(many), answer([*many[:-1], 0.5]))
        assert await outcomes(stage) == {"numbers": 1}


HEAD = request_head(b"POST", b"/v1/models/m:predict", "1.1", ((b"Host", b"m"),), frozenset())
JSON = ((b"Content-Type", b"application/json"),)


def asked(own: bytes, status=200, codec=True):
    from sidecar import codecs

    found = next(one for one in codecs.CODECS if one.name == "v1") if codec else None
    mirror = Mirror("p/new", "http://m", 1.0, 1e-6)
    return Asked(mirror, "id", "0" * 32, 0, HEAD, b"{}", Reply(status, JSON, own), found, 2, 0.1, None)


@pytest.mark.parametrize(
    ("own", "other", "status", "outcome"),
    [
        (b'{"predictions": [1, 2]}', b'{"predictions":[1.0,2.0]}', 200, "same"),
        (b'{"predictions": [1, 2]}', b'{"predictions": [1, 3]}', 200, "numbers"),
        (b'{"predictions": ["a", "b"]}', b'{"predictions": ["a", "c"]}', 200, "values"),
        (b'{"predictions": [1, 2]}', b'{"predictions": ["1", "b"]}', 200, "values"),
        (b'{"predictions": [1, 2]}', b'{"predictions": [1]}', 200, "shape"),
        (b'{"predictions": [[1, 2], [1, 2]]}', b'{"predictions": [[1], [1]]}', 200, "shape"),
        (b'{"predictions": [1, 2]}', b"<html>", 200, "unread"),
        (b'{"predictions": [1, 2]}', b'{"predictions": [1, 2]}', 500, "status"),
    ],
)
def test_what_comes_of_two_answers(own, other, status, outcome):
    assert compared(asked(own), Reply(status, JSON, other)).outcome == outcome
    assert outcome in OUTCOMES


def test_every_outcome_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
    assert [name for name, meaning in OUTCOMES.items() if f"| `{name}` | {meaning} |\n" not in page] == []


def test_errors_are_compared_by_their_status_and_what_nobody_reads_by_its_bytes():
    assert compared(asked(b"no", 422), Reply(422, JSON, b"not at all")).outcome == "same"
    assert compared(asked(b"a", codec=False), Reply(200, (), b"a")).outcome == "same"
    assert compared(asked(b"a", codec=False), Reply(200, (), b"b")).outcome == "unread"


def test_the_column_that_differs_most_is_named():
    before = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([1.0, 2.0, np.nan])}
    now = {"a": np.array([1.0, 2.0, 4.0]), "b": np.array([0.0, 4.0, np.nan])}
    assert contrast(before, now, 0.0) == ("numbers", 3, 3, "b", 2.0)
    assert contrast(before, before, 0.0) == ("same", 3, 0, "", pytest.approx(math.nan, nan_ok=True))
    gone = contrast({"a": np.array([np.nan])}, {"a": np.array([1.0])}, 0.0)
    assert (gone.outcome, math.isnan(gone.largest)) == ("numbers", True)


def test_a_question_without_a_body():
    head = request_head(b"GET", b"/", "1.1", ((b"Host", b"m"), (b"X-Request-Id", b"7")), frozenset())
    made = question(types.SimpleNamespace(head=head, id="7", body=b"", mirror=Mirror("p/r", "", 1.0, 0.0)))
    assert made == http("GET / HTTP/1.1", "Host: m", "X-Request-Id: 7", "x-sidecar-shadow: p/r")
