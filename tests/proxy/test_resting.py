"""A model that does not answer is left alone for longer and longer, and asked once in between."""

import itertools

from sidecar.proxy.resting import FIRST_SECONDS, LONGEST_SECONDS, TOLERATED, Resting

URL = "http://127.0.0.1:1"


def silent(resting, now=0.0):
    for _ in range(TOLERATED):
        resting.update(URL, False, now)
    return resting


def test_a_few_failures_in_a_row_are_tolerated():
    resting = Resting()
    for _ in range(TOLERATED - 1):
        resting.update(URL, False, 0.0)
    assert not resting.rests(URL, 0.0)
    resting.update(URL, False, 0.0)
    assert resting.rests(URL, 0.0)
    assert not resting.rests("http://127.0.0.1:2", 0.0)


def test_failures_between_answers_are_none_in_a_row():
    resting = Resting()
    for _ in range(10 * TOLERATED):
        resting.update(URL, False, 0.0)
        resting.update(URL, True, 0.0)
    assert not resting.rests(URL, 0.0)


def test_one_question_in_between_shows_whether_it_is_back():
    resting = silent(Resting())
    assert resting.rests(URL, 0.99 * FIRST_SECONDS)
    assert not resting.rests(URL, FIRST_SECONDS)
    assert resting.rests(URL, FIRST_SECONDS)  # only one
    resting.update(URL, True, FIRST_SECONDS)
    assert not resting.rests(URL, FIRST_SECONDS)


def test_it_is_left_alone_for_longer_each_time():
    resting, now, waits = silent(Resting()), 0.0, []
    for _ in range(12):
        began = now
        while resting.rests(URL, now):
            now += 0.01
        waits.append(now - began)
        resting.update(URL, False, now)
    assert all(later >= earlier - 0.011 for earlier, later in itertools.pairwise(waits))
    assert waits[0] <= FIRST_SECONDS + 0.011
    assert LONGEST_SECONDS - 0.011 <= waits[-1] <= LONGEST_SECONDS + 0.011


def test_answers_to_questions_from_before_do_not_make_it_longer():
    resting = silent(Resting())
    for _ in range(100):
        resting.update(URL, False, 0.0)
    assert not resting.rests(URL, FIRST_SECONDS)


def test_a_question_that_nobody_hears_of_is_not_the_last_one():
    resting = silent(Resting())
    assert not resting.rests(URL, FIRST_SECONDS)
    assert resting.rests(URL, FIRST_SECONDS + 0.99 * LONGEST_SECONDS)
    assert not resting.rests(URL, FIRST_SECONDS + LONGEST_SECONDS)


def test_who_is_asked_no_more_is_forgotten():
    resting = silent(Resting())
    resting.keep({URL})
    assert resting.rests(URL, 0.0)
    resting.keep(set())
    assert not resting.rests(URL, 0.0)
