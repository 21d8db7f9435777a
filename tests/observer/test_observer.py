import math
import shutil

import msgspec
import numpy as np
import pytest

from sidecar.cascade.pairs import Lineage
from sidecar.exchange import Hit
from sidecar.link import Drift, Progress, Swap
from sidecar.observer.observer import Observer, State
from sidecar.observer.snapshot import decode, encode
from sidecar.settings import Settings
from tests.observer.real import draw
from tests.observer.talk import alike, batch, learning, of_rows, record


class Clock:
    def __init__(self):
        self.now = 1_763_910_000.0

    def __call__(self):
        return self.now


def settings(**changes):
    return Settings(upstream="http://127.0.0.1:8080", **changes)


def busy(baseline, **changes):
    """An observer that has heard of some calls."""
    observer = Observer(settings(baseline=baseline.directory, **changes), Clock())
    observer.connected(0)
    observer.hear(batch(baseline=baseline.directory))
    play(observer, baseline, draw(600, seed=5))
    return observer


def play(observer, baseline, rows, **changes):
    for start in range(0, len(rows), 20):
        part = rows[start : start + 20]
        records = [of_rows(start + i, row[None], baseline.digest, **changes) for i, row in enumerate(part)]
        observer.clock.now += 0.2
        observer.take_in(records)


def in_brief(observer, baseline, rows, **changes):
    """As `play`, of a busy route: one call of 20 is told whole."""
    for start in range(0, len(rows), 20):
        part = rows[start : start + 20]
        records = [of_rows(start + i, row[None], baseline.digest, **changes) for i, row in enumerate(part)]
        observer.clock.now += 0.2
        observer.take_in(records[:1])
        observer.take_in_alike((alike(*records[1:]),))


def told(observer):
    """All that is counted. (How strong the evidence of a drift is depends on when one looks.)"""
    (flow,) = observer.traffic.flows.values()
    callers = observer.traffic.callers
    return {
        "records": observer.records,
        "verdicts": dict(flow.verdicts),
        "rows": (flow.rows, flow.flagged),
        "calls": flow.calls.total.counts.tolist(),
        "call moments": np.round(flow.calls.total.moments.mean, 9).tolist()[:7],
        "inputs": flow.inputs.total.counts.tolist(),
        "input moments": np.round(flow.inputs.total.moments.mean, 9).tolist(),
        "state": observer.drift_state().partition(";")[0],
        "callers": {name: (one.calls, one.rows, one.odd) for name, one in callers.known.items()},
        "everybody": (callers.all.calls, callers.all.rows),
        "clean": observer.cohorts.clean.seen,
        "edges": {edge: (one.calls, one.rows) for edge, one in observer.edges.counts.items()},
    }


@pytest.mark.parametrize("by", [0.0, 40.0], ids=["stable", "drifted"])
def test_calls_told_in_brief_count_as_those_told_whole(baseline, by):
    span = msgspec.structs.replace(record(0).span, baggage="sidecar.chain=before")
    observers = [Observer(settings(baseline=baseline.directory), Clock()) for _ in range(2)]
    rows = draw(600, seed=5) + by * (np.arange(600) >= 200)[:, None]
    for observer, tell in zip(observers, (play, in_brief), strict=True):
        observer.hear(batch(baseline=baseline.directory))
        tell(observer, baseline, rows, span=span)
    whole, brief = map(told, observers)
    assert brief == whole
    assert whole["state"] == ("feature-drift" if by else "stable")
    assert [observer.brief for observer in observers] == [0, 570]


def test_without_a_baseline_data_planes_are_told_how_far_learning_has_come():
    observer = Observer(settings(learn_rows=10))
    assert observer.orders() == (Progress(0, 10),)
    observer.take_in([learning(i, (i, 1)) for i in range(4)])
    assert observer.orders() == (Progress(4, 10),)
    observer.take_in([learning(i, (i, 1)) for i in range(100)])
    assert observer.orders() == (Progress(10, 10),), "never more than needed"


def test_with_a_baseline_there_is_nothing_to_learn(baseline):
    observer = Observer(settings(baseline=baseline.directory))
    observer.take_in([learning(i, (i, 1)) for i in range(4)])
    assert observer.learning.seen == 0
    assert observer.orders() == (Drift("stable"),)


def test_a_learned_baseline_is_ordered_and_adopted_when_a_data_plane_scores_with_it(baseline):
    observer = Observer(settings())
    observer.learning.fitted(baseline.directory)
    assert observer.orders() == (Swap(baseline.directory),)
    observer.hear(batch(baseline=baseline.directory))
    assert observer.orders() == (Swap(baseline.directory), Drift("stable"))
    assert observer.schema == baseline.schema


def test_a_baseline_that_data_planes_already_have_ends_learning(baseline):
    observer = Observer(settings())
    observer.hear(batch(baseline=baseline.directory))
    assert observer.orders() == (Swap(baseline.directory), Drift("stable"))


def test_workers_that_still_have_the_old_baseline_do_not_reset_the_windows(baseline, tmp_path):
    observer = busy(baseline)
    copy = tmp_path / "other"
    shutil.copytree(baseline.directory, copy)
    for _ in range(3):
        observer.hear(batch(worker=1, baseline=str(copy)))
        observer.hear(batch(worker=0, baseline=baseline.directory))
    (flow,) = observer.traffic.flows.values()
    assert flow.inputs.total.rows == 600
    assert observer.baseline == baseline.directory


