"""The same calls everywhere, about as many as wanted."""

from random import Random

from sidecar.tracing.consistent import CALLS, Consistent


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def run(consistent, clock, traces, rate):
    """The traces taken, of calls that come `rate` a second."""
    taken = []
    for trace in traces:
        clock.now += 1.0 / rate
        if consistent.take(trace):
            taken.append(trace)
    return taken


def traces(count):
    random = Random(7)
    return [f"{random.getrandbits(128):032x}" for _ in range(count)]


def test_a_quiet_model_has_every_call_taken():
    clock = Clock()
    assert len(run(Consistent(CALLS, clock), clock, traces(400), rate=40)) == 400


def test_a_short_story_is_kept_whole_however_fast_it_is_told():
    clock = Clock()
    assert len(run(Consistent(CALLS, clock), clock, traces(450), rate=5000)) == 450


def test_a_busy_one_has_about_as_many_as_wanted():
    clock = Clock()
    taken = run(Consistent(CALLS, clock), clock, traces(20_000), rate=1000)  # twenty seconds
    assert 10 * CALLS < len(taken) < 40 * CALLS


def test_a_busier_sidecar_takes_a_part_of_what_the_others_take():
    clock, other = Clock(), Clock()
    calls = traces(20_000)
    many = run(Consistent(100, clock), clock, calls, 1000)
    few = run(Consistent(10, other), other, calls, 1000)
    settled = set(calls[10_000:])
    assert len(settled & set(few)) > 20
    assert len((settled & set(few)) - set(many)) <= 0.2 * len(settled & set(few))


def test_what_is_taken_for_another_reason_counts():
    clock, other = Clock(), Clock()
    alone, charged = Consistent(CALLS, clock), Consistent(CALLS, other)
    taken, less = [], []
    for trace in traces(20_000):
        taken += run(alone, clock, [trace], rate=1000)
        less += run(charged, other, [trace], rate=1000)
        if len(less) % 2:
            charged.charge()
    assert len(less) < 0.8 * len(taken)
    assert set(less[-50:]) <= set(taken)


def test_it_takes_more_again_when_it_is_quiet():
    clock = Clock()
    consistent = Consistent(10, clock)
    run(consistent, clock, traces(5000), rate=1000)
    run(consistent, clock, traces(200), rate=2)
    assert len(run(consistent, clock, traces(100), rate=2)) == 100


def test_none_wanted_and_what_is_no_trace_id():
    assert not Consistent(0).take("0" * 32)
    clock = Clock()
    busy = Consistent(1, clock)
    run(busy, clock, traces(1000), rate=1e6)
    assert not busy.take("not hexadecimal")
