"""The latest traced call of each bucket."""

import msgspec

from sidecar.observer.calls import SECONDS
from sidecar.observer.exemplars import Exemplars
from tests.observer.talk import record


def call(number, seconds, sampled=True):
    plain = record(number, ended_ns=int(seconds * 1e9))
    return msgspec.structs.replace(plain, span=msgspec.structs.replace(plain.span, sampled=sampled))


def test_each_bucket_has_its_latest_sampled_call():
    found = Exemplars()
    found.update([call(0, 0.003), call(1, 0.004), call(2, 0.0045, sampled=False), call(3, 99.0)])
    assert {number: one.seconds for number, one in found.latest.items()} == {0: 0.004, len(SECONDS): 99.0}
    first = found.latest[0]
    assert (first.trace, first.span) == (record(1).span.trace, record(1).span.server)
    assert first.ended == record(1).started_ns / 1e9 + 0.004


def test_a_bound_belongs_to_its_bucket():
    found = Exemplars()
    found.update([call(0, SECONDS[3])])
    assert list(found.latest) == [3]
