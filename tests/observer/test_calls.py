import math

import numpy as np

from sidecar.observer.calls import BOUNDS, FIELDS, STATUSES, matrix
from sidecar.scoring.bins import Bins
from tests.observer.talk import record

STREAMED = {"first_token_seconds", "token_seconds"}
COLUMNS = [field.name for field in FIELDS]


def row(**changes):
    return dict(zip(COLUMNS, matrix([record(0, **changes)])[0].tolist(), strict=True))


def test_durations_are_seconds_and_sizes_bytes():
    found = row(forwarded_ns=200_000, first_byte_ns=5_200_000, ended_ns=5_300_000, scored_ns=80_000)
    assert found["duration_seconds"] == 0.0053
    assert found["upstream_seconds"] == 0.005
    assert math.isclose(found["added_seconds"], 0.00028)
    assert found["scoring_seconds"] == 0.00008
    assert (found["request_bytes"], found["response_bytes"]) == (120, 24)
    assert found["score"] == 0.6


def test_the_body_of_a_long_answer_is_not_the_sidecars_doing():
    found = row(forwarded_ns=200_000, first_byte_ns=5_000_000, ended_ns=9_000_000_000, scored_ns=80_000)
    assert math.isclose(found["added_seconds"], 0.00028)


def test_a_wait_shorter_than_scoring_counts_as_it_was():
    found = row(forwarded_ns=200_000, first_byte_ns=5_000_000, ended_ns=5_010_000, scored_ns=80_000)
    assert math.isclose(found["added_seconds"], 0.00021)


def test_what_never_came_to_pass_is_missing():
    found = row(forwarded_ns=0, first_byte_ns=0, ended_ns=2_000, scored_ns=0, p=math.nan, status=502)
    missing = {name for name, value in found.items() if math.isnan(value)}
    assert missing == {"upstream_seconds", "added_seconds", "scoring_seconds", "score", *STREAMED}


def test_an_answer_in_events_has_a_first_token_and_a_pace():
    found = row(first_event_ns=300_000_000, events=11, ended_ns=1_300_000_000)
    assert (found["first_token_seconds"], found["token_seconds"]) == (0.3, 0.1)
    alone = row(first_event_ns=300_000_000, events=1, ended_ns=1_300_000_000)
    assert alone["first_token_seconds"] == 0.3
    assert math.isnan(alone["token_seconds"])
    assert {name for name, value in row().items() if math.isnan(value)} == STREAMED


def test_statuses_are_told_apart_and_strange_ones_share_a_bin():
    calls = [record(i, status=status) for i, status in enumerate((*STATUSES, 0, 299, 599, 12345))]
    bins = Bins(FIELDS)
    counted = bins.counts(matrix(calls))[bins.slices[-1]]
    assert counted.tolist() == [1] * len(STATUSES) + [4, 0]
    assert FIELDS[-1].labels[:2] == ("200", "201")


def test_every_measure_has_rising_bounds():
    for bounds in BOUNDS.values():
        assert all(np.diff(bounds) > 0)
