"""Callers with the most signs come first, beside everybody together."""

from sidecar.console.callers_view import callers
from sidecar.exchange import Evidence
from sidecar.observer.observer import Observer
from tests.observer.talk import record
from tests.observer.test_observer import Clock, settings


def test_callers_with_signs_come_first():
    observer = Observer(settings(), Clock())
    sign = Evidence("query-sequence", 9, 1.0, 1)
    observer.take_in([record(i, client="busy") for i in range(20)])
    observer.take_in([record(30, client="walker", verdict="adversarial", evidence=(sign,))])
    found = callers(observer, 1)
    (first,) = found["callers"]
    assert (first["client"], first["in_sequences"], first["longest_sequence"]) == ("walker", 1, 9)
    assert first["near_share"] is None
    assert (found["known"], found["all"]["calls"], found["all"]["coverage"]) == (2, 21, 0.0)
