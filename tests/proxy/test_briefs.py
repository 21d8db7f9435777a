"""What is told in brief when calls come too fast, what never is, and that nothing is lost by it."""

import json

import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.exchange import NUMBERS, Payload, Record, Tensor
from sidecar.features import lay_out
from sidecar.proxy.briefs import ROUTES
from tests.proxy.dialogue import GET, OK, http, sidecar


@pytest.fixture
def none_whole(monkeypatch):
    """As if calls came so fast that no plain one is told whole."""
    monkeypatch.setattr("sidecar.proxy.briefs.WHOLE", 0)


def predict(rows, model="m", *more):
    body = json.dumps({"instances": rows}).encode()
    head = (f"POST /v1/models/{model}:predict HTTP/1.1", "Host: m", f"Content-Length: {len(body)}", *more)
    return http(*head, "Content-Type: application/json", body=body)


def answer(*more, status="200 OK"):
    body = b'{"predictions": [1.0]}'
    head = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *more)
    return http(*head, body=body)


async def told(stage, calls):
    """What was told of so many calls: records, and calls in brief."""

    def all_told():
        stage.plane.teller.flush()
        return len(stage.observer.records) + sum(one.calls for one in brief(stage)) >= calls

    await stage.until(all_told, f"{calls} calls to be told")
    return stage.observer.records, brief(stage)


def brief(stage):
    return [one for batch in stage.observer.batches for one in batch.alike]


ROWS = np.random.default_rng(3).normal(50, 5, (12, 3)).tolist()


async def test_calls_in_brief_say_the_same_in_numbers(none_whole, numbers):
    async with sidecar(baseline=numbers, threshold=1e-9) as stage:
        for i in range(0, 12, 2):
            await stage.call(predict(ROWS[i : i + 2]), answer())
        records, alike = await told(stage, 6)
    assert records == []
    facts = np.concatenate([np.frombuffer(one.numbers).reshape(-1, NUMBERS) for one in alike])
    features = np.concatenate([np.frombuffer(one.features).reshape(-1, 3) for one in alike])
    np.testing.assert_array_equal(features, ROWS)
    ended, forwarded, first_byte, scored, asked, answered, p = facts.T
    assert (np.diff(np.stack([0 * ended, forwarded, first_byte, ended]), axis=0) > 0).all()
    assert (scored > 0).all()
    pairs = [ROWS[i : i + 2] for i in range(0, 12, 2)]
    assert asked.tolist() == [len(predict(pair).partition(b"\r\n\r\n")[2]) for pair in pairs]
    assert answered.tolist() == [22.0] * 6
    np.testing.assert_allclose(p, [p_of(numbers, pair) for pair in pairs])
    assert sum(one.rows for one in alike) == 12
    assert {client for one in alike for client in one.clients} == {"127.0.0.1"}
    assert np.sum([one.clients["127.0.0.1"] for one in alike], axis=0).tolist() == [6, 12]
    first: Record = alike[0].record
    assert (first.model, first.status, first.verdict, first.rows) == ("m", 200, "normal", 2)
    assert (first.request_body, first.response_body) == (b"", b"")


def p_of(numbers, rows):
    features = lay_out(Payload("v1", (Tensor("x", np.array(rows)),)), numbers.schema)
    return numbers.score(features, 1e-9).p


async def test_calls_that_no_codec_knows_are_told_in_brief_too(none_whole):
    async with sidecar() as stage:
        await stage.calls(5)
        records, alike = await told(stage, 5)
    assert records == []
    assert {one.record.reason for one in alike} == {"unknown-format"}
    assert all(one.features == b"" and one.rows == 0 for one in alike)


async def test_unlike_calls_are_told_apart(none_whole, numbers):
    requests = [
        (predict(ROWS[:1]), answer()),
        (predict(ROWS[:1], "n"), answer()),
        (predict(ROWS[:1]), answer("X-Model-Version: 7")),
        (predict(ROWS[:1]), answer(status="201 Created")),
        (predict(ROWS[:1], "m", "baggage: sidecar.chain=a"), answer()),
        (predict([[50.0, 50.0]]), answer()),
    ]
    async with sidecar(baseline=numbers, threshold=1e-9, learn_rows=0) as stage:
        for request, answered in requests:
            await stage.call(request, answered)
        _, alike = await told(stage, 6)
        assert [one.calls for one in alike] == [1] * 6


