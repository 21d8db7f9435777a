from collections import Counter
from itertools import pairwise

import pytest
from scipy import stats

from sidecar.observer.answers import DECODED, LEAST, SAVED_SECONDS, SHARE, Ration, read
from tests.observer.talk import record

TENSOR = b'{"name": "p", "shape": [2, 1], "datatype": "FP64", "data": [0.5, 0.25]}'
V2 = b'{"model_name": "m", "outputs": [' + TENSOR + b"]}"


def test_answers_are_read_by_the_codec_of_their_request():
    left_out = Counter()
    found = read(
        [
            record(0, rows=2, response_body=b'{"predictions": [[1.5, 2.5], [3.5, 4.5]]}'),
            record(1, codec="v2", target="/v2/models/m/infer", response_body=V2),
        ],
        left_out,
    )
    values = [{name: column.tolist() for name, column in columns.items()} for columns in found]
    assert [list(columns.values()) for columns in values] == [[[1.5, 3.5], [2.5, 4.5]], [[0.5, 0.25]]]
    assert not left_out


@pytest.mark.parametrize("body", [b"{", b'{"error": "no"}', b"\x00\xff", b"[]"])
def test_what_cannot_be_read_is_counted(body):
    left_out = Counter()
    assert read([record(0, response_body=body)], left_out) == []
    assert left_out == {"output-undecodable": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 500},
        {"failure": "response-truncated"},
        {"codec": ""},
        {"response_body": b"", "response_bytes": 0},
    ],
)
def test_what_is_no_answer_of_the_model_is_not_looked_at(changes):
    left_out = Counter()
    assert read([record(0, **changes)], left_out) == []
    assert not left_out


def test_an_answer_that_the_data_plane_did_not_send_along_is_counted():
    left_out = Counter()
    assert read([record(0, response_body=b"")], left_out) == []
    assert left_out == {"output-untold": 1}


@pytest.mark.parametrize("calls", [DECODED, DECODED + 1, 10 * DECODED])
def test_of_many_answers_some_are_read_evenly_and_the_others_counted(calls):
    left_out = Counter()
    records = [record(i, response_body=b'{"predictions": [%d]}' % i) for i in range(calls)]
    found = [int(next(iter(columns.values()))[0]) for columns in read(records, left_out)]
    assert len(found) == DECODED
    assert left_out["output-ration"] == calls - DECODED
    steps = {b - a for a, b in pairwise(found)}
    assert max(steps) - min(steps) <= 1


def test_every_answer_has_the_same_chance_to_be_read():
    times = Counter()
    records = [record(i, response_body=b'{"predictions": [%d]}' % i) for i in range(20)]
    for _ in range(1000):
        times.update(int(next(iter(found.values()))[0]) for found in read(records, Counter(), most=3))
    assert stats.chisquare([times[i] for i in range(20)]).pvalue > 1e-4


def test_the_ration_follows_the_time_that_reading_takes():
    now = 0.0
    ration = Ration(lambda: now)
    found = []
    for seconds in (1e-6, 1e-4, 1.0, 1e-6):
        found.append(0)
        for _ in range(400):
            now += 0.1
            most = ration.most(flows=1)
            ration.update(most, most * seconds)
            found[-1] += most
    cheap, dear, dearest, cheap_again = found
    assert cheap == 400 * DECODED
    assert dear * 1e-4 == pytest.approx(SHARE * 40.0, rel=0.2)
    assert dearest == pytest.approx(400 * LEAST, rel=0.02)
    assert cheap_again > 300 * DECODED


def test_flows_share_the_ration():
    ration = Ration(lambda: 0.0)
    ration.update(1000, 1e-4 * 1000)
    assert ration.most(flows=1) == LEAST
    fresh = Ration(lambda: 0.0)
    assert fresh.most(flows=100) * 100 <= SHARE * SAVED_SECONDS / 20e-6
