"""Who wins: every rule holds and breaks, and a file that is no contest is refused."""

from __future__ import annotations

import msgspec
import pytest

from sidecar.contest import RULES, Contest, Side, broken, read


def contest(
    rows: int = 400, clean: float = 0.01, shuffled: float = 0.9, finest: float = 0.005, old: float = 0.01
):
    champion = Side("old", "a", old, 0.9, 0.005)
    return Contest(0.01, rows, champion, Side("new", "b", clean, shuffled, finest))


def test_as_good_as_the_champion_wins():
    assert broken(contest()) == ()


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (contest(rows=39), "rows"),
        (contest(finest=0.02), "finest-p"),
        (contest(clean=0.05), "clean"),
        (contest(rows=10_000, clean=0.002), "clean"),
        (contest(shuffled=0.5), "shuffled"),
    ],
)
def test_each_rule_can_be_broken(found, name):
    assert broken(found) == (name,)


def test_every_rule_is_tried_here():
    assert {rule.name for rule in RULES} == {"rows", "finest-p", "clean", "shuffled"}


def test_a_share_that_is_off_is_still_better_than_one_that_is_farther_off():
    assert broken(contest(clean=0.05, old=0.2)) == ()


def test_a_contest_is_read_back_and_nothing_else():
    assert read(msgspec.json.encode(contest())) == contest()
    with pytest.raises(msgspec.MsgspecError):
        read(b'{"threshold": 1}')
