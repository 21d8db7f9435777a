"""Real digits, replayed: quiet while nothing moves, quick when something does."""

import numpy as np
import pytest

from sidecar.observer.drift import STARTS, Detector, KeptDrift
from sidecar.observer.sequential import together
from sidecar.observer.snapshot import decode, encode
from sidecar.scoring.bins import Bins
from tests.observer.real import NAMES, draw, reference

FIELDS = reference(draw(2000, seed=11))
BINS = Bins(FIELDS)
WINDOW = 1000
BATCH = 10


class Replay:
    """A stream into a detector, a hundred rows a second."""

    def __init__(self, detector=None):
        self.detector = detector or Detector(FIELDS, WINDOW)
        self.rows = 0
        self.began = 1000.0
        self.counts = np.zeros(BINS.size, dtype=np.int64)

    @property
    def now(self):
        return self.began + self.rows / 100

    def play(self, rows, until_alarm=True, batch=BATCH):
        """Feed rows; how many until the state changed, or None."""
        before = self.detector.alarm is not None
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            self.rows += len(part)
            self.counts = self.counts + BINS.counts(part)
            self.detector.update(self.rows, self.counts, self.now)
            if until_alarm and (self.detector.alarm is not None) != before:
                return start + len(part)
        return None


def moved(rows, feature, sigmas):
    rows = rows.copy()
    rows[:, feature] += sigmas * rows[:, feature].std()
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stationary_stream_raises_no_alarm(seed):
    replay = Replay(Detector(reference(draw(500, seed=100 + seed)), WINDOW))
    bins = Bins(reference(draw(500, seed=100 + seed)))
    highest = -np.inf
    for i in range(300):
        replay.rows += 100
        rows = draw(100, seed=10_000 * seed + i)
        replay.counts = replay.counts[: bins.size] if i else np.zeros(bins.size, dtype=np.int64)
        replay.counts = replay.counts + bins.counts(rows)
        replay.detector.update(replay.rows, replay.counts, replay.now)
        highest = max(highest, together(replay.detector.evidence))
        assert replay.detector.alarm is None
    assert highest < replay.detector.threshold / 1.5, "not by a hair's breadth"


@pytest.mark.parametrize("feature", [0, 7, 12])
@pytest.mark.parametrize(("sigmas", "within"), [(1.0, 200), (-1.0, 200), (100.0, 20), (0.5, 500)])
def test_a_shift_of_one_feature_of_16_is_found_and_named(feature, sigmas, within):
    replay = Replay()
    assert replay.play(draw(2000, seed=1)) is None
    began = replay.now
    delay = replay.play(moved(draw(2000, seed=2), feature, sigmas))
    assert delay is not None
    assert delay <= within
    alarm = replay.detector.alarm
    assert alarm.features[0].feature == NAMES[feature]
    assert abs(alarm.since - began) <= 1.0, "the onset is known to a hundred rows"
    assert alarm.raised == replay.now
    assert alarm.features[0].effect > 0.1


def test_a_shift_is_found_later_where_it_pushes_many_rows_over_the_end_of_the_scale():
    replay = Replay()
    replay.play(draw(2000, seed=1))
    assert (draw(2000, seed=2)[:, 3] == 1.0).mean() > 0.4, "the tablet ends there"
    assert replay.play(moved(draw(2000, seed=2), 3, 1.0)) <= 300


@pytest.mark.parametrize("feature", range(16))
def test_a_swapped_unit_is_found_within_20_rows(feature):
    replay = Replay()
    replay.play(draw(1000, seed=1), batch=50)
    rows = draw(200, seed=2)
    rows[:, feature] *= 100
    assert replay.play(rows, batch=5) <= 20


def test_several_features_that_moved_are_all_named():
    replay = Replay()
    replay.play(draw(1000, seed=1))
    rows = draw(2000, seed=2)
    for feature in (2, 5, 9):
        rows = moved(rows, feature, 3.0)
    replay.play(rows, until_alarm=False)
    assert {one.feature for one in replay.detector.alarm.features} == {NAMES[i] for i in (2, 5, 9)}


def test_a_stream_that_never_was_like_the_reference_is_found_from_its_first_row():
    replay = Replay()
    assert replay.play(moved(draw(1000, seed=3), 7, 1.0)) <= 200
    assert replay.detector.alarm.since == pytest.approx(1000.0, abs=1.0)


def test_a_slow_drift_is_found_before_it_is_large():
    replay = Replay()
    rows = draw(20_000, seed=4)
    rows[:, 3] += np.linspace(0, 1, len(rows)) * rows[:, 3].std()
    delay = replay.play(rows)
    assert delay is not None
    assert delay < 10_000


def test_recovery_ends_the_alarm_and_history_keeps_it():
    replay = Replay()
    replay.play(draw(1000, seed=1))
    replay.play(moved(draw(2000, seed=2), 3, 1.0))
    raised = replay.detector.alarm
    assert replay.play(moved(draw(3000, seed=5), 3, 1.0)) is None, "it lasts as long as the drift"
    assert (replay.detector.alarm.since, replay.detector.alarm.raised) == (raised.since, raised.raised)
    back = replay.play(draw(5000, seed=6))
    assert back is not None
    assert 0.8 * WINDOW <= back <= 2.5 * WINDOW
    assert [past.since for past in replay.detector.history] == [raised.since]
    assert replay.detector.history[0].ended == replay.now
    assert replay.play(draw(3000, seed=7)) is None, "and stays ended"
    assert replay.play(moved(draw(2000, seed=8), 5, 1.0)) <= 300, "and the next drift is found"
    assert replay.detector.alarms == 2


