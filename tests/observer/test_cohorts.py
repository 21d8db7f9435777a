"""The state behind cohorts, without the process that groups: answers are made up from the question's rows."""

import math

import msgspec
import numpy as np
import pytest

from sidecar import cohort
from sidecar.cohort import Answer, Group
from sidecar.observer.cohorts import (
    DUTY,
    FRESH,
    LEAST,
    LONGEST_PAUSE,
    LONGEST_SEARCH,
    PAUSE_SECONDS,
    Cohorts,
    KeptCohorts,
)
from sidecar.observer.snapshot import decode, encode
from tests.observer.real import draw
from tests.observer.talk import of_rows, record

DAY = 86_400.0


@pytest.fixture
def cohorts(baseline):
    state = Cohorts(DAY)
    state.adopt(baseline.directory, baseline.schema, baseline.digest)
    return state


def flagged(number, baseline, rows=1, **changes):
    """A call of which every row was flagged."""
    facts = {"flagged": tuple(range(rows)), "row_p": (0.004,) * rows, "p": 0.004, "verdict": "outlier"}
    return of_rows(number, draw(rows, seed=number), baseline.digest, **facts | changes)


def clean(number, baseline, rows=1, **changes):
    facts = {"row_p": (0.4,) * rows} | changes
    return of_rows(number, draw(rows, seed=number), baseline.digest, **facts)


def group(*serials):
    return Group(serials, serials[:1], (), 1.0, 0.0, 0)


def search(cohorts, now, *parts):
    """Ask, and answer with groups of the question's rows, each given by their places."""
    cohorts.demand()
    question = cohorts.due(now)
    rows = [row.serial for row in question.flagged]
    cohorts.answered(Answer(tuple(group(*(rows[i] for i in part)) for part in parts)), now + 1.0)
    return question


# -- rows ------------------------------------------------------------------------------------------


def test_flagged_rows_are_kept_with_what_it_takes_to_find_the_call(cohorts, baseline):
    mixed = of_rows(7, draw(3, seed=7), baseline.digest, flagged=(1,), row_p=(0.5, 0.003, math.nan), p=0.003)
    cohorts.update([mixed, clean(8, baseline, rows=2)], 10.0)
    (one,) = cohorts.flagged
    assert (one.row.request, one.row.row, one.row.p, one.row.model) == ("call-7", 1, 0.003, "glass")
    assert one.row.time == mixed.started_ns / 1e9
    np.testing.assert_array_equal(cohort.values([one.row], 16), draw(3, seed=7)[1:2])
    kept = sorted((one.row.request, one.row.row) for one in cohorts.clean)
    assert kept == [("call-7", 0), ("call-8", 0), ("call-8", 1)], "neither flagged nor unscored"
    assert (cohorts.clean.seen, cohorts.flagged.seen) == (3, 1)


def test_a_clean_row_stands_for_clean_rows_though_most_are_flagged(cohorts, baseline):
    odd = tuple(range(90))
    p = (0.001,) * 90 + (0.4,) * 9 + (math.nan,)
    for number in range(3):
        cohorts.update([of_rows(number, draw(100, seed=1), baseline.digest, flagged=odd, row_p=p)], 10.0)
    assert [one.weight for one in cohorts.clean] == [1.0] * 27
    assert search(cohorts, 11.0).clean == b"".join(one.row.values for one in cohorts.clean)
    assert (cohorts.found.scored, cohorts.found.flagged) == (297, 270)


def test_calls_that_this_baseline_did_not_score_do_not_count(cohorts, baseline):
    strangers = [
        record(1),
        of_rows(2, draw(1, seed=2), "another", flagged=(0,)),
        flagged(3, baseline, row_p=()),
        msgspec.structs.replace(flagged(4, baseline), features=b"12345678"),
        msgspec.structs.replace(flagged(5, baseline), flagged=(9,)),
    ]
    cohorts.update(strangers, 1.0)
    assert len(cohorts.flagged) == 0
    Cohorts(DAY).update(strangers, 1.0)


def test_another_baseline_begins_anew_and_the_same_one_goes_on(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 1.0)
    cohorts.adopt("elsewhere", baseline.schema, baseline.digest)
    assert len(cohorts.flagged) == 30
    cohorts.adopt("elsewhere", baseline.schema, "other")
    assert len(cohorts.flagged) == len(cohorts.clean) == 0


# -- when ------------------------------------------------------------------------------------------


def test_a_search_is_due_when_there_are_enough_rows_and_again_when_enough_are_new(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(LEAST - 1)], 1.0)
    assert cohorts.due(1.0) is None
    cohorts.update([flagged(i, baseline) for i in range(100, 101)], 2.0)
    question = cohorts.due(2.0)
    assert len(question.flagged) == LEAST
    assert [row.serial for row in question.flagged] == sorted(row.serial for row in question.flagged)
    assert cohorts.due(2.2) is None, "one at a time"
    cohorts.answered(Answer(()), 2.5)
    assert cohorts.due(2.5 + 10 * PAUSE_SECONDS) is None, "nothing is new"
    cohorts.update([flagged(i, baseline) for i in range(200, 200 + int(LEAST * FRESH) + 1)], 5.0)
    assert cohorts.due(5.0) is None, "the last one was just now"
    assert cohorts.due(2.5 + PAUSE_SECONDS) is not None


def test_long_searches_are_rare(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 0.0)
    cohorts.due(0.0)
    cohorts.answered(Answer(()), 20.0)
    cohorts.update([flagged(i, baseline) for i in range(100, 130)], 21.0)
    assert cohorts.due(20.0 + 900.0) is None
    assert cohorts.due(20.0 + 1001.0) is not None


