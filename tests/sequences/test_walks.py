"""Sequences: three that are alike make one, the same thing again makes none, and nobody asks too late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sidecar.scoring.prints import COORDINATES, Prints, stored
from sidecar.sequences import Memory, Walks
from sidecar.sequences.memory import GROUPS
from sidecar.sequences.walks import _number

NOW = 1_790_000_000.0
REACH = 1.0


def at(*places: float, tag: int = 1, lines: bool = False, wider: float = 1.0) -> Prints:
    """A call with a row at each place of a line; rows less than 1 apart are alike, or less than the root of
    `wider` among one caller's latest."""
    points = np.zeros((len(places), COORDINATES))
    points[:, 0] = places
    ids = np.array([hash(place) % 2**63 for place in places], np.uint64)
    return Prints(stored(points), ids, np.full(len(places), REACH**2, np.float32), tag, lines, wider)


@pytest.fixture
def walks() -> Walks:
    return Walks(Memory(None), 3600.0)


def ns(walks: Walks, *places: float) -> list[int]:
    """Asked one after the other, by one caller: which of a sequence each is."""
    found = (walks.update(at(place), "10.0.0.1", NOW + i) for i, place in enumerate(places))
    return [one.n if one is not None else 0 for one in found]


def test_the_third_that_is_alike_makes_a_sequence(walks):
    assert ns(walks, 5.0, 5.1, 5.2, 5.3) == [0, 0, 3, 4]
    assert ns(walks, 50.0, 60.0) == [0, 0]


def test_evidence_says_since_when_and_by_how_many(walks):
    for i in range(3):
        assert walks.update(at(0.5 * i / 10), f"10.0.0.{i}", NOW + i) is None or i == 2
    found = walks.update(at(0.4), "10.0.0.1", NOW + 9)
    assert found is not None
    assert (found.sign, found.n, found.since, found.clients) == ("query-sequence", 4, NOW, 3)


def test_a_sequence_goes_on_however_far_it_walks(walks):
    steps = [0.4 * i for i in range(20)]
    assert ns(walks, *steps) == [0, 0, *range(3, 21)]


def test_two_that_are_alike_happen_to_honest_callers(walks):
    assert ns(walks, 1.0, 1.5, 9.0, 9.5, 20.0, 20.5) == [0] * 6


def test_the_same_again_is_no_step(walks):
    """Retries and health checks."""
    assert ns(walks, *[3.0] * 50) == [0] * 50
    assert ns(walks, 3.1, 3.1, 3.1) == [0, 0, 0]
    assert ns(walks, 3.2) == [3]


def test_the_same_again_is_what_it_was(walks):
    """Who is turned away does not get in by asking again."""
    assert ns(walks, 1.0, 1.1, 1.2, 1.2, 1.0, 1.2) == [0, 0, 3, 3, 0, 3]


def test_what_is_asked_again_and_again_pushes_nobody_out(walks):
    ns(walks, 1.0, 1.1)
    ns(walks, *[77.0] * 5_000)
    assert ns(walks, 1.2) == [3]


def test_questions_are_forgotten_in_time(walks):
    ns(walks, 1.0, 1.1)
    assert walks.update(at(1.2), "10.0.0.1", NOW + 3700) is None


def test_a_patient_caller_is_remembered_behind_thousands_of_others(walks):
    ns(walks, 1.0, 1.1)
    for i in range(5_000):
        walks.update(at(100.0 + 10 * i), "10.9.9.9", NOW + 10)
    found = walks.update(at(1.2), "10.0.0.1", NOW + 20)
    assert found is not None
    assert found.n == 3


def test_prints_by_other_signs_are_not_compared(walks):
    ns(walks, 1.0, 1.1)
    assert walks.update(at(1.2, tag=2), "10.0.0.1", NOW) is None


def test_a_batch_is_a_sequence_of_its_own(walks):
    found = walks.update(at(1.0, 50.0, 1.1, 1.2, 1.2), "10.0.0.1", NOW)
    assert found is not None
    assert found.n == 3
    assert ns(walks, 1.3) == [4]


