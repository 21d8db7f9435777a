import math

import numpy as np
import pytest

from sidecar.console.exchange_view import brief, exchange, exchanges, features
from sidecar.exchange import Evidence
from sidecar.features import Field, Schema
from sidecar.observer.observer import Observer
from tests.console.admin import drifted
from tests.observer.talk import of_rows, record
from tests.observer.test_observer import Clock, settings


@pytest.fixture
def observer():
    observer = Observer(settings(), Clock())
    observer.take_in([record(i, verdict="outlier" if i % 10 == 0 else "normal") for i in range(100)])
    return observer


def test_a_list_is_cut_but_says_how_many_there_are(observer):
    found = exchanges(observer, 3)
    assert ([one["id"] for one in found["exchanges"]], found["kept"]) == (
        ["call-99", "call-98", "call-97"],
        100,
    )
    assert exchanges(observer, 100, "outlier")["kept"] == 10
    assert exchanges(observer, 100, since=1e12) == {"exchanges": [], "kept": 0}


def test_of_calls_with_one_id_the_newest_is_shown(observer):
    observer.take_in([record(200, id="call-7", status=500)])
    assert exchange(observer, "call-7")["status"] == 500
    assert exchange(observer, "call-8")["status"] == 200
    assert exchange(observer, "nobody") is None


def test_a_call_without_a_score_has_none():
    assert math.isnan(brief(record(0, p=math.nan))["score"])


def test_signs_of_an_attack_are_shown(observer):
    sign = Evidence("query-sequence", 14, 1_790_000_000.0, 2)
    observer.take_in([record(300, verdict="adversarial", evidence=(sign,))])
    (shown,) = exchange(observer, "call-300")["evidence"]
    assert (shown["sign"], shown["n"], shown["clients"]) == ("query-sequence", 14, 2)
    assert exchange(observer, "call-8")["evidence"] == []


def test_categories_are_shown_by_their_names():
    schema = Schema((Field("age", "number"), Field("job", "category", categories=("clerk", "nurse"))))
    rows = np.array([[30.0, 1.0], [math.nan, 2.0], [41.0, math.nan]])
    found = features(of_rows(0, rows, "abc"), schema)
    assert found[0] == {"age": 30.0, "job": "nurse"}
    assert math.isnan(found[1]["age"])
    assert found[1]["job"] == "(new category)"
    assert math.isnan(found[2]["job"])


def test_features_of_another_baseline_are_not_named_by_this_one(baseline):
    observer = drifted(baseline)
    observer.take_in([of_rows(5000, np.zeros((1, 3)), "older")])
    assert exchange(observer, "call-5000")["features"] is None
    assert len(exchange(observer, "call-1000")["features"]) == 3
