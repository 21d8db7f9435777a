import numpy as np

from sidecar.observer.briefs import together
from tests.observer.talk import alike, record


def test_calls_that_are_alike_become_one_piece_in_their_order():
    first, second, other = (
        alike(record(0, request_bytes=1), record(1, request_bytes=2, client="10.1.2.4", rows=3)),
        alike(record(2, request_bytes=3)),
        alike(record(3, status=201)),
    )
    both, alone = together([first, other, second])
    assert alone is other
    assert np.frombuffer(both.numbers).reshape(-1, 7)[:, 4].tolist() == [1.0, 2.0, 3.0]
    assert (both.calls, both.rows, both.sampled) == (3, 5, 0)
    assert both.clients == {"10.1.2.3": (2, 2), "10.1.2.4": (1, 3)}
    assert both.features == first.features + second.features


def test_unlike_calls_stay_apart():
    told = [
        alike(record(0)),
        alike(record(0, version="2")),
        alike(record(0, model="other")),
        alike(record(0, verdict="unscored", reason="busy")),
        alike(record(0, baseline="new")),
        alike(record(0, target="/v1/models/b:predict")),
    ]
    assert together(told) == told