async def test_what_somebody_may_ask_about_is_told_whole(none_whole, numbers):
    outlier = predict([[500.0, -500.0, 500.0]])
    async with sidecar(baseline=numbers) as stage:
        await stage.call(outlier, answer())
        await stage.call(predict(ROWS[:1]), answer(status="404 Not Found"))
        caller, model = await stage.begin(predict(ROWS[:1]))
        model.close()
        await caller.problem("upstream-closed")
        v2 = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 3], "data": ROWS[0]}]}
        body = json.dumps(v2).encode()
        head = ("POST /v2/models/m/infer HTTP/1.1", "Host: m", f"Content-Length: {len(body)}")
        await stage.call(http(*head, "Content-Type: application/json", body=body), OK)
        records, alike = await told(stage, 4)
    assert alike == []
    assert [(one.verdict, one.status, one.failure) for one in records][:2] == [
        ("outlier", 200, ""),
        ("normal", 404, ""),
    ]
    assert records[2].failure == "upstream-closed"
    assert records[3].codec == "v2"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"capture": "/nowhere", "capture_rate": 1.0}, id="captured"),
        pytest.param({"access_log": "/nowhere/access.log"}, id="logged"),
    ],
)
async def test_whoever_wants_every_call_gets_every_call(none_whole, settings):
    async with sidecar(**settings) as stage:
        await stage.calls(3)
        records, alike = await told(stage, 3)
    assert (len(records), alike) == (3, [])


async def test_a_slow_call_is_told_whole(monkeypatch, none_whole):
    monkeypatch.setattr("sidecar.tracing.slow.SETTLED", 1)
    monkeypatch.setattr("sidecar.tracing.slow.SLOW", 1e-9)
    async with sidecar() as stage:
        await stage.calls(3)
        records, alike = await told(stage, 3)
    assert (len(records), sum(one.calls for one in alike)) == (2, 1), "of the first nobody knows"


async def test_at_first_and_at_ordinary_rates_every_call_is_told_whole():
    async with sidecar() as stage:
        await stage.calls(300)
        records, alike = await told(stage, 300)
    assert (len(records), alike) == (300, [])


async def test_a_busy_route_takes_nothing_from_a_quiet_one(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.briefs.WHOLE", 1)
    async with sidecar() as stage:
        model = await stage.calls(60)
        await stage.calls(1, model, http("GET /quiet HTTP/1.1", "Host: m"))
        records, _ = await told(stage, 61)
    assert sum(record.target == "/" for record in records) < 30
    assert sum(record.target == "/quiet" for record in records) == 1


async def test_targets_beyond_count_share_a_ration(monkeypatch):
    monkeypatch.setattr("sidecar.proxy.briefs.WHOLE", 1)
    async with sidecar() as stage:
        model = None
        for i in range(ROUTES + 60):
            model = await stage.calls(1, model, http(f"GET /{i} HTTP/1.1", "Host: m"))
        records, alike = await told(stage, ROUTES + 60)
    assert len(records) < ROUTES + 30
    assert sum(one.calls for one in alike) == ROUTES + 60 - len(records)


async def test_kinds_beyond_count_are_told_whole(monkeypatch, none_whole):
    monkeypatch.setattr("sidecar.proxy.briefs.GROUPS", 2)
    async with sidecar() as stage:
        stage.plane.teller.flush()
        model = None
        for i in range(5):
            model = await stage.calls(1, model, http(f"GET /{i} HTTP/1.1", "Host: m"))
        records, alike = await told(stage, 5)
    assert len(records) + sum(one.calls for one in alike) == 5
    assert all(len(batch.alike) <= 2 for batch in stage.observer.batches)


async def test_nothing_secret_leaves_in_brief(none_whole, tmp_path):
    X = np.random.default_rng(0).normal(50, 9, (500, 2))
    np.savez(tmp_path / "rows.npz", X=X, columns=["amount", "pin"])
    baseline = fit(tmp_path / "rows.npz", tmp_path / "baseline", ["ecod"]).baseline
    rows = [[4111111111111111.0, 50.0]]
    settings = {"redact": "card,column:pin,named", "threshold": 1e-9}
    async with sidecar(baseline_directory=baseline.directory, **settings) as stage:
        await stage.call(predict(rows, "m?token=abcdefghijklmnopqrstuvwxyz123456"), answer())
        records, alike = await told(stage, 1)
    assert records == []
    assert np.isnan(np.frombuffer(alike[0].features)).all()
    assert "abcdefghijklmnopqrstuvwxyz" not in alike[0].record.target


async def test_what_cannot_be_told_is_counted_in_calls(none_whole):
    async with sidecar(queue_bytes=400) as stage:
        await stage.calls(40)
        stage.plane.teller.flush()
        counters = stage.plane.counters()
        heard = len(stage.observer.records) + sum(one.calls for one in brief(stage))
        assert counters.records_dropped > 0
        assert counters.records_dropped + heard <= 40


async def test_a_fault_in_brevity_fails_no_call(none_whole, monkeypatch):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("sidecar.proxy.briefs._pack", broken)
    async with sidecar(errors=1) as stage:
        _, response = await stage.call(GET, OK)
        assert response.status == 200
        records, alike = await told(stage, 1)
    assert (len(records), alike) == (1, [])