def test_a_baseline_that_cannot_be_read_costs_the_windows_and_nothing_else(tmp_path, caplog):
    observer = Observer(settings(baseline=str(tmp_path)))
    assert "manifest.json" in observer.baseline_error
    assert "no input windows" in caplog.text
    for _ in range(3):
        observer.hear(batch(baseline=str(tmp_path)))
    assert caplog.text.count("no input windows") == 1
    observer.take_in([record(0)])
    assert observer.records == 1


def test_a_refused_swap_sends_learning_back_for_more_rows(baseline):
    observer = Observer(settings(learn_rows=10))
    observer.learning.fitted(baseline.directory)
    for _ in range(3):
        observer.hear(batch(worker=0, refused="baseline-1: truncated"))
        observer.hear(batch(worker=1))
    assert observer.orders() == (Progress(0, 20),)
    assert "truncated" in observer.learning.failure
    assert observer.learning.failures == 1


def test_a_drift_is_told_in_a_structured_field(baseline):
    observer = busy(baseline)
    assert observer.drift_state() == "stable"
    began = observer.clock.now
    rows = draw(300, seed=6)
    rows[:, 12] += 1.0
    play(observer, baseline, rows)
    state, feature, since = observer.drift_state().split("; ")
    assert (state, feature) == ("feature-drift", 'feature="x7"')
    assert math.isclose(int(since.removeprefix("since=@")), began, abs_tol=2)
    assert observer.orders()[-1] == Drift(observer.drift_state())


def test_a_feature_name_cannot_break_the_field(baseline):
    observer = busy(baseline)
    (flow,) = observer.traffic.flows.values()
    flow.drift.names = ('a"b\\c\r\nd é',) * 16
    rows = draw(300, seed=6)
    rows[:, 12] += 1.0
    play(observer, baseline, rows)
    assert observer.drift_state().split("; ")[1] == r'feature="a\"b\\c??d \\xe9"'


def test_a_restarted_observer_goes_on(baseline):
    observer = busy(baseline)
    observer.policy_alerts.update([record(0, hits=(Hit("p/look", "alert"),))], observer.clock.now)
    again = Observer(observer.settings, observer.clock)
    again.restore(decode(encode(observer.keep()), State))
    assert again.starts == 2
    assert again.records == 600
    assert again.workers.totals() == observer.workers.totals()
    assert again.exchanges.snapshot() == observer.exchanges.snapshot()
    assert again.standing() == observer.standing()
    rows = draw(300, seed=6)
    rows[:, 12] += 1.0
    play(again, baseline, rows)
    (flow,) = again.traffic.flows.values()
    assert flow.inputs.total.rows == 900
    assert again.drift_state().startswith('feature-drift; feature="x7"')
    np.testing.assert_array_less(0, flow.drift.evidence.max())


def test_a_restarted_observer_orders_what_was_learned(baseline):
    observer = Observer(settings())
    observer.learning.fitted(baseline.directory)
    observer.hear(batch(baseline=baseline.directory))
    observer.take_in([of_rows(0, draw(3, seed=1), baseline.digest)])
    again = Observer(settings())
    again.restore(decode(encode(observer.keep()), State))
    assert again.orders() == (Swap(baseline.directory), Drift("stable"))
    (flow,) = again.traffic.flows.values()
    assert flow.inputs.total.rows == 3


def test_what_was_learned_and_is_gone_is_learned_again(baseline, tmp_path):
    directory = tmp_path / "baseline-1"
    shutil.copytree(baseline.directory, directory)
    observer = Observer(settings(learn_rows=10))
    observer.learning.fitted(str(directory))
    state = observer.keep()
    shutil.rmtree(directory)
    again = Observer(settings(learn_rows=10))
    again.restore(state)
    assert again.orders() == (Progress(0, 20),)
    assert "gone" in again.learning.failure


@pytest.mark.parametrize("rows", [1, 37])
def test_a_record_that_makes_no_sense_harms_nobody(baseline, rows):
    observer = busy(baseline)
    strange = record(
        9, rows=rows, features=b"x" * 77, baseline=baseline.digest, p=math.nan, status=99999, ended_ns=-5,
        flagged=(4, 5), row_p=(math.inf,), target="", model="\x00", response_body=b"\xff" * 10,
    )  # fmt: skip
    observer.take_in([strange])
    assert observer.records == 601
    assert decode(encode(observer.keep()), State).records == 601


def test_a_drift_that_came_from_an_earlier_model_says_so(baseline):
    observer = busy(baseline, peers="speech=http://127.0.0.1:1", service_name="intent")
    rows = draw(400, seed=6)
    rows[:, 12] += 1.0
    play(observer, baseline, rows)
    since = observer.drifting_since()
    assert observer.drift_state().startswith("feature-drift")
    told = Lineage("speech", 1, drifted_since=since - 60.0, origin="ears")
    observer.lineage.heard("speech", told)
    assert observer.drift_state().startswith("feature-drift"), "it does not feed us, as far as we know"
    observer.edges.update_origin(record(0), "speech", False)
    assert observer.drift_state() == f'upstream; model="ears"; since=@{int(since)}'
    observer.lineage.heard("speech", msgspec.structs.replace(told, drifted_since=since + 600.0))
    assert observer.drift_state().startswith("feature-drift"), "ours came first"
    observer.lineage.heard("speech", msgspec.structs.replace(told, origin="intent"))
    assert observer.drift_state().startswith("feature-drift"), "a loop: it says that ours is the cause"