def test_a_restored_detector_goes_on_as_if_nothing_had_happened():
    replay = Replay()
    replay.play(draw(1500, seed=1))
    replay.play(moved(draw(50, seed=2), 3, 1.0))
    again = Replay(Detector(FIELDS, WINDOW))
    again.rows, again.counts = replay.rows, replay.counts
    again.detector.restore(decode(encode(replay.detector.keep()), KeptDrift))
    assert again.detector.standing() == replay.detector.standing()
    assert (again.detector.strongest, again.detector.suspicion) == (
        replay.detector.strongest,
        replay.detector.suspicion,
    )
    rows = moved(draw(500, seed=9), 3, 1.0)
    assert replay.play(rows) == again.play(rows)
    assert replay.detector.alarm == again.detector.alarm


def test_starts_are_few_and_reach_back_to_the_beginning():
    replay = Replay()
    replay.play(draw(20_000, seed=1), batch=50)
    starts = [start.rows for start in replay.detector.keep().starts]
    assert len(starts) <= STARTS
    assert starts[0] == 0
    gaps = np.diff([*starts, replay.rows])
    age = replay.rows - np.array(starts)
    assert (gaps <= np.maximum(100, 0.6 * age)).all(), "the older, the further apart"


def test_looks_are_rationed_by_time():
    replay = Replay()
    replay.detector.update(100, BINS.counts(draw(100, seed=1)), 1000.0)
    first = replay.detector.evidence
    replay.detector.update(200, BINS.counts(draw(200, seed=1)), 1000.01)
    assert replay.detector.evidence is first
    replay.detector.update(200, BINS.counts(draw(200, seed=1)), 1001.0)
    assert replay.detector.evidence is not first


def test_a_clock_that_is_set_back_does_not_blind_it():
    replay = Replay()
    replay.play(draw(500, seed=3))
    replay.began -= 3600.0
    assert replay.play(moved(draw(1000, seed=4), 3, 1.0)) <= 200


# -- when and how ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sigmas", [0.5, 2.0])
def test_the_onset_lies_in_its_interval_which_is_not_all_of_time(seed, sigmas):
    replay = Replay()
    replay.play(draw(1500 + 37 * seed, seed=20 + seed), batch=37)
    began = replay.now
    assert replay.play(moved(draw(2000, seed=30 + seed), 7, sigmas)) is not None
    alarm = replay.detector.alarm
    assert alarm.earliest <= began <= alarm.latest
    assert alarm.earliest <= alarm.since <= alarm.latest <= alarm.raised
    assert alarm.latest - alarm.earliest <= 5.0, "five hundred rows"
    assert not alarm.from_the_first
    assert 1000 <= alarm.good_rows <= 1500 + 37 * seed


@pytest.mark.parametrize("sigmas", [0.3, 1.0, 100.0])
def test_a_stream_that_never_matched_has_no_good_rows(sigmas):
    replay = Replay()
    assert replay.play(moved(draw(3000, seed=40), 7, sigmas)) is not None
    assert replay.detector.alarm.from_the_first
    assert replay.detector.alarm.good_rows == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["sudden", "slow"])
def test_slow_and_sudden_are_told_apart(seed, kind):
    replay = Replay()
    replay.play(draw(1500, seed=50 + seed), batch=30)
    rows = draw(3000, seed=60 + seed)
    shares = np.ones(3000) if kind == "sudden" else np.linspace(0, 1, 3000)
    later = np.random.default_rng(seed).random(3000) < shares
    replay.play(np.where(later[:, None], moved(rows, 7, 1.5), rows), until_alarm=False, batch=30)
    assert replay.detector.alarm.pace == kind


def test_the_pace_is_settled_also_over_a_restart():
    replay = Replay()
    replay.play(draw(1500, seed=1))
    rows = moved(draw(1000, seed=2), 7, 1.0)
    replay.play(rows[:200])
    again = Replay()
    again.rows, again.counts = replay.rows, replay.counts
    again.detector.restore(replay.detector.keep())
    for one in (replay, again):
        one.play(rows[200:], until_alarm=False)
    assert replay.detector.alarm == again.detector.alarm
    assert again.detector.alarm.pace == "sudden"


def test_rows_that_are_the_reference_say_nothing():
    replay = Replay()
    replay.counts, replay.rows = BINS.counts(moved(draw(500, seed=1), 7, 3.0)), 500
    replay.detector.begin(replay.rows, replay.counts, replay.now)
    assert replay.play(draw(1000, seed=2)) is None
    assert replay.play(moved(draw(500, seed=3), 7, 1.0)) is not None
    assert not replay.detector.alarm.from_the_first


def test_tests_that_share_a_promise_have_a_higher_threshold_each():
    assert Detector(FIELDS, WINDOW, tests=2).threshold == pytest.approx(
        Replay().detector.threshold + np.log(2)
    )


def test_suspicion_stays_under_the_strongest_evidence_and_grows_with_a_move():
    replay = Replay()
    replay.play(draw(1500, seed=1))
    quiet = replay.detector.suspicion
    replay.play(moved(draw(200, seed=2), 7, 0.5), until_alarm=False)
    assert quiet < 1.0 < replay.detector.suspicion < replay.detector.strongest
