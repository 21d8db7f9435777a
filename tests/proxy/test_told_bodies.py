"""Which calls bring their bodies to the observer: flagged ones that may hold a category nobody knew, and of
many answers a sample."""

import json
from collections import Counter

import numpy as np
import pytest

from sidecar.baseline.fit import fit
from sidecar.observer.answers import read
from sidecar.observer.newcomers import new_categories
from tests.proxy.dialogue import OK, http, sidecar


def orders(rows, seed=0):
    """Orders from two countries, as a table."""
    random = np.random.default_rng(seed)
    countries = random.choice(["de", "fr"], size=rows, p=(0.9, 0.1))
    amounts = random.normal(50, 9, rows).tolist()
    return [{"amount": a, "country": c} for a, c in zip(amounts, countries.tolist(), strict=True)]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orders")
    (folder / "orders.jsonl").write_text("\n".join(map(json.dumps, orders(500))))
    return fit(folder / "orders.jsonl", folder / "baseline", ["ecod"]).baseline


def invocation(*rows, pad=0):
    body = json.dumps({"dataframe_records": rows}).encode().ljust(pad)
    head = ("POST /invocations HTTP/1.1", "Host: m", f"Content-Length: {len(body)}")
    return http(*head, "Content-Type: application/json", body=body), body


async def told(baseline, *rows, pad=0, **settings):
    request, body = invocation(*rows, pad=pad)
    # Without close-ups (`pair_rows`), for which any call may bring its body.
    async with sidecar(baseline=baseline, pair_rows=0, **settings) as stage:
        await stage.call(request, OK)
        (record,) = await stage.records()
        return record, body


ODD = {"amount": 500.0, "country": "XX"}


async def test_a_flagged_call_brings_its_body_and_so_the_name_of_a_new_category(baseline):
    record, body = await told(baseline, *orders(3), ODD)
    assert record.flagged == (3,)
    assert record.request_body == body
    assert new_categories(record, 3, baseline.schema) == {"country": "XX"}
    assert new_categories(record, 0, baseline.schema) == {}


async def test_a_normal_call_does_not(baseline):
    record, _ = await told(baseline, {"amount": 50.0, "country": "de"})
    assert (record.verdict, record.request_body) == ("normal", b"")


async def test_nor_does_one_of_numbers_only(numbers):
    record, _ = await told(numbers, {"a": 500.0, "b": -500.0, "c": 500.0})
    assert (record.verdict, record.request_body) == ("outlier", b"")


async def test_nor_does_a_long_one(baseline):
    record, _ = await told(baseline, ODD, pad=3000, kept_body_bytes=2000)
    assert (record.verdict, record.request_body) == ("outlier", b"")
    assert new_categories(record, 0, baseline.schema) == {}


# -- answers ---------------------------------------------------------------------------------------

MANY = 60


def predict(path, rows):
    body = json.dumps({"instances": rows}).encode()
    head = (f"POST {path} HTTP/1.1", "Host: m", f"Content-Length: {len(body)}")
    return http(*head, "Content-Type: application/json", body=body)


def answer(body):
    return http(
        "HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", body=body
    )


@pytest.fixture
def few(monkeypatch):
    """Of two routes two answers each may be told at once, and hardly more later."""
    monkeypatch.setattr("sidecar.proxy.told_bodies.ANSWERS", 2)
    monkeypatch.setattr("sidecar.proxy.told_bodies.ANSWERS_SAVED_SECONDS", 1.0)
    monkeypatch.setattr("sidecar.proxy.told_bodies.ROUTES", 2)


async def answers_told(baseline, requests, answered):
    """The records of calls that came faster than the observer would read their answers."""
    async with sidecar(baseline=baseline, pair_rows=0, learn_rows=0, threshold=1e-9) as stage:
        for request in requests:
            await stage.call(request, answered)
        return await stage.records(len(requests))


async def test_of_many_answers_a_sample_is_told(numbers, few):
    said = answer(b'{"predictions": [1.0]}')
    records = await answers_told(numbers, [predict("/v1/models/m:predict", [[50, 50, 50]])] * MANY, said)
    told = [record for record in records if record.response_body]
    assert 2 <= len(told) < MANY / 2
    assert all(record.response_body == b'{"predictions": [1.0]}' for record in told)
    assert all(record.response_bytes == 22 and record.features for record in records)
    left_out = Counter()
    assert len(read(records, left_out)) == len(told)
    assert left_out["output-untold"] == MANY - len(told)


async def test_a_busy_route_takes_nothing_from_a_quiet_one(numbers, few):
    busy, quiet = (predict(f"/v1/models/{name}:predict", [[50, 50, 50]]) for name in ("busy", "quiet"))
    records = await answers_told(numbers, [busy] * MANY + [quiet], answer(b'{"predictions": [1.0]}'))
    assert records[-1].response_body == b'{"predictions": [1.0]}'


async def test_targets_beyond_count_share_one_sample(numbers, few):
    requests = [predict(f"/v1/models/m{i}:predict", [[50, 50, 50]]) for i in range(MANY)]
    records = await answers_told(numbers, requests, answer(b'{"predictions": [1.0]}'))
    assert all(record.response_body for record in records[:4])
    assert sum(bool(record.response_body) for record in records) < MANY / 2


async def test_answers_that_say_more_than_their_rows_are_all_told(numbers, few):
    body = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 3], "data": [50, 50, 50]}]}
    asked = json.dumps(body).encode()
    head = ("POST /v2/models/m/infer HTTP/1.1", "Host: m", f"Content-Length: {len(asked)}")
    request = http(*head, "Content-Type: application/json", body=asked)
    said = (
        b'{"model_name": "m", "model_version": "7", "outputs": '
        b'[{"name": "y", "datatype": "FP64", "shape": [1], "data": [1.0]}]}'
    )
    records = await answers_told(numbers, [request] * MANY, answer(said))
    assert all(record.response_body == said for record in records)


async def test_the_answers_to_flagged_questions_are_all_told(numbers, few):
    asked = [predict("/v1/models/m:predict", [[50, 50, 50]])] * MANY
    asked += [predict("/v1/models/m:predict", [[500, -500, 500]])] * 3
    async with sidecar(baseline=numbers, pair_rows=0) as stage:
        for request in asked:
            await stage.call(request, answer(b'{"predictions": [1.0]}'))
        records = await stage.records(len(asked))
    assert [bool(record.response_body) for record in records[-3:]] == [True] * 3