def test_workers_share_what_they_know(tmp_path: Path):
    first, second = (Walks(Memory(tmp_path / "m", worker, 2), 3600.0) for worker in (0, 1))
    first.update(at(1.0), "10.0.0.1", NOW)
    second.update(at(1.1), "10.0.0.2", NOW)
    found = first.update(at(1.2), "10.0.0.3", NOW)
    assert found is not None
    assert (found.n, found.clients) == (3, 3)


def test_places_that_were_never_written_are_like_nothing(walks):
    assert ns(walks, 0.0, 0.0) == [0, 0]


# -- nearby ----------------------------------------------------------------------------------------------


def nearby(walks: Walks, *asked: tuple[float, str]) -> list[int]:
    """Places and who asks, one after the other, where two of one caller may be 3 apart."""
    found = (walks.update(at(place, wider=9.0), who, NOW + i) for i, (place, who) in enumerate(asked))
    return [one.n if one is not None else 0 for one in found]


def test_one_caller_makes_a_sequence_from_further_away(walks):
    assert nearby(walks, *((place, "10.0.0.1") for place in (0.0, 2.0, -0.5, 40.0, 0.8))) == [0, 0, 3, 0, 4]


def test_of_others_what_is_further_away_is_not_alike(walks):
    assert nearby(walks, (0.0, "10.0.0.1"), (2.0, "10.0.0.2"), (-1.5, "10.0.0.3")) == [0, 0, 0]


def test_one_that_is_alike_and_one_nearby_are_no_sequence(walks):
    """The odds of each are small by themselves, those of either are not."""
    assert nearby(walks, (0.0, "10.0.0.2"), (2.0, "10.0.0.1"), (0.5, "10.0.0.1")) == [0, 0, 0]


def test_who_shares_a_group_is_not_the_same_caller(walks):
    """Places for the latest are few: two addresses may have the same ones."""
    first = "10.0.0.1"
    others = (f"10.1.{i // 250}.{i % 250}" for i in range(20_000))
    other = next(one for one in others if _number(one) % GROUPS == _number(first) % GROUPS)
    assert nearby(walks, (0.0, first), (1.5, first), (2.8, other)) == [0, 0, 0]
    assert nearby(walks, (-1.2, first)) == [3]


def test_only_the_latest_are_nearby(walks):
    nearby(walks, (0.0, "10.0.0.1"), (2.0, "10.0.0.1"))
    nearby(walks, *((100.0 + 10.0 * i, "10.0.0.1") for i in range(15)))
    assert nearby(walks, (-0.5, "10.0.0.1")) == [0], "one of the two has gone"


# -- between two -----------------------------------------------------------------------------------------


def between(walks: Walks, client: str, *places: float) -> list[int]:
    found = (walks.update(at(place, lines=True), client, NOW + i) for i, place in enumerate(places))
    return [one.n if one is not None else 0 for one in found]


def test_who_halves_the_way_between_two_is_walking(walks):
    assert between(walks, "10.0.0.1", 0.0, 64.0, 32.0, 16.0, 16.0) == [0, 0, 3, 4, 4]
    found = walks.update(at(8.0, lines=True), "10.0.0.1", NOW + 9)
    assert found is not None
    assert (found.since, found.clients) == (NOW, 1)


def test_beyond_two_is_not_between_them(walks):
    assert between(walks, "10.0.0.1", 0.0, 32.0, 64.0, 96.0) == [0, 0, 0, 0]


def test_what_others_asked_is_no_end(walks):
    between(walks, "10.0.0.2", 0.0, 64.0)
    assert between(walks, "10.0.0.1", 32.0) == [0]


def test_ends_are_forgotten_in_time(walks):
    between(walks, "10.0.0.1", 0.0, 64.0)
    assert walks.update(at(32.0, lines=True), "10.0.0.1", NOW + 3700) is None


def test_where_lines_say_nothing_they_are_not_looked_for(walks):
    assert ns(walks, 0.0, 64.0, 32.0) == [0, 0, 0]
