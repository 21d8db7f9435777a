"""Dates: their age, hour and weekday; the reference's end, today and the future; what is no date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sidecar.features.dates import DateReading, hour_of, iso, seconds, weekday_of

NEWEST = datetime(2024, 5, 1, tzinfo=UTC).timestamp()
READING = DateReading("d", ("age", "hour", "weekday"), NEWEST, 33.0, "", (9, 10), (0, 1, 6))


def read(*cells, reading=READING):
    return reading.read(np.array(cells, dtype=object))


def test_fields_are_called_after_the_column():
    assert READING.fields == ("d age", "d hour", "d weekday")


def test_age_counts_back_from_the_end_of_the_reference():
    values, bad = read("2024-04-30", "2024-04-29T12:00", "1970-01-01")
    assert values[:, 0].tolist() == [1.0, 1.5, NEWEST / 86_400]
    assert bad == {}


def test_news_have_the_median_age_and_the_future_a_negative_one():
    now = datetime.now(UTC)
    values, _ = read(*((now + timedelta(days=days)).isoformat() for days in (-1, 0, 0.5, 2, 400)))
    assert values[:3, 0].tolist() == [33.0] * 3
    assert (values[3:, 0] < -100).all()


def test_an_hour_or_weekday_the_reference_never_had_comes_after_the_last():
    values, _ = read("2024-04-29T09:30", "2024-04-28T10:00", "2024-04-30T03:00", "2024-05-01T09:00")
    assert values[:, 1].tolist() == [0.0, 1.0, 2.0, 0.0]
    assert values[:, 2].tolist() == [0.0, 2.0, 1.0, 3.0]


def test_missing_is_missing_and_what_is_no_date_is_said():
    values, bad = read("", None, float("nan"), "soon", "2024-13-01", "20240101", 7, True)
    assert np.isnan(values).all()
    assert bad == dict.fromkeys(range(3, 8), "not-a-date")


@pytest.mark.parametrize(("unit", "number"), [("s", 1.7e9), ("ms", 1.7e12), ("us", 1.7e15), ("ns", 1.7e18)])
@pytest.mark.parametrize("kind", ["f8", "i8", object, "text"])
def test_epoch_numbers_of_every_unit_and_type(unit, number, kind):
    column = np.array([str(int(number))], dtype=object) if kind == "text" else np.array([int(number)], kind)
    assert seconds(column, unit)[0].tolist() == [1.7e9]


def test_an_epoch_number_beyond_all_years_is_no_date():
    assert seconds(np.array([1e18, np.inf, 1.7e9]), "s")[1] == {0: "not-a-date", 1: "not-a-date"}
    assert seconds(np.array([10**30, "x", None], dtype=object), "s")[1] == {0: "not-a-date", 1: "not-a-date"}


def test_iso_as_the_standard_library_reads_it():
    for text in ("2024-02-29", "2024-02-29T23:59:59.5Z", "2024-02-29 23:59+05:30", " 2024-02-29 "):
        expected = datetime.fromisoformat(text.strip())
        expected = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
        assert iso(text) == expected.timestamp()


def test_hours_and_weekdays_are_those_of_the_calendar():
    moments = [datetime(1960, 1, 1, tzinfo=UTC) + timedelta(hours=997 * i) for i in range(1000)]
    times = np.array([moment.timestamp() for moment in moments])
    assert hour_of(times).tolist() == [moment.hour for moment in moments]
    assert weekday_of(times).tolist() == [moment.weekday() for moment in moments]
