"""Which calls bring their body to the observer: flagged ones that may hold a category nobody knew."""

import json

import numpy as np
import pytest

from sidecar.baseline.fit import fit
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


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("amounts")
    X = np.random.default_rng(0).normal(50, 9, (500, 3))
    np.savez(folder / "amounts.npz", X=X, columns=["a", "b", "c"])
    return fit(folder / "amounts.npz", folder / "baseline", ["ecod"]).baseline


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
