"""Calls go at once, or when their origin is told, or when they have waited long enough."""

from sidecar.tracing import held as module
from sidecar.tracing.held import Held
from tests.tracing.records import NORMAL


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_call_that_need_not_wait_goes_at_once():
    assert Held(lambda record: False).update([NORMAL]) == [NORMAL]


def test_one_goes_as_soon_as_its_origin_is_told():
    waiting = {NORMAL.id}
    held = Held(lambda record: record.id in waiting)
    assert held.update([NORMAL]) == []
    assert held.due() == []
    waiting.clear()
    assert held.due() == [NORMAL]
    assert held.due() == []


def test_or_when_it_has_waited_long_enough_or_at_the_end():
    clock = Clock()
    held = Held(lambda record: True, clock)
    held.update([NORMAL])
    clock.now = module.SECONDS + 0.1
    assert held.update([NORMAL]) == [NORMAL]
    assert held.all() == [NORMAL]
    assert held.all() == []


def test_too_many_are_not_held(monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    assert len(Held(lambda record: True).update([NORMAL] * 5)) == 3
