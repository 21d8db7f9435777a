"""Every fact of the table is worked out from a call, and absent where there is no score."""

import math

import pytest

from sidecar.exchange import Evidence
from sidecar.policy.facts import FACTS
from sidecar.policy.known import Absent, model_of
from tests.policy.told import facts, unscored


def attribute(name):
    return name.replace(".", "_")


@pytest.mark.parametrize(("name", "fact"), FACTS.items(), ids=FACTS)
def test_a_fact_is_of_the_type_that_the_table_says(name, fact):
    value = getattr(facts((1.0, 2.0)), attribute(name))
    kind = {"string": str, "double": float, "int": int, "list": tuple, "map": object}[
        fact.type.partition("(")[0]
    ]
    assert isinstance(value, kind)


@pytest.mark.parametrize(("name", "fact"), FACTS.items(), ids=FACTS)
def test_what_needs_a_score_is_absent_without_one(name, fact):
    told = unscored("not-json")
    if fact.absent:
        with pytest.raises(Absent):
            getattr(told, attribute(name))
    else:
        getattr(told, attribute(name))


def test_the_head_s_facts():
    told = facts()
    assert (told.method, told.path, told.host, told.client) == (
        "POST",
        "/v2/models/flight/infer",
        "m",
        "10.0.0.7",
    )
    assert told.headers["x-team"] == "red, blue"
    assert told.chain == ("intent", "slots")
    assert (told.drift_state, told.drift_subject) == ("feature-drift", "b")
    assert not told.scored


def test_a_drift_state_that_says_no_more():
    assert (facts(drift="stable").drift_state, facts(drift="stable").drift_subject) == ("stable", "")
    assert facts(drift="").drift_state == "unknown"
    assert facts(drift='skew; feature="a\\"b"').drift_subject == 'a\\"b'


def test_of_many_rows_the_worst_one_is_shown():
    told = facts((1.0, 2.0), (5.0, math.nan), (3.0, 9.0), row_p=(0.5, 0.001, math.nan), verdict="outlier")
    assert (told.rows, told.flagged, told.verdict) == (3, 1, "outlier")
    assert told.features["a"] == 5.0
    assert math.isnan(told.features["b"])
    assert (told.lowest["b"], told.highest["b"]) == (2.0, 9.0)
    assert set(told.features) == {"a", "b"}
    assert len(told.features) == 2


def test_rows_that_were_laid_out_but_not_scored_have_no_worst_one_yet_values():
    told = facts((1.0, 2.0), row_p=(math.nan,), verdict="unscored")
    assert told.features["a"] == 1.0
    with pytest.raises(Absent):
        _ = told.p


def test_the_model_is_the_path_s():
    for path, model in {
        "/v2/models/flight/infer": "flight",
        "/v2/models/a%20b/versions/3/infer": "a b",
        "/v1/models/half:predict": "half",
        "/proxy/v1/models/m/labels/stable:predict": "m",
        "/invocations": "",
        "/v2/models": "",
    }.items():
        assert model_of(path) == model


def test_a_sequence_of_questions():
    assert (facts((1.0, 2.0)).sequence_n, facts((1.0, 2.0)).sequence_seconds) == (0, 0.0)
    told = facts((1.0, 2.0), evidence=(Evidence("query-sequence", 14, 1_790_000_000.0, 2),))
    told.wall = lambda: 1_790_000_030.0
    assert (told.sequence_n, told.sequence_seconds, told.sequence_clients) == (14, 30.0, 2)


def test_what_was_worked_out_stays():
    told = facts((1.0, 2.0))
    assert told.features is told.features
    assert told.headers is told.asked.headers
