"""A question that was an answer: found whatever comes first, bounded, and never guessed."""

import pytest

from sidecar.cascade.pairs import Lineage as Told
from sidecar.cascade.pairs import Made
from sidecar.exchange import SpanIds
from sidecar.observer import lineage as module
from sidecar.observer.digests import digest
from sidecar.observer.lineage import Lineage, Origin
from tests.observer.talk import record

ROW, OTHER = (0.123456, 7.654321, 1.23456), (9.87654, 3.14159, 2.71828)
DIGEST = digest(ROW)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Ours:
    """A lineage with what it found."""

    def __init__(self):
        self.clock = Clock()
        self.found = []
        self.lineage = Lineage(lambda record, origin: self.found.append((record.id, origin)), self.clock)
        self.lineage.listening = True

    def asked(self, number, row=ROW):
        call = record(number, span=SpanIds("1" * 32, f"{number:016x}", "3" * 16), features=b"x" * 80)
        self.lineage.update(call, [row], [])
        return call

    def hears(self, *made, peer="a", service="speech", **facts):
        self.lineage.heard(peer, Told(service, 7, made, **facts))


def made(number=0, one=DIGEST, **facts):
    return Made(one, "a" * 32, f"{number:016x}", **facts)


def test_the_origin_is_found_whichever_is_heard_first():
    ours = Ours()
    first = ours.asked(0)
    assert ours.lineage.waits(first)
    ours.hears(made(5, odd=True))
    origin = Origin("speech", "a" * 32, f"{5:016x}", True)
    assert ours.found == [("call-0", origin)]
    assert ours.lineage.origin(first) == origin
    assert not ours.lineage.waits(first)
    second = ours.asked(1)
    assert ours.found[1:] == [("call-1", origin)]
    assert ours.lineage.origin(second) == origin
    assert ours.lineage.after("a") == 7


def test_another_answer_is_no_origin():
    ours = Ours()
    ours.hears(made(one=digest(OTHER)))
    assert ours.lineage.origin(ours.asked(0)) is None


def test_an_answer_of_two_models_is_nobodys():
    ours = Ours()
    ours.hears(made(1))
    ours.hears(made(2), peer="b", service="intent")
    ours.asked(0)
    assert ours.found == []


def test_an_answer_that_a_model_always_gives_is_nobodys():
    ours = Ours()
    ours.hears(*(made(i) for i in range(module.COMMON)))
    ours.asked(0)
    assert ours.found == []
    ours.hears(made(1, digest(OTHER)), made(1, digest(OTHER)), made(1, digest(OTHER)))
    ours.asked(1, OTHER)
    assert len(ours.found) == 1, "told again of the same call, it is still one"


def test_a_call_is_waited_for_only_so_long():
    ours = Ours()
    ours.asked(0)
    ours.clock.now += module.WAITING_SECONDS + 1
    ours.hears()
    ours.hears(made())
    assert ours.found == []


def test_our_own_answers_are_offered_once_each_and_for_a_while():
    ours = Ours()
    ours.lineage.update(record(0), [], [ROW, (0.0,) * 9])
    ours.lineage.update(record(1), [], [OTHER])
    following, told = ours.lineage.offered(0)
    assert [one.digest for one in told] == [DIGEST, digest(OTHER)]
    assert (told[0].trace, told[0].span) == (record(0).span.trace, record(0).span.client)
    assert ours.lineage.offered(following) == (following, ())
    assert ours.lineage.offered(10**9) == (following, ()), "we began anew, and they go on from where we are"
    ours.clock.now += module.SECONDS + 1
    assert ours.lineage.offered(0)[1] == ()


def test_nothing_grows_without_bound(monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    monkeypatch.setattr(module, "WAITING", 10)
    ours = Ours()
    for number in range(50):
        ours.asked(number, (number + 0.123456, 0.654321, 0.111222))
        ours.hears(made(number, number), peer=f"p{number}")
    ours.hears(*(made(i, i) for i in range(50)), peer="p0")
    assert len(ours.lineage._waiting) == 10
    assert len(ours.lineage.peers) == module.PEERS
    assert len(ours.lineage.peers["p0"].made) == 10


@pytest.mark.parametrize("listening", [True, False])
def test_without_other_sidecars_nothing_waits(listening):
    ours = Ours()
    ours.lineage.listening = listening
    assert ours.lineage.waits(ours.asked(0)) is listening