def test_a_clock_that_is_set_during_a_search_does_not_put_off_the_next_for_days(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 5.0)
    question = cohorts.due(6.0)
    hour = 3600.0
    cohorts.answered(Answer((group(*(row.serial for row in question.flagged)),)), 6.0 + hour)
    assert cohorts.found.took == LONGEST_SEARCH
    cohorts.update([flagged(i, baseline) for i in range(30, 60)], 7.0 + hour)
    assert cohorts.due(7.0 + hour + LONGEST_SEARCH / DUTY) is not None


async def test_who_asks_does_not_wait_for_the_pause_but_for_the_search(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 0.0)
    search(cohorts, 0.0)
    assert cohorts.settled.is_set()
    cohorts.demand()
    assert cohorts.settled.is_set(), "nothing is new"
    cohorts.update([flagged(100, baseline)], 2.0)
    cohorts.demand()
    assert not cohorts.settled.is_set()
    assert cohorts.due(2.0) is not None
    cohorts.update([flagged(101, baseline)], 2.5)
    cohorts.demand()
    cohorts.answered(Answer(()), 3.0)
    assert not cohorts.settled.is_set(), "a row came after the question"
    assert cohorts.due(3.0) is not None
    cohorts.failed("no luck", 4.0)
    assert cohorts.settled.is_set()


def test_what_was_asked_for_is_dropped_when_its_rows_have_grown_old(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 0.0)
    cohorts.demand()
    cohorts.update([clean(100, baseline)], 3 * DAY)
    assert cohorts.due(3 * DAY) is None
    assert cohorts.settled.is_set()


def test_failures_are_told_and_make_the_next_try_later(cohorts, baseline):
    pauses, now = [], 0.0
    for i in range(8):
        cohorts.update([flagged(100 * i + k, baseline) for k in range(30)], now)
        while cohorts.due(now) is None:
            now += 1.0
        began = now
        cohorts.failed("no scikit-learn", now)
        cohorts.update([flagged(100 * i + 50 + k, baseline) for k in range(30)], now)
        while cohorts._not_before > now:
            now += 1.0
        pauses.append(now - began)
    assert cohorts.failure == "no scikit-learn"
    assert pauses == sorted(pauses)
    assert pauses[0] == 2 * PAUSE_SECONDS
    assert pauses[-1] == LONGEST_PAUSE


# -- what came of it -------------------------------------------------------------------------------


def test_cohorts_have_sizes_shares_and_times(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)] + [clean(99, baseline, rows=70)], 5.0)
    search(cohorts, 6.0, range(10), range(10, 15))
    found = cohorts.found
    assert (found.asked, found.took, found.since, found.scored, found.flagged) == (6.0, 1.0, 5.0, 100, 30)
    first, second = found.cohorts
    assert (first.id, first.rows, second.id, second.rows) == (1, 10.0, 2, 5.0)
    times = [cohorts.rows[serial].time for serial in first.group.members]
    assert (first.first, first.last) == (min(times), max(times))
    assert len(found.singles) == 15


def test_a_cohort_keeps_its_number_and_when_it_was_first_seen(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 0.0)
    search(cohorts, 0.0, range(10), range(10, 20))
    first = cohorts.found.cohorts[0].first
    cohorts.update([flagged(i, baseline) for i in range(30, 60)], 100.0)
    search(cohorts, 100.0, range(40, 50), [*range(5, 10), *range(30, 35)])
    assert [one.id for one in cohorts.found.cohorts] == [3, 1]
    assert cohorts.found.cohorts[1].first == first
    cohorts.update([flagged(61, baseline)], 200.0)
    search(cohorts, 200.0, range(10, 20))
    assert [one.id for one in cohorts.found.cohorts] == [2], "it was missed once, and is back"


def test_an_answer_that_comes_after_another_baseline_was_adopted_is_dropped(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)], 0.0)
    question = cohorts.due(0.0)
    cohorts.adopt("elsewhere", baseline.schema, "other")
    cohorts.answered(Answer((group(question.flagged[0].serial),)), 1.0)
    assert cohorts.found is None
    assert cohorts.settled.is_set()


def test_it_goes_on_from_a_snapshot(cohorts, baseline):
    cohorts.update([flagged(i, baseline) for i in range(30)] + [clean(99, baseline, rows=70)], 5.0)
    search(cohorts, 6.0, range(10))
    kept = decode(encode(cohorts.keep()), KeptCohorts)
    after = Cohorts(DAY)
    after.adopt(baseline.directory, baseline.schema, baseline.digest)
    after.restore(kept)
    assert after.keep() == cohorts.keep()
    assert after.rows == cohorts.rows
    after.update([flagged(i, baseline) for i in range(100, 130)], 100.0)
    search(after, 100.0, range(5, 20), range(40, 50))
    assert [one.id for one in after.found.cohorts] == [1, 2], "numbers go on"
    other = Cohorts(DAY)
    other.adopt("elsewhere", baseline.schema, "other")
    other.restore(kept)
    assert (len(other.flagged), other.found) == (0, None)


def test_memory_stays_bounded_however_much_is_flagged(cohorts, baseline):
    rows = flagged(1, baseline, rows=1000)
    for i in range(12):
        cohorts.update([rows, clean(2, baseline, rows=1000)], float(i))
    assert len(cohorts.flagged) == len(cohorts.clean) == 2000
    assert cohorts.flagged.seen == 12_000
