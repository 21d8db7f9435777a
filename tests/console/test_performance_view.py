import json

import msgspec
import pytest

from sidecar.console.performance_view import performance
from sidecar.observer.observer import Observer
from tests.console.admin import asked
from tests.observer.test_observer import Clock, settings
from tests.observer.truth.test_truth import answer, push

PATH = "/api/v1/labels"


@pytest.fixture
def observer():
    observer = Observer(settings(window_rows=100), Clock())
    answer(observer, 0, 80)
    return observer


async def post(client, body, type_="application/json", path=PATH, status=200):
    async with client.post(path, data=body, headers={"Content-Type": type_}) as response:
        assert response.status == status, await response.text()
        return await response.json(content_type=None)


async def test_labels_go_in_and_performance_comes_out(observer):
    async with asked(observer) as client:
        lines = [json.dumps({"id": f"call-{i}", "label": i + 0.5}) for i in range(70)]
        told = await post(client, "\n".join([*lines, '{"id": "call-3", "label": 9}']), "application/x-ndjson")
        assert told["outcomes"] == {"joined": 70, "contradictory": 1}
        assert told["problems"] == [{"id": "call-3", "row": 0, "label": 9.0, "outcome": "contradictory"}]
        assert (told["received"], told["empty"]) == (71, 0)
        told = await post(
            client, "request,y\ncall-70,\ncall-71,71.5\n", "text/csv", f"{PATH}?id=request&label=y"
        )
        assert (told["received"], told["empty"], told["outcomes"]) == (1, 1, {"joined": 1})
        async with client.get("/api/v1/performance") as response:
            (flow,) = (await response.json())["flows"]
    assert flow["prediction"] == {"kind": "regression", "classes": [], "output": "predictions", "scores": []}
    assert flow["window"]["rows"] == 71
    assert flow["reference"] == {"compared_with": None, "note": "", "rows": None, "realised": {}}
    assert flow["window"]["realised"]["mae"]["value"] == pytest.approx(0.5)
    assert flow["label_delay_seconds"]["median"] >= 0


@pytest.mark.parametrize(
    ("body", "type_", "path", "status", "word"),
    [
        ("[", "application/json", PATH, 400, "not JSON"),
        ("id,label\na\n", "text/csv", PATH, 400, "line 2"),
        ("{}", "text/plain", PATH, 415, "application/x-ndjson"),
        ("{}", "application/json", f"{PATH}?lable=x", 400, "did you mean label?"),
    ],
)
async def test_a_wrong_upload_is_told_what_is_wrong_and_nothing_is_taken(
    observer, body, type_, path, status, word
):
    async with asked(observer) as client:
        assert word in (await post(client, body, type_, path, status))["detail"]
    assert not observer.truth.ledger.counts


async def test_a_body_that_is_too_long_is_refused(observer, monkeypatch):
    monkeypatch.setattr("sidecar.console.writing.BODY_BYTES", 1000)
    async with asked(observer) as client:
        assert "send it in parts" in (await post(client, "[" + " " * 2000, status=413))["detail"]


async def test_labels_are_only_written(observer):
    async with asked(observer) as client, client.get(PATH) as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


def test_without_labels_it_says_so(observer):
    view = performance(observer)
    assert [flow["note"] for flow in view["flows"]] == ["no labels yet"]
    assert (view["calls_kept"], view["labels_waiting"]) == (80, 0)


def test_it_is_plain_values(observer):
    push(observer, [f"call-{i}" for i in range(80)])
    view = msgspec.json.decode(msgspec.json.encode(performance(observer)))
    assert set(view["flows"][0]["window"]["realised"]) == {"mae", "rmse"}
