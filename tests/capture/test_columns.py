"""The table of columns: what it promises is in every row, whatever a caller sent."""

import math

from sidecar.capture.columns import COLUMNS, Row
from tests.capture.kept import CAPTURED, LAYOUT, call


def row(**changes):
    record = call(1, **changes)
    assert record.captured is not None
    return Row(record, record.captured, LAYOUT, "stable", "model", "pod-1")


def test_fields_that_stand_twice_are_joined():
    assert COLUMNS["response_headers"].of(row()) == [("content-type", "application/json"), ("vary", "a, b")]


def test_what_is_unknown_is_null():
    unscored = row(p=math.nan, forwarded_ns=0)
    assert [COLUMNS[name].of(unscored) for name in ("p", "score", "forwarded_seconds")] == [None] * 3
    assert COLUMNS["row_p"].of(unscored) == [0.4, None]
    assert COLUMNS["evidence"].of(unscored) is None


def test_text_is_unicode_whatever_came():
    assert COLUMNS["target"].of(row(target="/\udcff")) == "/?"


def test_every_column_has_a_meaning_that_is_a_sentence():
    for name, column in COLUMNS.items():
        assert name.isidentifier()
        assert column.meaning.endswith(".")
    assert CAPTURED.request_body == COLUMNS["request_body"].of(row())
