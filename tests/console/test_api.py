import re
from pathlib import Path

import pytest

from sidecar.console.api import PATHS, WRITES
from tests.console.admin import asked, drifted
from tests.observer.real import draw
from tests.observer.talk import of_rows
from tests.observer.test_observer import busy

APART = ("/probe/model", "/probe/model/grpc", "/api/v1/events")
"""Paths whose answers are another's matter: test_probe and test_events."""

DOCS = Path(__file__).parent.parent.parent / "docs" / "api.md"


@pytest.fixture
async def client(baseline):
    async with asked(drifted(baseline)) as client:
        yield client


async def get(client, path, status=200):
    async with client.get(path) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


@pytest.mark.parametrize("path", [path for path in PATHS if "{" not in path and path not in APART])
async def test_every_page_answers_and_says_not_to_run_or_keep_it(client, path):
    async with client.get(path) as answer:
        assert answer.status == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert await answer.read()
    async with client.head(path) as answer:
        assert answer.status == 200


async def test_the_probe_says_why_the_model_does_not_accept(client):
    async with client.get("/probe/model") as answer:
        assert answer.status == 503
        assert "refused" in await answer.text() or "Connect" in await answer.text()


async def test_the_probe_of_grpc_says_that_there_is_none(client):
    async with client.get("/probe/model/grpc") as answer:
        assert (answer.status, await answer.text()) == (503, "no grpc-upstream\n")


async def test_exchanges_come_newest_first_and_by_verdict(client):
    found = await get(client, "/api/v1/exchanges?limit=5")
    starts = [one["started"] for one in found["exchanges"]]
    assert len(starts) == 5
    assert starts == sorted(starts, reverse=True)
    odd = await get(client, "/api/v1/exchanges?verdict=outlier")
    assert [(one["id"], one["score"], one["flagged"]) for one in odd["exchanges"]] == [
        ("call-1000", 0.998, [1])
    ]


@pytest.mark.parametrize(
    "since", ["{}", "2025-11-23T15:00:01Z", "2025-11-23T16:00:01%2B01:00", "2025-11-23T15:00:01"]
)
async def test_exchanges_since_a_moment(client, since):
    moment = since.format(1_763_910_001)
    found = (await get(client, f"/api/v1/exchanges?limit=400&since={moment}"))["exchanges"]
    assert {one["id"] for one in found} == {"call-1000", "call-1001"}


async def test_one_exchange_shows_its_features_by_name_and_no_credentials(client, baseline):
    found = await get(client, "/api/v1/exchanges/call-1000")
    assert [list(row) for row in found["features"]] == [list(baseline.schema.names)] * 3
    assert found["request_headers"][1] == ["Authorization", "[redacted]"]
    assert found["span"]["trace"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("path", "status", "parameter", "word"),
    [
        ("/api/v1/exchanges?limit=x", 400, "limit", "whole number from 1 to 400"),
        ("/api/v1/exchanges?limit=0", 400, "limit", "whole number"),
        ("/api/v1/exchanges?limit=99999999999999999999", 400, "limit", "whole number"),
        ("/api/v1/exchanges?limit=%D9%A1", 400, "limit", "whole number"),
        ("/api/v1/exchanges?verdict=odd", 400, "verdict", "outlier"),
        ("/api/v1/exchanges?verdict=", 400, "verdict", "outlier"),
        ("/api/v1/exchanges?since=yesterday", 400, "since", "2025-11-23T15:00:00Z"),
        ("/api/v1/exchanges?since=inf", 400, "since", "no time"),
        ("/api/v1/exchanges?limt=3", 400, "limt", "did you mean limit?"),
        ("/api/v1/status?x=1", 400, "x", "no such parameter"),
        ("/api/v1/windows?modle=1", 400, "modle", "did you mean model?"),
        ("/api/v1/drift?x", 400, "x", "no such parameter"),
        ("/api/v1/exchanges/nobody", 404, "id", "'nobody'"),
        ("/api/v1/exchange", 404, None, "/api/v1/exchanges"),
        ("/admin.php", 404, None, "not here"),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(client, path, status, parameter, word):
    async with client.get(path) as answer:
        assert answer.content_type == "application/problem+json"
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["status"], problem.get("parameter")) == (status, status, parameter)
    assert word in problem["detail"]


async def test_only_reading_is_allowed(client):
    async with client.post("/api/v1/status") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"
        assert (await answer.json(content_type=None))["title"] == "Method not allowed"


async def test_an_error_of_ours_is_a_problem_too(client, monkeypatch, caplog):
    monkeypatch.setattr("sidecar.console.views.status", lambda observer, sinks: 1 / 0)
    problem = await get(client, "/api/v1/status", 500)
    assert "division" not in problem["detail"]
    assert "ZeroDivisionError" in caplog.text


async def test_windows_are_found_by_name(client):
    everything = await get(client, "/api/v1/windows")
    assert [one["model"] for one in everything["windows"]] == ["glass"]
    assert (await get(client, "/api/v1/windows?model=glass"))["windows"]
    assert (await get(client, "/api/v1/windows?model=other"))["windows"] == []
    assert (await get(client, "/api/v1/windows?route=/v1/models/{model}:predict"))["windows"]


async def test_readiness_is_a_status_and_a_reason(client):
    found = await get(client, "/readyz")
    assert found["ready"] is True
    async with client.get("/healthz") as answer:
        assert await answer.text() == "ok\n"


def test_every_path_is_documented_and_no_other():
    documented = re.findall(r"^\| `(/[^`]*)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert documented == list(dict.fromkeys((*PATHS, *WRITES)))


# -- refit -----------------------------------------------------------------------------------------


async def test_a_refit_is_asked_for_by_post_and_looked_at_by_get(baseline):
    observer = busy(baseline)
    for number in range(12):
        observer.take_in(
            [of_rows(2000 + number, draw(50, seed=90 + number), baseline.digest, row_p=(0.5,) * 50)]
        )
    async with asked(observer) as client:
        before = await (await client.get("/api/v1/refit")).json()
        assert (before["fitting"], before["last"], before["baseline"]) == (False, None, baseline.directory)
        assert [rule["name"] for rule in before["rules"]] == ["rows", "finest-p", "clean", "shuffled"]
        answer = await client.post("/api/v1/refit", json={})
        assert answer.status == 202
        assert observer.refit.due(observer.clock())
        again = await client.post("/api/v1/refit", json={})
        assert (again.status, (await again.json())["title"]) == (409, "Under way")


async def test_a_refit_that_cannot_be_says_why(baseline):
    async with asked(drifted(baseline)) as client:
        answer = await client.post("/api/v1/refit", json={})
        assert answer.status == 409
        assert "nothing is learned but from stable traffic" in (await answer.json())["detail"]
        foreign = await client.post("/api/v1/refit", json={}, headers={"Origin": "http://evil.test"})
        assert foreign.status == 403
        assert (await client.post("/api/v1/refit", data="x")).status == 415
