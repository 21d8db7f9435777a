"""A baseline that has been learned anew against the one in use: what is compared, and what makes it win.
Pure.

    champion and challenger, each over the same rows -> Contest -> decision

Both are asked about clean rows that neither was fitted on, and about the same rows with every column shuffled
by itself: each value is an ordinary one, but they don't belong together, as in an outlier that only the whole
row gives away. A challenger wins when all lines of `RULES` hold. The observer (`sidecar.observer.refit`)
asks; a short-lived process (`sidecar.baseline.contest`) answers with a file, read against this type.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec

NEAR = 0.5
"""Relative: a share of clean rows flagged that is so close to the threshold needs no comparison."""

KEPT_POWER = 0.8
"""Of the shuffled rows that the champion flags, the challenger must flag about so many."""

LEAST_ROWS = 40
"""Clean rows to compare on."""


class Side(msgspec.Struct, frozen=True):
    """What one baseline says of the rows."""

    directory: str
    digest: str
    clean_flagged: float
    """Share of the clean rows at or under the threshold."""
    shuffled_flagged: float
    """Share of the shuffled rows."""
    finest_p: float


class Contest(msgspec.Struct, frozen=True):
    """Both, over `rows` clean rows and as many shuffled ones, at `threshold`."""

    threshold: float
    rows: int
    champion: Side
    challenger: Side


class Rule(NamedTuple):
    """One thing that a challenger must do."""

    name: str
    says: str
    holds: Callable[[Contest], bool]


def _can_flag(contest: Contest) -> bool:
    return contest.challenger.finest_p <= contest.threshold


def _flags_its_share(contest: Contest) -> bool:
    off = abs(contest.challenger.clean_flagged - contest.threshold)
    # A step is one row: with few of them a share can't be told from its neighbours.
    slack = NEAR * contest.threshold + 2.0 * math.sqrt(contest.threshold / max(1, contest.rows))
    allowed = max(slack, abs(contest.champion.clean_flagged - contest.threshold))
    return off <= allowed


def _keeps_its_eyes(contest: Contest) -> bool:
    wanted = KEPT_POWER * contest.champion.shuffled_flagged
    slack = 2.0 * math.sqrt(contest.champion.shuffled_flagged / max(1, contest.rows))
    return contest.challenger.shuffled_flagged >= wanted - slack


def _compared_on_enough(contest: Contest) -> bool:
    return contest.rows >= LEAST_ROWS


RULES: tuple[Rule, ...] = (
    Rule("rows", f"there are {LEAST_ROWS} clean rows to compare on", _compared_on_enough),
    Rule("finest-p", "its finest p-value is at most the threshold", _can_flag),
    Rule(
        "clean",
        "of clean rows it flags the threshold's share, give or take chance, or comes as near as the champion",
        _flags_its_share,
    ),
    Rule(
        "shuffled", f"of shuffled rows it flags {KEPT_POWER:.0%} of what the champion does", _keeps_its_eyes
    ),
)
"""Every line must hold."""


def broken(contest: Contest) -> tuple[str, ...]:
    """The names of the rules that the challenger breaks; none: it wins."""
    return tuple(rule.name for rule in RULES if not rule.holds(contest))


_decoder = msgspec.json.Decoder(Contest)


def read(content: bytes) -> Contest:
    """The contest in a file. Raises msgspec.MsgspecError when there is none."""
    return _decoder.decode(content)
