import gc
import tracemalloc
from collections import Counter

import numpy as np
import pytest

from sidecar.labels.label import Label
from sidecar.observer.routes import Key
from sidecar.observer.snapshot import decode, encode
from sidecar.observer.truth.ledger import Answered, KeptLedger, Ledger

FLOW = Key("glass", "", "/v1")


def call(id_, time=0.0, rows=1, answer=b"x", codes=b""):
    return Answered(id_, 0, time, rows, codes, answer)


@pytest.fixture
def ledger():
    ledger = Ledger(100.0, 1_000_000)
    ledger.number(FLOW)
    return ledger


def outcome(ledger, label, now=1.0):
    (found,), _ = ledger.label([label], now)
    return found


def test_a_label_finds_its_row(ledger):
    assert ledger.update([call("a", rows=3)], 1.0) == []
    outcomes, (joined,) = ledger.label([Label("a", 2, 1.0)], 5.0)
    assert outcomes == ["joined"]
    assert (joined.call.id, joined.row, joined.value, joined.known) == ("a", 2, 1.0, 5.0)


def test_rows_of_a_call_get_their_labels_one_by_one_and_in_any_order(ledger):
    ledger.update([call("a", rows=3)], 1.0)
    assert [outcome(ledger, Label("a", row, 0.0)) for row in (2, 0)] == ["joined", "joined"]
    assert outcome(ledger, Label("a", 1, 0.0)) == "joined"


def test_a_label_that_comes_first_waits_for_its_call(ledger):
    assert outcome(ledger, Label("a", 1, 7.0), now=1.0) == "waiting"
    assert ledger.waiting == 1
    (joined,) = ledger.update([call("a", rows=2)], 2.0)
    assert (joined.row, joined.value, joined.known) == (1, 7.0, 1.0)
    assert (ledger.waiting, ledger.counts["joined"]) == (0, 1)


def test_the_first_label_stands(ledger):
    ledger.update([call("a")], 1.0)
    labels = [Label("a", 0, 1.0), Label("a", 0, 1.0), Label("a", 0, 2.0)]
    assert [outcome(ledger, label) for label in labels] == ["joined", "duplicate", "contradictory"]
    waiting = [Label("b", 0, 1.0), Label("b", 0, 1.0), Label("b", 0, 2.0)]
    assert [outcome(ledger, label) for label in waiting] == ["waiting", "duplicate", "contradictory"]
    (joined,) = ledger.update([call("b")], 2.0)
    assert joined.value == 1.0


def test_a_row_that_the_call_does_not_have(ledger):
    outcome(ledger, Label("b", 5, 1.0))
    ledger.update([call("a", rows=2), call("b", rows=2)], 1.0)
    assert outcome(ledger, Label("a", 2, 1.0)) == "no-such-row"
    assert outcome(ledger, Label("b", 5, 1.0)) == "no-such-row"


def test_a_label_for_a_call_that_never_comes_ends_as_unknown(ledger):
    outcome(ledger, Label("a", 0, 1.0), now=1.0)
    ledger.update([], 102.0)
    assert (ledger.waiting, ledger.counts["unknown"]) == (0, 1)


def test_calls_are_kept_for_the_horizon(ledger):
    ledger.update([call("a", time=0.0), call("b", time=90.0)], 90.0)
    ledger.update([], 101.0)
    assert ledger.calls == 1
    assert outcome(ledger, Label("a", 0, 1.0, time=100.0), now=101.0) == "waiting"
    assert outcome(ledger, Label("a", 1, 1.0, time=0.5), now=101.0) == "late"


def test_a_second_try_is_the_same_call_and_anything_else_makes_the_id_ambiguous(ledger):
    ledger.update([call("a"), call("a"), call("b"), call("b", answer=b"y")], 1.0)
    assert outcome(ledger, Label("a", 0, 1.0)) == "joined"
    assert outcome(ledger, Label("b", 0, 1.0)) == "ambiguous"


def test_when_room_is_short_an_even_share_is_kept_and_labels_of_the_others_are_told_so():
    ledger = Ledger(1e9, 200_000)
    for i in range(4000):
        ledger.update([call(f"call-{i}", time=float(i))], float(i))
    assert ledger.bytes <= 200_000
    assert 0 < ledger.share < 1
    found = [outcome(ledger, Label(f"call-{i}", 0, 1.0)) for i in range(4000)]
    counts = Counter(found)
    assert set(counts) == {"joined", "not-sampled"}
    assert counts["joined"] == pytest.approx(4000 * ledger.share, rel=0.3)
    kept = np.flatnonzero([one == "joined" for one in found])
    assert abs(kept.mean() - 2000) < 250, "as many early calls as late ones"


def test_the_share_grows_again_when_there_is_room():
    ledger = Ledger(100.0, 100_000)
    ledger.update([call(f"call-{i}", time=0.0) for i in range(1000)], 0.0)
    assert ledger.share < 1
    for i in range(20):
        ledger.update([], 200.0 + i)
    assert (ledger.share, ledger.calls) == (1.0, 0)


def test_labels_that_wait_are_bounded():
    ledger = Ledger(1e9, 100_000)
    ledger.label([Label(f"nobody-{i}", 0, 1.0) for i in range(10_000)], 0.0)
    assert ledger.waiting <= 50
    assert ledger.counts["unknown"] == 10_000 - ledger.waiting


def test_labels_are_counted_in_the_bytes(ledger):
    ledger.update([call("a", rows=100)], 1.0)
    before = ledger.bytes
    ledger.label([Label("a", row, 1.0) for row in range(100)], 1.0)
    assert ledger.bytes > before + 1000
    ledger.update([], 1000.0)
    assert ledger.bytes == 0


def test_it_outlives_a_restart(ledger):
    ledger.update([call("a", rows=2), call("b")], 1.0)
    ledger.label([Label("a", 0, 1.0), Label("c", 0, "x")], 1.0)
    again = Ledger(100.0, 1_000_000)
    again.restore(decode(encode(ledger.keep()), KeptLedger))
    assert (again.calls, again.waiting, again.bytes, again.flows) == (2, 1, ledger.bytes, [FLOW])
    labels = [Label("a", 0, 2.0), Label("a", 1, 2.0), Label("b", 0, 2.0)]
    assert [outcome(again, label) for label in labels] == ["contradictory", "joined", "joined"]
    assert [one.value for one in again.update([call("c")], 2.0)] == ["x"]
    assert again.counts["joined"] == 4


def test_what_is_kept_takes_about_as_much_as_it_says():
    ledger = Ledger(1e9, 100_000_000)
    gc.collect()
    tracemalloc.start()
    try:
        for i in range(5000):
            ledger.update([call(f"{i:032x}", answer=bytes(i % 60), codes=bytes(30))], 1.0)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ledger.bytes == pytest.approx(taken, rel=0.25)
