"""Which columns are dates, and which of their parts can be told from the reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sidecar.baseline.columns import dates

START = datetime(2024, 1, 1, 9, tzinfo=UTC)


def moments(count, step, shuffled=True):
    found = [START + step * i for i in range(count)]
    return [found[i] for i in np.random.default_rng(0).permutation(count)] if shuffled else found


def texts(found):
    return [moment.isoformat() for moment in found]


PARTS = [
    (moments(500, timedelta(hours=7)), ("age", "hour", "weekday")),
    (moments(500, timedelta(hours=7), shuffled=False), ("hour", "weekday")),
    (moments(100, timedelta(days=1)), ("age", "weekday")),
    (moments(100, timedelta(hours=1)), ("age", "hour")),
    (moments(100, timedelta(minutes=1)), ("age",)),
]


@pytest.mark.parametrize(("found", "parts"), PARTS)
def test_parts_are_those_that_the_reference_spans(found, parts):
    assert dates.of_texts("d", texts(found)).parts == parts


def test_rows_in_the_order_of_a_time_that_is_too_short_say_nothing():
    assert dates.of_texts("d", texts(moments(100, timedelta(minutes=1), shuffled=False))) is None


def test_the_frequent_hours_come_first():
    found = [START, START + timedelta(hours=2), START + timedelta(days=20, hours=2)]
    reading = dates.of_texts("d", texts([found[1], found[0], found[2]]))
    assert reading.hours == (11, 9)
    assert reading.newest == found[2].timestamp()
    assert reading.typical == pytest.approx(20.0)


@pytest.mark.parametrize("labels", [["abc", "def"], ["2024", "2023"], [None, ""], ["2024-01-01"] + ["x"] * 9])
def test_other_text_is_no_date(labels):
    assert dates.of_texts("d", labels) is None


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_numbers_are_dates_under_the_name_of_a_time(unit, scale):
    values = np.array([moment.timestamp() for moment in moments(500, timedelta(hours=7))]) * scale
    reading = dates.of_numbers("created_at", values)
    assert reading.unit == unit
    textual = dates.of_texts("d", texts(moments(500, timedelta(hours=7))))
    assert np.allclose(reading.read(values)[0], textual.read(_objects(values / scale))[0])
    assert dates.of_numbers("price", values) is None


def _objects(times):
    return np.array([datetime.fromtimestamp(time, UTC).isoformat() for time in times], dtype=object)


@pytest.mark.parametrize(
    "values", [[1.5e9, 1.5e9 + 0.5], [17.0, 18.0], [1e9, 1e12], [np.nan, np.nan], [np.inf, 1.7e9]]
)
def test_other_numbers_are_no_dates_whatever_their_name(values):
    assert dates.of_numbers("time", np.array(values)) is None
